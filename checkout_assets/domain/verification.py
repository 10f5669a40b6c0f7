"""Comparing the expected objects of a store with its listing, in rclone's vocabulary."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

_S = TypeVar("_S")
_T = TypeVar("_T")
_U = TypeVar("_U")

_BEYOND = "\U0010ffff\U0010ffff"
"""Greater than every key of a folder, because those begin with its name."""

_NO_MORE: tuple[str, Any] = (_BEYOND, None)


class OutOfOrderError(ValueError):
    """A listing does not ascend by key, so joining it would lose objects unnoticed."""


class Verdict(StrEnum):
    """The result of comparing an object at the source (or in its manifest) with raw."""

    MATCH = "match"
    DIFFER = "differ"
    MISSING_ON_SOURCE = "missing on source"
    MISSING_ON_RAW = "missing on raw"
    ERROR = "error"


class Seen(NamedTuple):
    """An object of one side: size in bytes and entity tag in raw."""

    size: int
    etag: str


def compare(
    expected: Iterable[tuple[str, tuple[int, str]]], found: Iterable[tuple[str, tuple[int, str]]]
) -> Iterator[tuple[str, Verdict]]:
    """Each raw key of either side with its verdict; both sides must ascend by key."""
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
    """Each key of either side once, with the value of each side or None.

    Raises OutOfOrderError if a side does not ascend.
    """
    nothing: tuple[()] = ()
    for key, one, other, _ in merge_join_three(left, right, nothing):
        yield key, one, other


def merge_join_three(
    first: Iterable[tuple[str, _S]],
    second: Iterable[tuple[str, _T]],
    third: Iterable[tuple[str, _U]],
) -> Iterator[tuple[str, _S | None, _T | None, _U | None]]:
    """As ``merge_join``, for three sides.

    Every object passes through here several times, so the loop is written out for speed.
    """
    ones, twos, threes = iter(first), iter(second), iter(third)
    a, one = next(ones, _NO_MORE)
    b, two = next(twos, _NO_MORE)
    c, three = next(threes, _NO_MORE)
    while True:
        key = min(a, b, c)
        if key == _BEYOND:
            return
        here, there, yonder = None, None, None
        if a == key:
            here = one
            a, one = next(ones, _NO_MORE)
            _check_order(key, a)
        if b == key:
            there = two
            b, two = next(twos, _NO_MORE)
            _check_order(key, b)
        if c == key:
            yonder = three
            c, three = next(threes, _NO_MORE)
            _check_order(key, c)
        yield key, here, there, yonder


def _check_order(key: str, following: str) -> None:
    if following <= key:
        raise OutOfOrderError("a listing does not ascend by key, as S3's general buckets do")
