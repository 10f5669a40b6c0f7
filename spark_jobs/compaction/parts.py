"""What a compaction job is given: files of a month in parts, each for one task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterator, List, Optional, Sequence, Tuple

from spark_jobs.contract.failures import Failure
from spark_jobs.contract.keys import day_of_table_file
from spark_jobs.contract.months import WrittenFile
from spark_jobs.contract.publication import PublishedFile
from spark_jobs.stores import StoreTerms
from spark_jobs.stores.terms import NO_TERMS

BYTES_BESIDE_VALUES = 116_000
"""Of a table file's bytes, its footer (95 KB) and the headers of the pages of its 700 leaf columns.
They are written once per data file, whatever number of files it is made from. A test compares this
with what structuring writes."""


@dataclass(frozen=True)
class MonthPart:
    """Files of a plain table from which one task writes the data file of that number."""

    month: str
    number: int
    files: Tuple[PublishedFile, ...]

    @property
    def rows(self) -> int:
        """The rows that the publication records state."""
        return sum(file.rows for file in self.files)


@dataclass(frozen=True)
class CompactionJob:
    """Which table of which lake is compacted by which run."""

    lake_uri: str
    run_id: str
    table: str
    lake_terms: StoreTerms = NO_TERMS


@dataclass(frozen=True)
class PartCompacted:
    """How a part ended: the data file that was written, or a sentence in ``error``."""

    file: Optional[WrittenFile] = None
    error: str = ""
    failure: Optional[Failure] = None


def in_parts(month: str, files: Sequence[PublishedFile], target_bytes: int) -> Iterator[MonthPart]:
    """Divide a month's files, day by day, into parts of about ``target_bytes`` of data each."""
    part: List[PublishedFile] = []
    number, weight = 0, 0
    for file in sorted(files, key=lambda each: (day_of_table_file(each.path), each.path)):
        added = max(0, file.size - BYTES_BESIDE_VALUES)
        if part and weight + added > target_bytes:
            yield MonthPart(month, number, tuple(part))
            part, number, weight = [], number + 1, 0
        part.append(file)
        weight += added
    if part:
        yield MonthPart(month, number, tuple(part))
