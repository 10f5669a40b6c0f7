"""A folder's publication record: which files of the lake are its."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, List

from spark_jobs.contract.keys import quarantine_prefix, table_prefix
from spark_jobs.contract.order_types import OrderType
from spark_jobs.contract.record_format import Path, RecordError, TextForm, read_record, write_record
from spark_jobs.contract.totals import StructureTotals

SCHEMA_VERSION = "1"
"""Of the tables: raise it with every change of them. Each table file carries it, and the record."""

PUBLISHING = "publishing"
PUBLISHED = "published"
State = Annotated[str, TextForm(lambda text: text in {PUBLISHING, PUBLISHED}, "known state")]


@dataclass(frozen=True)
class PublishedFile:
    """A file of a folder in the lake: key, size in bytes, rows, and the SHA-256 of its bytes.

    The digest is hexadecimal; it is empty in records of before.
    """

    path: Path
    size: int
    rows: int
    sha256: str = ""


@dataclass(frozen=True)
class PublicationRecord:
    """Which files of the lake are a folder's.

    While ``state`` is ``publishing``, ``previous`` names the files to delete once ``files`` are
    under their final names; whoever finds that state finishes it first. ``raw_uri`` says which raw
    the rows were made from; empty in records of before.
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
        """Whether the record can name that file as its folder's, and be read again."""
        try:
            PublicationRecord.from_json(
                replace(self, files=[], quarantine=[], previous=[path]).to_json()
            )
        except RecordError:
            return False
        return True

    def to_json(self) -> bytes:
        """The record's file."""
        return write_record(self)

    @classmethod
    def from_json(cls, data: bytes) -> PublicationRecord:
        """Raises RecordError if ``data`` is none, or a later version wrote it."""
        record = read_record(cls, data)
        named = [*(file.path for file in record.all_files), *record.previous]
        if not all(_is_of(record.folder, path) for path in named):
            raise RecordError("the publication record names files that are not its folder's")
        return record


def _is_of(folder: str, path: str) -> bool:
    """Whether a file may be the folder's: what a record names is replaced and deleted."""
    try:
        table = table_prefix(OrderType.of(folder).table)
    except ValueError:
        return False
    in_table = path.startswith(table) and path.rpartition("/")[2].startswith(f"{folder}.")
    return in_table or path.startswith(quarantine_prefix(folder))
