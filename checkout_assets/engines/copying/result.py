"""How copying a folder ended, and the sentences that describe it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from checkout_assets.domain.copying import CopyFacts
from checkout_assets.domain.counting import in_number, part_of
from checkout_assets.domain.folders import Folder
from checkout_assets.engines.seam import FolderOutcome
from spark_jobs.contract.completion import CompletionRecord
from spark_jobs.contract.failures import Failure
from spark_jobs.contract.words import ObjectKind, Status

_MOST_REASONS_TOLD = 3


class FolderNotCopiedError(Exception):
    """A folder cannot be completed; the message is a sentence without any object's name."""

    def __init__(self, sentence: str, failure: Failure) -> None:
        super().__init__(sentence)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class ObjectFailure:
    """An object that could not be copied, by its full source key, and the reason."""

    source_key: str
    error: str


@dataclass(frozen=True, slots=True)
class FolderCopied(FolderOutcome):
    """How copying one folder ended.

    ``record`` is its proof; it is present if and only if the folder is complete. ``failures`` are
    the first failed objects; their names come from outside and are untrusted. ``notes`` are
    sentences about what is complete but worth knowing.
    """

    facts: CopyFacts = field(default_factory=CopyFacts)
    record: CompletionRecord | None = None
    failures: Sequence[ObjectFailure] = ()
    notes: Sequence[str] = ()


def facts_of(record: CompletionRecord) -> CopyFacts:
    """Return the counts of a copy from its completion record."""
    return CopyFacts(
        listed=record.listed,
        by_status=dict(record.by_status),
        by_kind=dict(record.by_kind),
        escaped=record.escaped,
        near_misses=record.near_misses,
        newer=record.newer,
        missing_on_source=record.missing_on_source,
        lost=record.lost,
        uncompared=record.uncompared,
        total_bytes=record.total_bytes,
    )


def explain_failures(folder: Folder, facts: CopyFacts, reasons: Counter[str]) -> str:
    """Build the sentence for a folder in which some objects could not be copied."""
    told = "; ".join(f"{n:,}: {reason}" for reason, n in reasons.most_common(_MOST_REASONS_TOLD))
    return (
        f"{folder}: {part_of(facts.status(Status.FAILED), facts.listed, 'object')} could not be "
        f"copied ({told}). All others are in raw; copy the folder again for the rest."
    )


def explain_hopelessness(folder: Folder, reason: str) -> str:
    """Build the sentence for a folder that was given up; ``reason`` is a clause about the run."""
    return (
        f"{folder}: {reason}; the copy was given up. What is in raw stays; copy the folder again "
        "to continue."
    )


def explain_disagreement(folder: Folder, facts: CopyFacts) -> str:
    """Build the sentence for a folder whose second listing of raw does not match the copy."""
    return f"{folder}: after copying, raw's listing differs from the manifest in " + in_number(
        facts.unverified, "# object[|s]: something else writes there. Copy it again."
    )


def explain_emptiness(
    folder: Folder, facts: CopyFacts, place: str, as_of: datetime, recorded: bool
) -> str:
    """Build the sentences for a folder without a document up to the cut-off; it is never complete.

    ``recorded`` tells whether raw has a completion record of it.
    """
    others = [
        in_number(count, f"# {kind} object[|s]")
        for kind in (ObjectKind.NESTED, ObjectKind.SIDE)
        if (count := facts.kind(kind))
    ]
    where = f"below {place}/{folder}/"
    found = f"no document {where}, only {' and '.join(others)}" if others else f"nothing {where}"
    until = f" up to the cut-off {as_of:%Y-%m-%dT%H:%M:%SZ}" if facts.newer else ""
    causes = [
        in_number(facts.newer, "# object[|s] came after the cut-off: move it with --as-of.")
        if facts.newer
        else "",
        _explain_vanished(facts.status(Status.VANISHED), recorded),
    ]
    what = "without a document" if others else "that is missing or empty"
    advice = f"An expected folder {what} is a failure: check the source's bucket and prefix."
    told = " ".join(filter(None, causes)) or advice
    return f"{folder}: the source holds {found}{until}. {told}"


def _explain_vanished(count: int, recorded: bool) -> str:
    if not count:
        return ""
    stays = "stays, and so does that copy's record." if recorded else "stays."
    return in_number(
        count,
        "# object[|s] that an earlier copy saw [is|are] no longer at the source; what raw holds of "
        f"[it|them] {stays}",
    )
