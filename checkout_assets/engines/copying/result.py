"""How copying a folder ended, and the sentences that say so."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from checkout_assets.domain.copying import CopyFacts, Status
from checkout_assets.domain.folders import Folder
from spark_jobs.contract import CompletionRecord

_MOST_REASONS_TOLD = 3


class FolderError(Exception):
    """A folder cannot be completed; the message is its sentence, without any object's name."""


@dataclass(frozen=True, slots=True)
class ObjectFailure:
    """An object that could not be copied, by its full source key, and why."""

    source_key: str
    error: str


@dataclass(frozen=True, slots=True)
class FolderCopied:
    """How copying one folder ended.

    ``record`` is its proof and is there if and only if the folder is complete; else ``error`` says
    what is not. ``failures`` are the first failed objects, by names that strangers wrote.
    ``notes`` are sentences about what is complete but worth knowing.
    """

    folder: Folder
    facts: CopyFacts = field(default_factory=CopyFacts)
    record: CompletionRecord | None = None
    failures: Sequence[ObjectFailure] = ()
    notes: Sequence[str] = ()
    seconds: float = 0.0
    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether the folder is copied and verified."""
        return not self.error


def facts_of(record: CompletionRecord) -> CopyFacts:
    """What a completion record says a copy counted."""
    return CopyFacts(
        listed=record.listed,
        by_status=dict(record.by_status),
        by_kind=dict(record.by_kind),
        escaped=record.escaped,
        near_misses=record.near_misses,
        newer=record.newer,
        missing_on_source=record.missing_on_source,
        lost=record.lost,
        total_bytes=record.total_bytes,
    )


def explain_failures(folder: Folder, facts: CopyFacts, reasons: Counter[str]) -> str:
    """The sentence for a folder of which some objects could not be copied."""
    told = "; ".join(f"{n:,}: {reason}" for reason, n in reasons.most_common(_MOST_REASONS_TOLD))
    return (
        f"{folder}: {facts.status(Status.FAILED):,} of {facts.listed:,} objects could not be "
        f"copied ({told}). All others are in raw; copy the folder again for the rest."
    )


def explain_hopelessness(folder: Folder, reason: str) -> str:
    """The sentence for a folder that was given up, because of a clause that concerns all."""
    return (
        f"{folder}: {reason}; the copy was given up. What is in raw stays; copy the folder again "
        "to go on."
    )


def explain_disagreement(folder: Folder, facts: CopyFacts) -> str:
    """The sentence for a folder of which raw's second listing does not show what was copied."""
    return (
        f"{folder}: after copying, raw's listing differs from the manifest in "
        f"{facts.unverified:,} objects: something else writes there. Copy it again."
    )


def explain_emptiness(folder: Folder, facts: CopyFacts, place: str, as_of: datetime) -> str:
    """The sentence for a folder in which nothing is due: an expected folder is never empty."""
    if facts.newer:
        return (
            f"{folder}: all {facts.newer:,} objects came after the cut-off "
            f"{as_of:%Y-%m-%dT%H:%M:%SZ}, so nothing was copied. Move the cut-off with --as-of."
        )
    return (
        f"{folder}: the source holds nothing below {place}/{folder}/. An expected folder that is "
        "missing or empty is a failure: check the source's bucket and prefix."
    )
