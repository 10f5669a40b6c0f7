"""A folder's publication record: which files in the lake belong to it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, List

from spark_jobs.contract.keys import day_of_table_file, quarantine_prefix, table_prefix
from spark_jobs.contract.order_types import OrderType
from spark_jobs.contract.record_format import Path, RecordError, TextForm, read_record, write_record
from spark_jobs.contract.totals import StructureTotals

SCHEMA_VERSION = "1"
"""Version of the tables' schema: raise it with every change. Table files and records carry it."""

PUBLISHING = "publishing"
PUBLISHED = "published"
State = Annotated[str, TextForm(lambda text: text in {PUBLISHING, PUBLISHED}, "known state")]


@dataclass(frozen=True)
class PublishedFile:
    """A file of a folder in the lake: key, size in bytes, rows, and the SHA-256 of its bytes.

    The digest is in hex; it is empty in earlier records.
    """

    path: Path
    size: int
    rows: int
    sha256: str = ""


@dataclass(frozen=True)
class PublicationRecord:
    """Which files in the lake belong to a folder.

    While ``state`` is ``publishing``, ``previous`` names the files to delete once ``files`` have
    their final names; a run that finds this state finishes the publication first. ``raw_uri`` is
    the raw that the rows were made from; empty in earlier records.
    """

    WHAT: ClassVar[str] = "publication record"
    FORMAT_VERSION: ClassVar[int] = 1

    folder: Path
    run_id: Path
    state: State
    copy_id: str
    digest: str
    schema_version: str
    files: List[PublishedFile]
    quarantine: List[PublishedFile]
    previous: List[Path]
    totals: StructureTotals
    raw_uri: str = ""

    @property
    def all_files(self) -> List[PublishedFile]:
        """Table and quarantine files."""
        return self.files + self.quarantine

    def may_name(self, path: str) -> bool:
        """Whether a record that names this file would be valid."""
        try:
            PublicationRecord.from_json(
                replace(self, files=[], quarantine=[], previous=[path]).to_json()
            )
        except RecordError:
            return False
        return True

    def to_json(self) -> bytes:
        """The record as the bytes of its file."""
        return write_record(self)

    @classmethod
    def from_json(cls, data: bytes) -> PublicationRecord:
        """The record in a file.

        Raises RecordError if ``data`` is not a valid record, or if a later version wrote it.
        """
        record = read_record(cls, data)
        named = [*(file.path for file in record.all_files), *record.previous]
        if not all(_is_of(record.folder, path) for path in named):
            raise RecordError("the publication record names files that are not its folder's")
        if not all(_is_in_a_day(file.path) for file in record.files):
            raise RecordError(
                "the publication record names table files outside of the folders of days, "
                "YEAR=YYYY/MONTH=MM/DAY=DD"
            )
        return record


def _is_of(folder: str, path: str) -> bool:
    """Whether a file may belong to the folder: files that a record names are deleted later."""
    try:
        table = table_prefix(OrderType.of(folder).table)
    except ValueError:
        return False
    in_table = path.startswith(table) and path.rpartition("/")[2].startswith(f"{folder}.")
    return in_table or path.startswith(quarantine_prefix(folder))


def _is_in_a_day(path: str) -> bool:
    try:
        day_of_table_file(path)
    except ValueError:
        return False
    return True
