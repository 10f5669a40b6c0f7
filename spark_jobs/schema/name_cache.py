"""A cache per field name with bounded memory: names come from documents."""

from __future__ import annotations

from functools import lru_cache, wraps
from typing import Any, Callable, TypeVar

LONGEST_NAME = 64
"""The longest name looked at, in characters; the schema's longest has fewer than 50."""

Result = TypeVar("Result")


def cached_if_short(
    entries: int, longest: int = LONGEST_NAME
) -> Callable[[Callable[..., Result]], Callable[..., Result]]:
    """Cache a function of a text for the last ``entries`` texts used.

    Texts of more than ``longest`` characters are not cached. Further arguments are part of the key.
    """

    def cached(function: Callable[..., Result]) -> Callable[..., Result]:
        kept = lru_cache(entries)(function)

        @wraps(function)
        def looked_up_alone(text: str) -> Result:
            return kept(text) if len(text) <= longest else function(text)

        @wraps(function)
        def looked_up(text: str, *others: Any) -> Result:
            return kept(text, *others) if len(text) <= longest else function(text, *others)

        takes_only_text = function.__code__.co_argcount == 1
        return looked_up_alone if takes_only_text else looked_up

    return cached
