"""A cache of what is known of names, in bounded memory: names come from documents."""

from __future__ import annotations

from functools import lru_cache, wraps
from typing import Any, Callable, TypeVar

LONGEST_NAME = 64
"""Characters of the longest name looked at; the longest of the schema's has fewer than 50."""

Result = TypeVar("Result")


def cached_if_short(
    entries: int, longest: int = LONGEST_NAME
) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    """Cache a function of a text for the ``entries`` texts used last.

    A text of more than ``longest`` characters is never kept. Further arguments are keys as they
    are.
    """

    def cached(function: Callable[..., Result]) -> Callable[..., Result]:
        kept = lru_cache(entries)(function)

        @wraps(function)
        def looked_up(text: str, *others: Any) -> Result:
            return kept(text, *others) if len(text) <= longest else function(text, *others)

        return looked_up

    return cached
