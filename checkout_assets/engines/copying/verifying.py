"""Compare raw's listing with a manifest, as blocks of columns.

If nothing differs, whole pages are equal, and comparing lists costs a tenth of looking at each
object. From the first difference on, objects are compared one by one.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain, compress, islice
from operator import lt
from typing import NamedTuple

from checkout_assets.domain.verification import OutOfOrderError, Seen, Verdict, compare


class Block(NamedTuple):
    """Some objects in order: their places, sizes in bytes and raw's tags, as columns."""

    places: list[str]
    sizes: list[int]
    etags: list[str]

    def items(self) -> Iterator[tuple[str, Seen]]:
        """Yield the objects one by one."""
        return zip(self.places, map(Seen, self.sizes, self.etags), strict=True)

    def part(self, first: int, last: int) -> "Block":
        """Return the objects from ``first`` up to ``last``."""
        return Block(self.places[first:last], self.sizes[first:last], self.etags[first:last])

    def where(self, kept: list[bool]) -> "Block":
        """Return the objects whose flag is true."""
        return Block(
            list(compress(self.places, kept)),
            list(compress(self.sizes, kept)),
            list(compress(self.etags, kept)),
        )


def verify(expected: Iterable[Block], found: Iterable[Block]) -> Counter[Verdict]:
    """Count the objects of either side by verdict; both sides must ascend by place.

    Raises OutOfOrderError if a side does not.
    """
    wanted, there = _Side(expected), _Side(found)
    matching, last = 0, ""
    while count := min(wanted.left(), there.left()):
        block = wanted.next(count)
        if block != there.next(count):
            break
        if not all(map(lt, chain([last], block.places), block.places)):
            raise OutOfOrderError("a listing does not ascend by key, as S3's general buckets do")
        matching, last = matching + count, block.places[-1]
        wanted.take(count)
        there.take(count)
    verdicts = Counter(verdict for _, verdict in compare(wanted.rest(), there.rest()))
    verdicts[Verdict.MATCH] += matching
    return verdicts


class _Side:
    """The objects of one side that have not been compared yet."""

    def __init__(self, blocks: Iterable[Block]) -> None:
        self._blocks = iter(blocks)
        self._block = Block([], [], [])
        self._at = 0

    def left(self) -> int:
        """Return how many objects are buffered; 0 only at the end."""
        while self._at >= len(self._block.places):
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._block, self._at = block, 0
        return len(self._block.places) - self._at

    def next(self, count: int) -> Block:
        """Return the next ``count`` objects."""
        return self._block.part(self._at, self._at + count)

    def take(self, count: int) -> None:
        """Drop the next ``count`` objects, which have been compared."""
        self._at += count

    def rest(self) -> Iterator[tuple[str, Seen]]:
        """Yield all remaining objects."""
        yield from islice(self._block.items(), self._at, None)
        for block in self._blocks:
            yield from block.items()
