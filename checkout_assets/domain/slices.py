"""Slices of folders or months, for pieces of work that hold a limited number."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from checkout_assets.domain.errors import UsageError

T = TypeVar("T")


def slices(units: Sequence[T], size: int) -> Iterator[tuple[T, ...]]:
    """Yield consecutive slices of at most ``size`` units."""
    if size < 1:
        raise UsageError(f"A slice holds at least 1 unit, not {size}.")
    for start in range(0, len(units), size):
        yield tuple(units[start : start + size])
