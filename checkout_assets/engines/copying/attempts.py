"""Copying one object: the attempt under way, and how it ended."""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from checkout_assets.domain.copying import SourceObject
from checkout_assets.engines.copying.explaining import Why


class Ending(StrEnum):
    """How copying one object ended."""

    COPIED = "copied"
    PRESENT = "present"
    """Raw holds its bytes: another copy was faster, or this one's answer was lost."""
    FAILED = "failed"
    GONE = "gone"
    """It was deleted at the source between listing and copying."""
    NEWER = "newer"
    """It was overwritten at the source meanwhile, after the cut-off."""


class ObjectOutcome(NamedTuple):
    """What became of one object; ``source`` is the version last seen at the source.

    ``why`` tells of one that failed, ``compared`` of a copied one whether raw's bytes are known to
    be the source's.
    """

    ending: Ending
    source: SourceObject
    attempts: int
    raw_etag: str = ""
    why: Why | None = None
    compared: bool = True


OnEnd = Callable[[ObjectOutcome], None]


class Attempt:
    """An object under way: the version asked for, how often, and who hears of its end.

    ``there`` is the tag of what raw holds at its key, or None: only that may be overwritten.
    """

    __slots__ = (
        "conditional", "looked_again", "looked_at_raw", "number", "on_end", "raw_key", "source",
        "there",
    )  # fmt: skip

    def __init__(
        self, source: SourceObject, raw_key: str, there: str | None, on_end: OnEnd
    ) -> None:
        self.source = source
        self.raw_key = raw_key
        self.there = there
        self.on_end = on_end
        self.number = 0
        self.conditional = self.looked_again = self.looked_at_raw = False

    def end(self, ending: Ending, raw_etag: str = "", compared: bool = True) -> None:
        """Tell how it ended, if it did not fail."""
        self.on_end(ObjectOutcome(ending, self.source, self.number, raw_etag, None, compared))

    def fail(self, why: Why) -> None:
        """Tell that it failed."""
        self.on_end(ObjectOutcome(Ending.FAILED, self.source, self.number, why=why))
