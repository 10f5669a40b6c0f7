"""Folders whose publication record is gone while an analysts' table holds their rows."""

from collections.abc import Iterator, Sequence

from checkout_assets.domain.counting import in_number
from checkout_assets.domain.errors import MigrationError
from checkout_assets.domain.folders import FOLDER_NAMES
from checkout_assets.engines.compacting.committing import MonthStatus
from spark_jobs.contract.failures import Failure
from spark_jobs.contract.keys import publication_record_key
from spark_jobs.stores import Blob, NotFoundError, Store

_RECORD_GONE = Failure("PublicationRecordGone")
_MOST_NAMED = 12


def refused_for_lost_folders(
    lake: Store, due: Sequence[MonthStatus]
) -> Iterator[tuple[MonthStatus, MigrationError]]:
    """Yield the months whose next compaction would drop rows that no publication record names.

    A folder that has no rows in the month any more still has its record. Raises StoreError if the
    lake cannot be read.
    """
    left = {status: folders for status in due if (folders := _that_left(lake, status))}
    lost = _without_record(lake, sorted({each for folders in left.values() for each in folders}))
    for status, folders in left.items():
        if gone := [each for each in folders if each in lost]:
            yield status, _refusal(status, gone)


def _that_left(lake: Store, status: MonthStatus) -> list[str]:
    """The folders that the committed month was made from and that have no rows in it now.

    Empty if the month's record cannot be read.
    """
    contents = status.contents
    record = status.committed.record(lake, contents.table, contents.month)
    if record is None:
        return []
    now = {each.folder for each in contents.folders}
    return [each.folder for each in record.folders if each.folder not in now]


def _without_record(lake: Store, folders: Sequence[str]) -> frozenset[str]:
    known = [each for each in folders if each in FOLDER_NAMES]
    reads = lake.read_many(map(publication_record_key, known))
    lost = set()
    for folder, (_, read) in zip(known, reads, strict=True):
        if isinstance(read, NotFoundError):
            lost.add(folder)
        elif not isinstance(read, Blob):
            raise read
    return frozenset(lost)


def _refusal(status: MonthStatus, gone: Sequence[str]) -> MigrationError:
    named = ", ".join(gone[:_MOST_NAMED])
    more = f" and {len(gone) - _MOST_NAMED:,} more" if len(gone) > _MOST_NAMED else ""
    told = in_number(
        len(gone),
        "the table holds rows of # folder[|s] whose publication record[|s] [is|are] gone",
    )
    return MigrationError(
        f"{status.contents.table}, {status.contents.month}: {told}, so the month was left as it "
        f"is: {named}{more}. Structure {in_number(len(gone), '[this folder|these folders]')} "
        "again, then compact again. See docs/runbook.md#months_up_to_date.",
        _RECORD_GONE,
    )
