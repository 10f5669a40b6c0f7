"""The rows of a part's files, each proved to be what its publication record states."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Iterator, List, Optional, Sequence

from spark_jobs.compaction.parts import MonthPart
from spark_jobs.contract.failures import Failure
from spark_jobs.contract.keys import day_of_table_file
from spark_jobs.contract.publication import PublishedFile
from spark_jobs.footers import SmallFile, put_together, taken_apart
from spark_jobs.job.plan import FolderError
from spark_jobs.schema import arrow_schema
from spark_jobs.stores import Blob, NotFoundError, Store

if TYPE_CHECKING:
    import pyarrow as pa

FILES_AT_ONCE = 64
"""So many small files are read as one file of as many row groups, whose columns are set up once:
13 ms of CPU for each file instead of 27 (docs/performance.md)."""

_SMALL_BYTES = 256 * 1024
"""Of a larger file the data take the time, not the columns."""

_READS_AT_ONCE = 4
_FILES_GONE = Failure("FilesGone", transient=True)


@dataclass(frozen=True)
class DatedRows:
    """Rows of a plain table in the order of its files, and each row's day."""

    rows: pa.Table
    days: Sequence[date]


def rows_of_part(lake: Store, table: str, part: MonthPart) -> Iterator[DatedRows]:
    """Yield the rows of all files, those of small files together.

    Raises FolderError for a file that is not what its publication record states.
    """
    together = _Together()
    reads = lake.read_many((file.path for file in part.files), _READS_AT_ONCE)
    for file, (_, read) in zip(part.files, reads):
        data = _proved(part.month, file, read)
        small = taken_apart(data, together.last) if len(data) <= _SMALL_BYTES else None
        if not together.takes(small):
            yield from together.rows(part.month, table)
            together = _Together()
        if small is None:
            yield _dated(part.month, table, [file], data)
        else:
            together.add(file, small)
    yield from together.rows(part.month, table)


@dataclass
class _Together:
    """Small files that are read at once."""

    files: List[PublishedFile] = field(default_factory=list)
    small: List[SmallFile] = field(default_factory=list)

    @property
    def last(self) -> Optional[SmallFile]:
        return self.small[-1] if self.small else None

    def takes(self, small: Optional[SmallFile]) -> bool:
        if small is None or self.last is None:
            return small is not None
        return len(self.small) < FILES_AT_ONCE and small.is_like(self.last)

    def add(self, file: PublishedFile, small: SmallFile) -> None:
        self.files.append(file)
        self.small.append(small)

    def rows(self, month: str, table: str) -> Iterator[DatedRows]:
        if [each.rows for each in self.small] != [file.rows for file in self.files]:
            raise FolderError(_differs(month))
        if self.small:
            yield _dated(month, table, self.files, put_together(self.small))


def _proved(month: str, file: PublishedFile, read: Any) -> bytes:
    """The file's bytes; raises FolderError unless size and digest are as recorded."""
    if isinstance(read, NotFoundError):
        raise FolderError(
            f"{month}: a published file is gone. If a folder was structured meanwhile, compact the "
            "month again; otherwise see docs/runbook.md#files_missing.",
            _FILES_GONE,
        )
    if not isinstance(read, Blob):
        raise read
    if len(read.data) != file.size or not _has_digest(file, read.data):
        raise FolderError(_differs(month))
    return read.data


def _has_digest(file: PublishedFile, data: bytes) -> bool:
    return not file.sha256 or hashlib.sha256(data).hexdigest() == file.sha256


def _dated(month: str, table: str, files: Sequence[PublishedFile], data: bytes) -> DatedRows:
    """The rows of these files, whose data is that of one Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)
    except (pa.ArrowException, OSError):
        raise FolderError(_differs(month)) from None
    if len(rows) != sum(file.rows for file in files):
        raise FolderError(_differs(month))
    days: List[date] = []
    for file in files:
        days += [date.fromisoformat(day_of_table_file(file.path))] * file.rows
    return DatedRows(_in_schema(month, rows, table), days)


def _differs(month: str) -> str:
    return (
        f"{month}: a published file is not what its publication record states. See "
        "docs/runbook.md#files_missing, then structure its folder again."
    )


def _in_schema(month: str, rows: pa.Table, table: str) -> pa.Table:
    """Rows of an earlier schema lack columns, which are null; other columns are refused."""
    import pyarrow as pa

    schema = arrow_schema(table)
    if rows.schema.equals(schema):  # nearly always; a cast of 716 leaf columns costs 12 ms
        return rows.replace_schema_metadata(schema.metadata)
    if not set(rows.column_names) <= set(schema.names):
        raise FolderError(
            f"{month}: a published file has columns that this version does not know. Upgrade "
            "checkout-assets here, then run it again."
        )
    columns = [
        rows.column(field.name).cast(field.type)
        if field.name in rows.column_names
        else pa.nulls(len(rows), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)
