"""Write Parquet files into staging, from inside the tasks."""

from __future__ import annotations

import hashlib
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Dict, Iterable, Iterator, List, Sequence, Tuple, Union

from spark_jobs.conforming import table_from_lines
from spark_jobs.contract.columns import QUARANTINE_COLUMNS
from spark_jobs.contract.keys import quarantine_file_key, staged_key, table_file_key
from spark_jobs.contract.order_types import table_of
from spark_jobs.contract.publication import PublishedFile
from spark_jobs.job.small_files import Codec, SmallFiles
from spark_jobs.job.source_keys import SourceKeys
from spark_jobs.job.value_bytes import value_bytes
from spark_jobs.stores import Store

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_WORTH_A_DICTIONARY = 1000
"""Below this a file's dictionaries and statistics cost more than they save: with 700 leaf columns
a file costs 36-44 ms and 206 KB with them, 15 ms and 76 KB without."""

ROWS_WORTH_COMPRESSED_NULLS = 100
"""Up to here a file's columns with few or no bytes of values are not compressed. Nearly 80 % of
its columns have no value, only a few bytes of levels. This saves 6-8 % of its CPU and 2-4 % of its
bytes; files of 200 rows would be larger (docs/performance.md)."""

BYTES_WORTH_COMPRESSING = 128
"""A column of such a file is compressed if it has about this many bytes of values, or more: zstd
is set up anew for each, some 25 microseconds. In a file of 4 rows this saves another 4 % of CPU
and costs 2 % of bytes."""

LINE_BYTES_PER_FILE = 128 * 1024 * 1024
"""A table file holds at most about this many bytes of lines, some 25 MB of zstd Parquet."""

LINE_BYTES_PER_TABLE = 4 * 1024 * 1024
"""Small files are cut from Arrow tables of about this size: a table costs 5 ms for any number of
rows, a slice of it nothing. A table is read twice if a column occurs for the first time."""

_SEARCHED_COLUMNS = ["id", "orderid", "ordergroup", "creationdate", "lastchange", "_source_key"]

_CODEC = "zstd"

_writers: Dict[str, SmallFiles] = {}
"""What writes the small files of each table in this process."""


@dataclass
class _TableFile:
    """A table file to be written: the lines of a day, or some of them."""

    day: str
    lines: List[bytes]
    length: int

    @property
    def is_large(self) -> bool:
        """Whether it has dictionaries, and statistics of all columns."""
        return len(self.lines) >= ROWS_WORTH_A_DICTIONARY


class FolderWriter:
    """Stages one run's files of one folder; a repeated task replaces what it wrote before.

    One writer writes all files of a day, in one call or in several. ``keys`` are the source keys of
    all rows that it staged.
    """

    def __init__(self, lake: Store, folder: str, run_id: str) -> None:
        self._lake = lake
        self._folder = folder
        self._run_id = run_id
        self._numbers: Counter[str] = Counter()
        self.keys = SourceKeys()

    def write_days(self, days: Iterable[Tuple[str, Iterable[bytes]]]) -> List[PublishedFile]:
        """Stage the table files of the given days (``YYYY-MM-DD``) and their lines."""
        return [
            written for files in _batches(_files(days)) for written in self._stage_together(files)
        ]

    def _stage_together(self, files: Sequence[_TableFile]) -> Iterator[PublishedFile]:
        if files[0].is_large:
            yield self._stage_large(*files)
            return
        small = _small_files(table_of(self._folder))
        thin = small.read([line for file in files for line in file.lines])
        # Of all rows: of each of the small files it would cost more than it saves.
        per_row = {path: held / len(thin.rows) for path, held in value_bytes(thin.rows).items()}
        first = 0
        for file in files:
            count = len(file.lines)
            rows = thin.slice(first, count)
            data = small.file_of(file.lines, rows, _codec(count, per_row))
            yield self._stage(self._next_key(file.day), data, rows.rows.column("_source_key"))
            first += count

    def _stage_large(self, file: _TableFile) -> PublishedFile:
        table = table_from_lines(table_of(self._folder), file.lines)
        data = _parquet(table, _CODEC)
        return self._stage(self._next_key(file.day), data, table.column("_source_key"))

    def _next_key(self, day: str) -> str:
        number = self._numbers[day]
        self._numbers[day] += 1
        return table_file_key(self._folder, day, self._run_id, number)

    def write_quarantine(
        self, number: Tuple[int, int], rows: List[Dict[str, Any]]
    ) -> PublishedFile:
        """Stage one quarantine file for this slice and this part of it."""
        import pyarrow as pa

        schema = pa.schema([(name, pa.type_for_alias(kind)) for name, kind in QUARANTINE_COLUMNS])
        key = quarantine_file_key(self._folder, self._run_id, *number)
        table = pa.Table.from_pylist(rows, schema=schema)
        return self._stage(key, _parquet(table, _CODEC), table.column("source_key"))

    def _stage(self, final_key: str, data: bytes, source_keys: pa.ChunkedArray) -> PublishedFile:
        self._lake.put(staged_key(self._folder, self._run_id, final_key), data)
        self.keys = self.keys.plus(SourceKeys.of(source_keys.to_pylist()))
        digest = hashlib.sha256(data).hexdigest()
        return PublishedFile(final_key, len(data), len(source_keys), digest)


