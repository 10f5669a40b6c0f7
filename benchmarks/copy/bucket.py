"""A bucket of the stub: its objects, listings and conditional writes."""

import bisect
import hashlib
from dataclasses import dataclass, field
from typing import NamedTuple

from benchmarks.copy.keyspace import KeySpace

SOURCE_MODIFIED = b"2020-01-01T00:00:00.000Z"
RAW_MODIFIED = b"2026-01-01T00:00:00.000Z"


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """S3 would return an error; the arguments are its status and its code."""


class Listed(NamedTuple):
    """An object as a listing shows it."""

    key: bytes
    size: int
    etag: bytes
    modified: bytes


class Kept(NamedTuple):
    """An object that was written, or copied to another key."""

    body: bytes
    etag: bytes


@dataclass(slots=True)
class Page:
    """A page of a listing; ``after`` is where the next page starts, None on the last."""

    entries: list[Listed] = field(default_factory=list)
    prefixes: list[bytes] = field(default_factory=list)
    after: bytes | None = None


class Bucket:
    """The numbered objects below ``prefix``, with one byte for each, and the written ones."""

    def __init__(self, space: KeySpace, prefix: bytes, full: bool) -> None:
        self.space = space
        self._prefix = prefix
        self._modified = SOURCE_MODIFIED if full else RAW_MODIFIED
        # A full bucket needs no map, so 10 million objects need no memory.
        self._there = None if full else bytearray(len(space))
        self._kept: dict[bytes, Kept] = {}
        self._kept_keys: list[bytes] = []

    def count(self) -> int:
        """The number of numbered objects in the bucket."""
        return len(self.space) if self._there is None else self._there.count(1)

    def kept_count(self) -> int:
        """The number of other objects in the bucket."""
        return len(self._kept)

    def clear(self) -> None:
        """Remove everything, except from the full bucket."""
        if self._there is not None:
            self._there = bytearray(len(self.space))
        self._kept.clear()
        self._kept_keys.clear()

    def fill(self) -> None:
        """Put all numbered objects into the bucket."""
        if self._there is not None:
            self._there = bytearray(b"\1") * len(self.space)

    def drop(self, every: int) -> None:
        """Remove each ``every``-th numbered object."""
        if self._there is not None:
            dropped = range(0, len(self.space), every)
            self._there[::every] = bytes(len(dropped))

    def number(self, key: bytes) -> int | None:
        """The number of the object with this key, if it is in the bucket."""
        number = self._numbered(key)
        if number is None or (self._there is not None and not self._there[number]):
            return None
        return number

    def etag(self, key: bytes) -> bytes:
        """The entity tag of the object; raises Refused if there is none."""
        number = self.number(key)
        return self._kept_object(key).etag if number is None else self.space.etag(number)

    def get(self, key: bytes) -> Kept:
        """The object; raises Refused if there is none."""
        number = self.number(key)
        if number is None:
            return self._kept_object(key)
        return Kept(self.space.body(number), self.space.etag(number))

    def put(
        self, key: bytes, body: bytes, if_match: bytes | None = None, if_absent: bool = False
    ) -> bytes:
        """Write an object if the condition holds; returns its entity tag."""
        etag = hashlib.md5(body, usedforsecurity=False).hexdigest().encode()
        self.check_condition(key, if_match, if_absent)
        self._keep(key, Kept(body, etag))
        return etag

    def receive(self, key: bytes, source: "Bucket", source_key: bytes) -> bytes:
        """Copy an object of another bucket; returns its entity tag."""
        number = source.number(source_key)
        if number is not None and self._there is not None and number == self._numbered(key):
            self._forget(key)
            self._there[number] = 1
            return self.space.etag(number)
        copied = source.get(source_key)
        self._keep(key, copied)
        return copied.etag

    def delete(self, key: bytes) -> None:
        """Remove an object if it exists."""
        number = self._numbered(key)
        if number is not None and self._there is not None:
            self._there[number] = 0
        self._forget(key)

    def page(self, prefix: bytes, after: bytes, most: int, delimiter: bytes = b"") -> Page:
        """Up to ``most`` keys and common prefixes that begin with ``prefix``, above ``after``."""
        page = Page()
        low = max(prefix, after + b"\0") if after else prefix
        while True:
            wanted = most - len(page.entries) - len(page.prefixes)
            found = self._between(low, _end_of(prefix), wanted + 1)
            low = _take(page, found[:wanted], prefix, delimiter)
            if not low:
                page.after = found[wanted - 1].key if len(found) > wanted > 0 else None
                return page
            if len(page.entries) + len(page.prefixes) == most:
                page.after = low[:-1] if self._between(low, _end_of(prefix), 1) else None
                return page

    def _between(self, low: bytes, high: bytes | None, most: int) -> list[Listed]:
        """The first objects from ``low`` on and below ``high``, in the order of their bytes."""
        first = bisect.bisect_left(self._kept_keys, low)
        last = len(self._kept_keys) if high is None else bisect.bisect_left(self._kept_keys, high)
        kept = [
            Listed(key, len(self._kept[key].body), self._kept[key].etag, RAW_MODIFIED)
            for key in self._kept_keys[first : min(last, first + most)]
        ]
        numbers = self._numbers(self._position(low), high, most)
        numbered = [
            Listed(self._prefix + key, size, etag, self._modified)
            for key, size, etag in self.space.described(numbers)
        ]
        return sorted([*kept, *numbered])[:most] if kept else numbered

    def _numbers(self, first: int, high: bytes | None, most: int) -> list[int]:
        last = len(self.space) if high is None else self._position(high)
        if self._there is None:
            return list(range(first, min(last, first + most)))
        numbers: list[int] = []
        number = self._there.find(1, first, last)
        while number >= 0 and len(numbers) < most:
            numbers.append(number)
            number = self._there.find(1, number + 1, last)
        return numbers

    def _position(self, key: bytes) -> int:
        if key.startswith(self._prefix):
            return self.space.position(key[len(self._prefix) :])
        return 0 if key < self._prefix else len(self.space)

    def _numbered(self, key: bytes) -> int | None:
        if not key.startswith(self._prefix):
            return None
        return self.space.number(key[len(self._prefix) :])

    def _kept_object(self, key: bytes) -> Kept:
        kept = self._kept.get(key)
        if kept is None:
            raise Refused(404, "NoSuchKey")
        return kept

    def _keep(self, key: bytes, kept: Kept) -> None:
        if self._there is None:
            raise Refused(403, "AccessDenied")
        number = self._numbered(key)
        if number is not None:  # it is no longer the object of this number
            self._there[number] = 0
        if key not in self._kept:
            bisect.insort(self._kept_keys, key)
        self._kept[key] = kept

    def _forget(self, key: bytes) -> None:
        if self._kept.pop(key, None) is not None:
            del self._kept_keys[bisect.bisect_left(self._kept_keys, key)]

    def check_condition(self, key: bytes, if_match: bytes | None, if_absent: bool) -> None:
        """Raise Refused unless the object has that tag, or does not exist if ``if_absent``."""
        try:
            etag = self.etag(key)
        except Refused:
            if if_match is not None:
                raise
            return
        if if_absent or (if_match is not None and if_match != etag):
            raise Refused(412, "PreconditionFailed")


def _take(page: Page, found: list[Listed], prefix: bytes, delimiter: bytes) -> bytes:
    """Add objects to the page; returns where to go on after a common prefix, empty at the end."""
    if not delimiter:
        page.entries.extend(found)
        return b""
    for entry in found:
        at = entry.key.find(delimiter, len(prefix))
        if at >= 0:
            common = entry.key[: at + len(delimiter)]
            page.prefixes.append(common)
            return common + b"\xff\0"  # above every key of this prefix
        page.entries.append(entry)
    return b""


def _end_of(prefix: bytes) -> bytes | None:
    """The first key above all that begin with ``prefix``; None if there is no such key."""
    return prefix[:-1] + bytes([prefix[-1] + 1]) if prefix else None
