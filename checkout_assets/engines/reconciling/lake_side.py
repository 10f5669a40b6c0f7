"""Compare the lake's files with the publication records; data files are opened only if deep."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from checkout_assets.domain.folders import Folder
from checkout_assets.domain.orphans import OrphanedFile
from checkout_assets.domain.reconciliation import LakeEvidence
from spark_jobs.contract.keys import publication_record_key, table_prefix
from spark_jobs.contract.publication import (
    PUBLISHED,
    SCHEMA_VERSION,
    PublicationRecord,
    PublishedFile,
)
from spark_jobs.contract.record_format import LaterFormatError, RecordError
from spark_jobs.stores import Blob, Entry, NotFoundError, Store

STALE_AFTER = timedelta(days=7)
_TABLE_FILE = re.compile(r"([0-9A-F]{2}_(?:Checkout|Fulfillment)Order)\.[^/]+\.[0-9]+\.parquet")
_READS_AT_ONCE = 2
"""Data files read at once per folder, of some 25 MB each; eight folders are compared at once."""


class LakeInventory:
    """What the lake lists, by folder; listed once, because a folder's files are in every day.

    Files with other names, such as the live pipeline's own, are ignored.
    """

    def __init__(self, lake: Store, folders: Iterable[Folder]) -> None:
        self._lake = lake
        self._listed: dict[str, dict[str, Entry]] = defaultdict(dict)
        self._stale: dict[str, int] = defaultdict(int)
        limit = datetime.now(UTC) - STALE_AFTER
        for table in sorted({folder.order_type.table for folder in folders}):
            for entry in lake.list(table_prefix(table)):
                if match := _TABLE_FILE.fullmatch(entry.key.rpartition("/")[2]):
                    self._listed[match[1]][entry.key] = entry
            for entry in lake.list(f"quarantine/{table}/"):
                self._listed[entry.key.split("/")[2]][entry.key] = entry
        for entry in lake.list("_staging/"):
            if entry.last_modified.astimezone(UTC) < limit:
                self._stale[entry.key.split("/")[1]] += 1

    def compare(self, folder: Folder, deep: bool) -> LakeEvidence:
        """Compare the folder's publication record with its files."""
        name = folder.name
        listed, stale = self._listed.get(name, {}), self._stale.get(name, 0)
        record, problem = self._record(name)
        if record is None:
            orphans = _orphans(listed.values())
            return LakeEvidence(problem=problem, orphans=orphans, stale_staging=stale)
        if record.state != PUBLISHED:  # its files are being moved into place
            return LakeEvidence(record, stale_staging=stale)
        wrong, unnamed = self._differences(record, listed)
        if deep:
            sound = [file for file in record.all_files if file.path not in wrong]
            wrong |= set(_unlike_recorded(self._lake, sound))
        return LakeEvidence(
            record,
            files_missing=len(wrong),
            orphans=_orphans(unnamed),
            stale_staging=stale,
            read_deep=deep,
            schema_version=SCHEMA_VERSION,
        )

    def _differences(
        self, record: PublicationRecord, listed: Mapping[str, Entry]
    ) -> tuple[set[str], list[Entry]]:
        """Return recorded files that differ from the record, and listed files without a record.

        The folder may have been published after the listing, so each difference is checked once
        more.
        """
        named = {file.path: file.size for file in record.all_files}
        sizes = {path: entry.size for path, entry in listed.items()}
        wrong = {path for path, size in named.items() if sizes.get(path) != size}
        unnamed = listed.keys() - named.keys()
        if not wrong and not unnamed:
            return set(), []
        now = self._lake.sizes([*wrong, *unnamed])
        return (
            {path for path in wrong if now[path] != named[path]},
            [listed[path] for path in unnamed if now[path] is not None],
        )

    def _record(self, folder: str) -> tuple[PublicationRecord | None, str]:
        try:
            data = self._lake.get(publication_record_key(folder)).data
            record = PublicationRecord.from_json(data)
        except NotFoundError:
            return None, ""
        except LaterFormatError:  # this version cannot tell whether the folder is complete
            raise
        except RecordError as error:
            return None, str(error)
        if record.folder != folder:
            return None, "the publication record is another folder's"
        return record, ""


def orphaned(entry: Entry) -> OrphanedFile:
    """Return a listed file as an orphaned one."""
    return OrphanedFile(entry.key, entry.size, entry.last_modified, entry.etag)


def _orphans(entries: Iterable[Entry]) -> tuple[OrphanedFile, ...]:
    return tuple(orphaned(entry) for entry in sorted(entries))


def _unlike_recorded(lake: Store, files: Sequence[PublishedFile]) -> list[str]:
    """Return the files that are unreadable, or whose bytes or rows differ from the record."""
    reads = lake.read_many((file.path for file in files), _READS_AT_ONCE)
    return [
        file.path
        for file, (_, blob) in zip(files, reads, strict=True)
        if not isinstance(blob, Blob) or not _is_as_recorded(file, blob.data)
    ]


def _is_as_recorded(file: PublishedFile, data: bytes) -> bool:
    """Compare by digest; an older record has none, so every page is decoded instead."""
    if file.sha256 and hashlib.sha256(data).hexdigest() != file.sha256:
        return False
    return _rows_in(data, decode=not file.sha256) == file.rows


def _rows_in(data: bytes, decode: bool) -> int | None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        if decode:
            return sum(int(batch.num_rows) for batch in file.iter_batches())
        return int(file.metadata.num_rows)
    except (pa.ArrowException, OSError):
        return None
