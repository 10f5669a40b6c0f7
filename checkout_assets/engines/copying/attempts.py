"""Copying one object: the current attempt and its outcome."""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from checkout_assets.domain.copying import SourceObject
from checkout_assets.engines.copying.explaining import Why


class Ending(StrEnum):
    """How copying one object ended."""

    COPIED = "copied"
    PRESENT = "present"
    """Raw holds its bytes: another copy finished first, or the response to this copy was lost."""
    FAILED = "failed"
    GONE = "gone"
    """It was deleted at the source between listing and copying."""
    NEWER = "newer"
    """It was overwritten at the source after the cut-off, between listing and copying."""


class ObjectOutcome(NamedTuple):
    """The outcome of one object; ``source`` is the version last seen at the source.

    ``why`` explains a failed object. ``compared`` says of a copied object whether its bytes in raw
    are known to equal the source's.
    """

    ending: Ending
    source: SourceObject
    attempts: int
    raw_etag: str = ""
    why: Why | None = None
    compared: bool = True


OnEnd = Callable[[ObjectOutcome], None]


class Attempt:
    """A copy of one object in progress: the requested version, the attempts, and the callback.

    ``there`` is the tag of what raw holds at the object's key, or None. Only that may be
    overwritten.
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
        """Report how the attempt ended, if it did not fail."""
        self.on_end(ObjectOutcome(ending, self.source, self.number, raw_etag, None, compared))

    def fail(self, why: Why) -> None:
        """Report that the attempt failed."""
        self.on_end(ObjectOutcome(Ending.FAILED, self.source, self.number, why=why))
