"""A bucket's policy as the text it is: putting our statements in and taking them out.

Other people's statements are never parsed and written anew: their bytes and order stay.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from typing import Any

from checkout_assets.domain.access.bucket_policies import OUR_STATEMENTS
from checkout_assets.domain.access.statements import Statement, our_name, pretty, same
from checkout_assets.domain.errors import MigrationError, UsageError

LARGEST = 20 * 1024
"""Bytes of a bucket's policy: S3's limit."""

_SPACE = re.compile(r"[ \t\n\r]*")
_DECODER = json.JSONDecoder()
_NEW = '{{\n "Version": "2012-10-17",\n "Statement": [\n{}\n ]\n}}'
_BETWEEN = ",\n"


@dataclass(frozen=True, slots=True)
class PolicyText:
    """A bucket's policy; empty text if it has none."""

    text: str = ""

    @property
    def statements(self) -> list[Statement]:
        """All of them, parsed; raises MigrationError if this is no policy."""
        return [_statement(piece) for piece in self._pieces]

    @property
    def ours(self) -> list[Statement]:
        """Those that we put there."""
        return [each for each in self.statements if _is_ours(each)]

    @property
    def others(self) -> list[str]:
        """The text of each statement of others, in order."""
        return [piece for piece in self._pieces if not _is_ours(_statement(piece))]

    def merged(self, wanted: Iterable[Statement]) -> "PolicyText":
        """With exactly the wanted statements of ours: in their old places, new ones at the end.

        Raises UsageError if S3 would find the policy too long.
        """
        left = {our_name(each, OUR_STATEMENTS): each for each in wanted}
        pieces = []
        for piece in self._pieces:
            statement = _statement(piece)
            if not _is_ours(statement):
                pieces.append(piece)
                continue
            wished = left.pop(our_name(statement, OUR_STATEMENTS), None)
            if wished is not None:
                pieces.append(piece if same(wished, statement) else pretty(wished))
        merged = self._with(pieces + [pretty(each) for each in left.values()])
        if len(merged.text.encode()) > max(LARGEST, len(self.text.encode())):
            raise UsageError(
                f"The bucket's policy would exceed {LARGEST:,} bytes, S3's limit: remove "
                "statements that are no longer needed first."
            )
        return merged

    def without_ours(self) -> "PolicyText":
        """As it is without us; empty if nothing else was in it."""
        return self.merged(())

    @property
    def _pieces(self) -> list[str]:
        if not self.text:
            return []
        first, last = self._array
        found = [self.text[start:end] for start, end in _elements(self.text, first)]
        return found if self.text[first] == "[" else [self.text[first:last]]

    @property
    def _array(self) -> tuple[int, int]:
        """Where the value of ``Statement`` begins and ends."""
        try:
            members = list(_members(self.text))
        except (ValueError, IndexError, RecursionError):
            raise _unreadable() from None
        spans = [(start, end) for name, start, end in members if name == "Statement"]
        if len(spans) != 1:
            raise _unreadable()
        return spans[0]

    def _with(self, pieces: Sequence[str]) -> "PolicyText":
        """The same text around other statements."""
        if pieces == self._pieces:
            return self
        if not pieces:
            return PolicyText()
        inside = _BETWEEN.join(pieces)
        if not self.text:
            return PolicyText(_NEW.format(inside))
        first, last = self._array
        return PolicyText(f"{self.text[:first]}[\n{inside}\n]{self.text[last:]}")


def difference(before: PolicyText, after: PolicyText) -> list[str]:
    """What changes, as lines that begin with ``+``, ``-`` or a space; statements of others stay."""
    lines = unified_diff(_lines(before.ours), _lines(after.ours), n=1, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def _lines(statements: Iterable[Statement]) -> list[str]:
    return [line for each in statements for line in pretty(each).splitlines()]


def _statement(piece: str) -> Statement:
    found = json.loads(piece)
    if not isinstance(found, dict):
        raise _unreadable()
    return found


def _is_ours(statement: Statement) -> bool:
    return our_name(statement, OUR_STATEMENTS) is not None


def _members(text: str) -> Iterator[tuple[Any, int, int]]:
    """Name, start and end of each member's value of the object that ``text`` is."""
    place = _expect(text, 0, "{")
    while text[place] != "}":
        name, place = _DECODER.raw_decode(text, place)
        start = _expect(text, _skip(text, place), ":")
        _, end = _DECODER.raw_decode(text, start)
        yield name, start, end
        place = _after(text, end, "}")
    if _skip(text, place + 1) != len(text):
        raise ValueError("more than an object")


def _elements(text: str, start: int) -> Iterator[tuple[int, int]]:
    """Start and end of each element if an array begins there."""
    if text[start] != "[":
        return
    place = _skip(text, start + 1)
    while text[place] != "]":
        _, end = _DECODER.raw_decode(text, place)
        yield place, end
        place = _after(text, end, "]")


def _after(text: str, end: int, closing: str) -> int:
    """The start of what follows a value: the next one, or the closing bracket."""
    place = _skip(text, end)
    return place if text[place] == closing else _expect(text, place, ",")


def _expect(text: str, place: int, mark: str) -> int:
    """The place of what follows ``mark``."""
    place = _skip(text, place)
    if text[place] != mark:
        raise ValueError(mark)
    return _skip(text, place + 1)


def _skip(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _unreadable() -> MigrationError:
    return MigrationError(
        "The bucket's policy cannot be read: it is no JSON object with one list of statements. "
        "Nothing was changed; look at it in the console."
    )
