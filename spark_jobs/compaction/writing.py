"""A task: read a part's files and write its data file, within bounded memory."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import TYPE_CHECKING, Iterator, List, Tuple

from spark_jobs.compaction.columns import (
    DERIVED,
    compacted_schema,
    with_derived,
)
from spark_jobs.compaction.parts import CompactionJob, MonthPart, PartCompacted
from spark_jobs.compaction.reading import rows_of_part
from spark_jobs.contract.keys import compacted_file_key
from spark_jobs.contract.months import WrittenFile
from spark_jobs.job.plan import FolderError, fault_of_the_job, job_failure_of
from spark_jobs.job.writing import parquet_writer
from spark_jobs.stores import Store, StoreError, open_store

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP_BYTES = 128 * 1024 * 1024
"""A row group holds about this many bytes of Arrow data; sorting it takes as many again."""

_FILES_COMBINED = 64
"""A table of 700 leaf columns takes 200 KB beside its rows, so small ones are combined early."""

_SORTED_BY = ("id", "changed_at", "_source_key")
_STATISTICS = [*(column.name for column in DERIVED), "id", "orderid", "_folder", "_source_key"]
"""Columns that filters use. Statistics of all leaves would outweigh a small month's data."""


def compact_part(job: CompactionJob, part: MonthPart) -> PartCompacted:
    """Write the part's data file; an error is returned, not raised.

    Rows are sorted by order id and time of change within each row group. A repeated task replaces
    the file.
    """
    try:
        return _compacted(open_store(job.lake_uri, job.lake_terms), job, part)
    except FolderError as error:
        return PartCompacted(error=str(error), failure=error.failure)
    except StoreError as error:
        sentence = f"{part.month}: the lake could not be read or written: {error.reason}."
        return PartCompacted(error=sentence, failure=error.failure)
    except Exception as error:  # an error in this job fails its month, never the others
        sentence = fault_of_the_job(part.month, error)
        return PartCompacted(error=sentence, failure=job_failure_of(error))


def _compacted(lake: Store, job: CompactionJob, part: MonthPart) -> PartCompacted:
    import pyarrow as pa

    unstated: Counter[str] = Counter()
    sink, rows = pa.BufferOutputStream(), 0
    with parquet_writer(sink, compacted_schema(job.table), part.rows, _STATISTICS) as writer:
        for group in _row_groups(_tables(lake, job.table, part, unstated)):
            writer.write_table(group, row_group_size=len(group))
            rows += len(group)
    data = bytes(memoryview(sink.getvalue()))
    path = compacted_file_key(job.table, part.month, job.run_id, part.number)
    lake.put(path, data)
    digest = hashlib.sha256(data).hexdigest()
    return PartCompacted(WrittenFile(path, len(data), rows, dict(unstated), digest))


def _tables(lake: Store, table: str, part: MonthPart, unstated: Counter[str]) -> Iterator[pa.Table]:
    """The part's rows with the derived columns, some files at a time."""
    for dated in rows_of_part(lake, table, part):
        derived = with_derived(dated.rows, dated.days, table)
        unstated.update(derived.unstated)
        yield derived.rows


def _row_groups(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Sorted tables of about ``ROW_GROUP_BYTES`` each, from the rows of small ones."""
    pending: List[pa.Table] = []
    small, size = 0, 0
    for table in tables:
        pending.append(table)
        small, size = small + 1, size + table.nbytes
        if small == _FILES_COMBINED:
            pending, small = [_combined(pending)], 0
        if size >= ROW_GROUP_BYTES:
            yield _sorted(_combined(pending))
            pending, small, size = [], 0, 0
    if pending:
        yield _sorted(_combined(pending))


def _combined(tables: List[pa.Table]) -> pa.Table:
    import pyarrow as pa

    return pa.concat_tables(tables).combine_chunks()


def _sorted(table: pa.Table) -> pa.Table:
    import pyarrow.compute as pc

    keys: List[Tuple[str, str]] = [(name, "ascending") for name in _SORTED_BY]
    return table.take(pc.sort_indices(table.select(_SORTED_BY), sort_keys=keys))