def _codec(rows: int, per_row: Dict[str, float]) -> Codec:
    """Return the codec of a file whose columns have so many bytes of values in a row on average."""
    if rows > ROWS_WORTH_COMPRESSED_NULLS:
        return _CODEC
    least = BYTES_WORTH_COMPRESSING / rows
    return {path: _CODEC for path, held in per_row.items() if held >= least}


def _files(days: Iterable[Tuple[str, Iterable[bytes]]]) -> Iterator[_TableFile]:
    for day, lines in days:
        file = _TableFile(day, [], 0)
        for line in lines:
            if file.lines and file.length + len(line) > LINE_BYTES_PER_FILE:
                yield file
                file = _TableFile(day, [], 0)
            file.lines.append(line)
            file.length += len(line)
        if file.lines:
            yield file


def _batches(files: Iterable[_TableFile]) -> Iterator[List[_TableFile]]:
    """Group small files that are read as one Arrow table; each large one is alone."""
    batch: List[_TableFile] = []
    length = 0
    for file in files:
        if batch and (file.is_large or length >= LINE_BYTES_PER_TABLE):
            yield batch
            batch, length = [], 0
        if file.is_large:
            yield [file]
        else:
            batch.append(file)
            length += file.length
    if batch:
        yield batch


def _small_files(table: str) -> SmallFiles:
    if table not in _writers:
        _writers[table] = SmallFiles(table, _SEARCHED_COLUMNS, _parquet)
    return _writers[table]


def _parquet(table: pa.Table, codec: Codec) -> bytes:
    import pyarrow as pa

    large = table.num_rows >= ROWS_WORTH_A_DICTIONARY
    searched = [name for name in _SEARCHED_COLUMNS if name in table.column_names]
    sink = pa.BufferOutputStream()
    with parquet_writer(sink, table.schema, table.num_rows, large or searched, codec) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


@contextmanager
def parquet_writer(
    sink: Any,
    schema: pa.Schema,
    rows: int,
    statistics: Union[bool, List[str]],
    codec: Codec = _CODEC,
) -> Iterator[Any]:
    """Write a table file of about ``rows`` rows to ``sink``, with the schema's metadata.

    ``statistics`` are columns, or True for all. ``codec`` is that of all columns, or of the leaf
    columns to compress, by path. The file is complete when the context ends.
    """
    import pyarrow.parquet as pq

    with pq.ParquetWriter(
        sink,
        schema,
        compression=codec,
        use_dictionary=rows >= ROWS_WORTH_A_DICTIONARY,
        write_statistics=statistics,
        store_schema=False,
        # In pages of version 2 Arrow writes booleans as RLE, and levels outside the compression.
        # fastparquet and old Spark cannot read the RLE booleans. With 4,000 rows the uncompressed
        # levels double the file. Small files cost 3 ms of CPU more than in version 2
        # (docs/performance.md).
        data_page_version="1.0",
    ) as writer:
        yield writer
        # Arrow's own copy of the schema is left out, so its metadata has to be added by hand.
        writer.add_key_value_metadata(schema.metadata or {})
