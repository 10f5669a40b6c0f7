"""The only reader of manifest parts: it rejects what a completion record does not name."""

from __future__ import annotations

import hashlib
from operator import ge
from typing import TYPE_CHECKING, Callable, List, Optional, Sequence

from spark_jobs.contract.columns import MANIFEST_COLUMNS
from spark_jobs.contract.completion import ManifestPart
from spark_jobs.contract.counting import counted
from spark_jobs.contract.raw_keys import place_in_order, stands_for
from spark_jobs.contract.record_format import RecordError
from spark_jobs.stores import NotFoundError, Store

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


def read_part(raw: Store, key: str, part: ManifestPart) -> pq.ParquetFile:
    """The part at ``key`` that a completion record names.

    Raises RecordError unless its bytes, columns and number of rows match the record.
    """
    try:
        data = raw.get(key).data
    except NotFoundError:
        raise RecordError(f"the manifest part {part.name} is missing") from None
    if len(data) != part.size or hashlib.sha256(data).hexdigest() != part.sha256:
        raise RecordError(f"the manifest part {part.name} is not the one its record names")
    file = open_part(data, part.name)
    if file.metadata.num_rows != part.rows:
        raise RecordError(
            f"the manifest part {part.name} holds {counted(file.metadata.num_rows, 'row')}, "
            f"not {part.rows:,}"
        )
    return file


def open_part(data: bytes, name: str) -> pq.ParquetFile:
    """A part that no record names yet; raises RecordError if ``data`` is not a manifest part."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(data))
    except (pa.ArrowException, OSError):
        raise unreadable(name) from None
    if not file.schema_arrow.equals(manifest_schema()):
        raise RecordError(f"the manifest part {name} has other columns than a manifest")
    if _holds_nulls(file.metadata):
        raise RecordError(f"the manifest part {name} has a row that lacks a value")
    return file


def _holds_nulls(metadata: pq.FileMetaData) -> bool:
    """Whether the part's statistics count a null; a valid manifest has none."""
    groups = (metadata.row_group(index) for index in range(metadata.num_row_groups))
    columns = (group.column(index) for group in groups for index in range(group.num_columns))
    counts = (column.statistics for column in columns)
    return any(found is not None and found.has_null_count and found.null_count for found in counts)


def rows_of(file: pq.ParquetFile, name: str) -> pa.Table:
    """All rows of a part; raises RecordError if they cannot be read."""
    return _read(name, lambda: file.read(use_threads=False))


def group_of(
    file: pq.ParquetFile, name: str, number: int, columns: Optional[Sequence[str]] = None
) -> pa.Table:
    """The rows of a row group, all ``columns`` or some; raises RecordError as ``rows_of`` does."""
    return _read(name, lambda: file.read_row_group(number, columns, use_threads=False))


def places_of(table: pa.Table, name: str, last: str) -> List[str]:
    """Return the places of the rows of the manifest part ``name``.

    Raises RecordError unless they ascend from ``last`` and each row's raw key stands for its source
    key. So no source key is in a manifest twice.
    """
    raw_keys, source_keys = (table.column(each).to_pylist() for each in ("raw_key", "source_key"))
    places = list(map(place_in_order, raw_keys))
    if any(map(ge, [last, *places], places)):
        raise RecordError(f"the rows of the manifest part {name} are not in order")
    pairs = zip(raw_keys, source_keys)
    if not all(raw == source or stands_for(raw, source) for raw, source in pairs):
        raise RecordError(f"the manifest part {name} has a raw key of another source key")
    return places


def _read(name: str, read: Callable[[], pa.Table]) -> pa.Table:
    import pyarrow as pa

    try:
        return read()
    except (pa.ArrowException, OSError):
        raise unreadable(name) from None


def unreadable(name: str) -> RecordError:
    """The error of a part that cannot be read; Parquet's message is left out, it may quote content.

    ``name`` is the part's file name.
    """
    return RecordError(f"the manifest part {name} is not readable")


def manifest_schema() -> pa.Schema:
    """The Arrow schema of a manifest part."""
    import pyarrow as pa

    instant = pa.timestamp("us", tz="UTC")
    return pa.schema(
        [
            (name, instant if kind.startswith("timestamp") else pa.type_for_alias(kind))
            for name, kind in MANIFEST_COLUMNS
        ]
    )
