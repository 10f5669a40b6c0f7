"""The last listing of each folder, kept so that not every reconciliation lists every folder.

A listing is kept only if it found every object right. A folder without one is listed each time.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import ClassVar

from checkout_assets.domain.counting import of_folders
from checkout_assets.domain.folders import Folder, select_folders
from checkout_assets.domain.reconciliation import CopyEvidence, FolderReconciled
from checkout_assets.domain.reporting.outcome import FolderName, ReconciliationOutcome
from checkout_assets.domain.rotation import due_on
from spark_jobs.contract.completion import CompletionRecord
from spark_jobs.contract.record_format import Instant

_MOST_NAMED = 3


@dataclass(frozen=True)
class FolderListing:
    """The counts of objects in source and raw when a folder was listed, at the time ``at``.

    ``copy_id`` and ``digest`` are those of the completion record that the listings agreed with.
    ``listed`` is None if the source was not listed.
    """

    at: Instant
    copy_id: str
    digest: str
    raw_objects: int
    newer: int
    vanished: int
    missing_on_source: int
    listed: int | None = None

    @property
    def day(self) -> date:
        """The day of the listing, in UTC."""
        return datetime.fromisoformat(self.at).astimezone(UTC).date()

    def agrees_with(self, record: CompletionRecord) -> bool:
        """Whether ``record`` is the completion record that the listings agreed with."""
        return (record.copy_id, record.digest) == (self.copy_id, self.digest)


@dataclass(frozen=True)
class KeptListings:
    """The last listings of folders, all of one source and one raw, up to one cut-off."""

    WHAT: ClassVar[str] = "record of listings"
    FORMAT_VERSION: ClassVar[int] = 1

    source_uri: str = ""
    raw_uri: str = ""
    as_of: str = ""
    folders: dict[FolderName, FolderListing] = field(default_factory=dict)

    def are_of(self, source_uri: str, raw_uri: str, as_of: str) -> bool:
        """Whether they were made of these places and this cut-off."""
        return (self.source_uri, self.raw_uri, self.as_of) == (source_uri, raw_uri, as_of)


def listings_after(folders: Iterable[FolderReconciled], at: datetime) -> KeptListings:
    """The listings that a reconciliation at the time ``at`` keeps for the next one."""
    right = [each for each in folders if _is_right(each.copy)]
    if not right:
        return KeptListings()
    first = right[0].copy
    return KeptListings(
        first.source_uri,
        first.raw_uri,
        first.as_of,
        {each.folder.name: _listing(each.copy, at) for each in right},
    )


def need_no_listing(
    kept: KeptListings, today: date, days: int, always: Collection[Folder] = ()
) -> KeptListings:
    """The kept listings of the folders that need not be listed today.

    Each folder is due once in ``days`` days, and at the latest when its last listing is that many
    days old. Folders in ``always`` are listed in any case.
    """
    due = {folder.name for folder in (*due_on(today, days), *always)}
    return replace(
        kept,
        folders={
            name: listing
            for name, listing in kept.folders.items()
            if name not in due and 0 <= (today - listing.day).days < days
        },
    )


def listed_now(outcome: ReconciliationOutcome) -> int:
    """The number of folders that were listed for this reconciliation."""
    return outcome.asked - sum(map(len, _by_day(outcome).values()))


def told_listings(outcome: ReconciliationOutcome) -> str:
    """A sentence that says when the other folders were listed; empty if all were listed now."""
    told = [
        f"{len(folders):,} on {day} ({_named(outcome.listed_earlier[day])})"
        for day, folders in sorted(_by_day(outcome).items())
    ]
    if not told:
        return ""
    return (
        f"{of_folders(listed_now(outcome), outcome.asked, ' [was|were] listed')} for this "
        f"reconciliation; the others keep the result of their last listing: {', '.join(told)}."
    )


def _by_day(outcome: ReconciliationOutcome) -> dict[str, tuple[Folder, ...]]:
    return {day: select_folders(words) for day, words in outcome.listed_earlier.items() if words}


def _named(words: Sequence[str]) -> str:
    more = f" and {len(words) - _MOST_NAMED:,} more" if len(words) > _MOST_NAMED else ""
    return f"{', '.join(words[:_MOST_NAMED])}{more}"


def _is_right(copy: CopyEvidence) -> bool:
    """Whether every object up to the cut-off is in raw, as the completion record says."""
    wrong = copy.missing_on_raw or copy.differ or copy.other_source
    return copy.record is not None and not wrong and not copy.without_documents and copy.listed != 0


def _listing(copy: CopyEvidence, at: datetime) -> FolderListing:
    assert copy.record is not None
    return FolderListing(
        at=(copy.listed_at or at).isoformat(),
        copy_id=copy.record.copy_id,
        digest=copy.record.digest,
        raw_objects=copy.raw_objects,
        newer=copy.newer,
        vanished=copy.vanished,
        missing_on_source=copy.missing_on_source,
        listed=copy.listed,
    )
