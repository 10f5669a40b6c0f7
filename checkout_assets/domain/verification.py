"""Comparing what should be in a store with what its listing shows, in rclone's vocabulary."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple, TypeVar

_S = TypeVar("_S")
_T = TypeVar("_T")


class OutOfOrderError(ValueError):
    """A listing does not ascend by key, so joining it would lose objects in silence."""


class Verdict(StrEnum):
    """How an object compares between the source (or its manifest) and raw."""

    MATCH = "match"
    DIFFER = "differ"
    MISSING_ON_SOURCE = "missing on source"
    MISSING_ON_RAW = "missing on raw"
    ERROR = "error"


class Seen(NamedTuple):
    """An object as one side shows it: size in bytes and raw's entity tag."""

    size: int
    etag: str


def compare(
    expected: Iterable[tuple[str, Seen]], found: Iterable[tuple[str, Seen]]
) -> Iterator[tuple[str, Verdict]]:
    """Each raw key of either side with its verdict; both sides ascend by key."""
    for key, wanted, there in merge_join(expected, found):
        if wanted is None:
            yield key, Verdict.MISSING_ON_SOURCE
        elif there is None:
            yield key, Verdict.MISSING_ON_RAW
        else:
            yield key, Verdict.MATCH if wanted == there else Verdict.DIFFER


def merge_join(
    left: Iterable[tuple[str, _S]], right: Iterable[tuple[str, _T]]
) -> Iterator[tuple[str, _S | None, _T | None]]:
    """Each key of either side once, with what each side has there; both sides ascend by key.

    Raises OutOfOrderError if a side does not ascend.
    """
    lefts, rights = ascending(left), ascending(right)
    one, other = next(lefts, None), next(rights, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one[0] < other[0]):
            assert one is not None
            yield one[0], one[1], None
            one = next(lefts, None)
        elif one is None or other[0] < one[0]:
            yield other[0], None, other[1]
            other = next(rights, None)
        else:
            yield one[0], one[1], other[1]
            one, other = next(lefts, None), next(rights, None)


def ascending(items: Iterable[tuple[str, _T]]) -> Iterator[tuple[str, _T]]:
    """The items unchanged; raises OutOfOrderError at the first key that does not ascend."""
    last: str | None = None
    for item in items:
        if last is not None and item[0] <= last:
            raise OutOfOrderError("a listing does not ascend by key, as S3's general buckets do")
        last = item[0]
        yield item
