"""What a month of an analysts' table was made from, and whether that is up to date."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from checkout_assets.domain.compaction.months import Month, TableMonth
from spark_jobs.contract.keys import day_of_table_file
from spark_jobs.contract.months import WrittenFile
from spark_jobs.contract.publication import PublicationRecord, PublishedFile
from spark_jobs.contract.record_format import Path, write_record


class MonthState(StrEnum):
    """Whether the analysts' table holds what the publication records name for a month."""

    UP_TO_DATE = "up_to_date"
    STALE = "stale"
    """A folder was structured again, or its rows moved, since the month was compacted."""

    MISSING = "missing"
    """The month was never compacted and has rows."""

    EMPTY = "empty"
    """No folder has rows in the month, and the table has none."""

    @property
    def is_due(self) -> bool:
        """Whether the month has to be compacted."""
        return self in {MonthState.STALE, MonthState.MISSING}


@dataclass(frozen=True)
class FolderInMonth:
    """A folder's part of a month: the run that published it, its files and rows."""

    folder: Path
    run_id: Path
    files: int
    rows: int


@dataclass(frozen=True)
class MonthRecord:
    """Which folders, at which publication runs, a month of an analysts' table was made from.

    ``files`` are the data files that were last written from them; earlier records name none. Until
    the commit after it, and if that fails, the table names other files of the same contents.
    """

    WHAT: ClassVar[str] = "month record"
    FORMAT_VERSION: ClassVar[int] = 1

    table: Path
    month: Path
    digest: str
    folders: list[FolderInMonth]
    files: list[WrittenFile] = field(default_factory=list)

    def to_json(self) -> bytes:
        """The record's file."""
        return write_record(self)


@dataclass(frozen=True, slots=True)
class MonthContents:
    """The published files that make up a month of a table, as the publication records name them."""

    table: str
    month: Month
    files: tuple[PublishedFile, ...] = ()
    folders: tuple[FolderInMonth, ...] = ()

    @property
    def unit(self) -> TableMonth:
        """The month of the table."""
        return TableMonth(self.table, self.month)

    @property
    def rows(self) -> int:
        """The rows of all files."""
        return sum(file.rows for file in self.files)

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return sum(file.size for file in self.files)

    def digest(self, version: str) -> str:
        """Return a digest of the files' names, sizes and rows, and of how rows are derived.

        A file's name holds its folder and the run that published it.
        """
        told = hashlib.sha256(f"{version}\n".encode())
        for file in sorted(self.files, key=lambda each: each.path):
            told.update(f"{file.path}\t{file.size}\t{file.rows}\n".encode())
        return told.hexdigest()

    def state(self, committed: str, version: str) -> MonthState:
        """Compare with the digest that the table states for the month; empty if it states none."""
        if committed == self.digest(version):
            return MonthState.UP_TO_DATE
        if committed:
            return MonthState.STALE
        return MonthState.MISSING if self.files else MonthState.EMPTY

    def record(self, version: str, written: Iterable[WrittenFile]) -> MonthRecord:
        """Return the record that is kept beside the table, with the data files ``written``."""
        folders = sorted(self.folders, key=lambda each: each.folder)
        digest = self.digest(version)
        return MonthRecord(self.table, str(self.month), digest, folders, list(written))


def contents_by_month(
    table: str, records: Iterable[PublicationRecord]
) -> Mapping[Month, MonthContents]:
    """Return the months in which the table's folders have rows, from their publication records."""
    files: dict[Month, list[PublishedFile]] = defaultdict(list)
    folders: dict[Month, list[FolderInMonth]] = defaultdict(list)
    for record in records:
        for month, own in _files_by_month(record).items():
            files[month] += own
            rows = sum(file.rows for file in own)
            folders[month].append(FolderInMonth(record.folder, record.run_id, len(own), rows))
    return {
        month: MonthContents(table, month, tuple(files[month]), tuple(folders[month]))
        for month in sorted(files)
    }


def _files_by_month(record: PublicationRecord) -> Mapping[Month, list[PublishedFile]]:
    found: dict[Month, list[PublishedFile]] = defaultdict(list)
    for file in record.files:
        year, number, _ = day_of_table_file(file.path).split("-")
        found[Month(int(year), int(number))].append(file)
    return found
