"""What a copy still has to do, by listing source and raw and deciding as the copy will."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from checkout_assets.domain.copying import Action, Pair, decide
from checkout_assets.domain.errors import MigrationError
from checkout_assets.domain.folders import Folder
from checkout_assets.domain.planning.workload import Workload
from checkout_assets.domain.verification import merge_join_three
from checkout_assets.engines.copying.cutoff import kept_cut_off
from checkout_assets.engines.copying.earlier import EarlierRows, list_parts
from checkout_assets.engines.copying.listings import list_raw, list_source
from checkout_assets.engines.copying.records import find_record
from checkout_assets.engines.planning.folder_counts import FolderCount, archived_in
from checkout_assets.engines.planning.source_load import counted_workload
from spark_jobs.contract.record_format import RecordError

if TYPE_CHECKING:
    from spark_jobs.stores import S3Store


def left_workload(source: "S3Store", raw: "S3Store", folders: Sequence[Folder]) -> Workload:
    """The loads of these folders, with what raw already holds; changes nothing.

    Uses the cut-off that raw keeps. Raises MigrationError if one side cannot be listed, or if a
    record in raw cannot be used.
    """

    def count(folder: Folder) -> FolderCount:
        return _count(source, raw, folder, as_of)

    try:
        as_of = kept_cut_off(raw) or datetime.now(UTC)
        return counted_workload(count, folders, "source or raw")
    except RecordError as error:
        raise MigrationError(f"A record in raw cannot be used: {error}.") from None


def _count(source: "S3Store", raw: "S3Store", folder: Folder, as_of: datetime) -> FolderCount:
    prefix, count = f"{folder.name}/", FolderCount()
    parts, found = list_parts(raw, folder.name), find_record(raw, folder.name)
    earlier = EarlierRows(raw, parts, found)
    count.old_parts = len(found.record.parts if found.record else parts)
    sides = merge_join_three(
        list_source(source, prefix, raw.prefix), earlier, list_raw(raw, prefix)
    )
    for _, listed, rows, there in sides:
        count.in_raw += there is not None
        if listed is None:
            continue
        known = [Pair(row.source_etag, row.raw_etag) for row in rows or ()]
        action = decide(listed, there, known, as_of)
        if action is Action.COPY:
            count.add(listed.key, listed.size, archived_in(listed.storage_class))
        elif action is Action.PRESENT:
            count.add_present(listed.key)
    return count
