"""Reading a lake's quarantine: the files that publication records name, and single objects.

Nothing is changed: documents are corrected at the source, and structured again to become rows.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.domain.folders import Folder
from spark_jobs.contract.keys import publication_record_key
from spark_jobs.contract.limits import KEPT_BYTES
from spark_jobs.contract.publication import PUBLISHED, PublicationRecord
from spark_jobs.contract.record_format import RecordError
from spark_jobs.contract.words import CUT_DETAIL, NESTED_REASON, TOO_LARGE
from spark_jobs.refusals import meaning_of
from spark_jobs.stores import Blob, NotFoundError, Store, StoreError

if TYPE_CHECKING:
    import pyarrow as pa

DOCUMENT_REASONS = (TOO_LARGE, "not_utf8", "not_json", "not_an_object", "no_id", "no_date")
"""Why a document is not an order, in the order in which the rules are applied."""

REASONS = (*DOCUMENT_REASONS, NESTED_REASON)
"""All reasons for which an object is in quarantine."""

SHORTEST_DIGEST = 6
_READS_AT_ONCE = 32
_DESCRIPTION = ["source_key", "raw_key", "kind", "reason", "detail", "size", "source_etag"]


@dataclass(frozen=True, slots=True)
class QuarantinedObject:
    """An object in quarantine without its content; ``size`` is its size at the source in bytes."""

    folder: Folder
    source_key: str
    raw_key: str
    kind: str
    reason: str
    detail: str
    size: int
    source_etag: str
    file: str
    row: int

    @property
    def digest(self) -> str:
        """The SHA-256 of its source key in hex: a name that is safe to show."""
        return hashlib.sha256(self.source_key.encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def is_cut(self) -> bool:
        """Whether the quarantine has only its start; raw has the whole object."""
        unread = self.reason == TOO_LARGE and self.detail.startswith(f"{CUT_DETAIL} ")
        return unread and self.size > KEPT_BYTES

    @property
    def kept(self) -> int:
        """The number of its bytes that the quarantine has."""
        return KEPT_BYTES if self.is_cut else self.size


@dataclass(frozen=True, slots=True)
class FolderQuarantine:
    """The quarantine of a folder's publication.

    ``by_reason`` counts all its objects, including those that vanished from the source. A folder
    without a publication is not ``structured``. ``error`` says why its quarantine could not be
    read; empty if it could.
    """

    folder: Folder
    run_id: str = ""
    by_reason: Mapping[str, int] = field(default_factory=dict)
    structured: bool = True
    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether the counts are complete."""
        return self.structured and not self.error


class Quarantine:
    """The quarantine of a lake; reads only what the publication records name."""

    def __init__(self, lake: Store) -> None:
        self._lake = lake

    def count(self, folders: Sequence[Folder]) -> list[FolderQuarantine]:
        """Each folder's counts by reason, in the order of ``folders``; raises for no folder.

        They come from the records. Data files are read only where a record counts vanished objects,
        because it does not have their reasons.
        """
        keys = [publication_record_key(folder.name) for folder in folders]
        reads = self._lake.read_many(keys, _READS_AT_ONCE)
        return [self._count(folder, read) for folder, (_, read) in zip(folders, reads, strict=True)]

    def objects(self, folder: Folder) -> Iterator[QuarantinedObject]:
        """All objects of the folder in quarantine, file by file, without their content.

        Raises MigrationError if the folder was never structured or its publication is unfinished.
        """
        for file in self._record(folder).quarantine:
            described_rows = self._read(folder, file.path, _DESCRIPTION).to_pylist()
            for row, described in enumerate(described_rows):
                yield QuarantinedObject(folder=folder, file=file.path, row=row, **described)

    def find(self, folder: Folder, named: str) -> QuarantinedObject:
        """The object whose source key is ``named``, or whose digest begins with it.

        Raises UsageError if there is none, or more than one.
        """
        by_digest = named.lower() if len(named) >= SHORTEST_DIGEST else None
        found = []
        for each in self.objects(folder):
            if each.source_key == named:
                return each
            if by_digest is not None and each.digest.startswith(by_digest):
                found.append(each)
        if len(found) == 1:
            return found[0]
        told = f"{len(found):,} objects with that digest prefix" if found else "no such object"
        raise UsageError(
            f"The quarantine of {folder} holds {told}: give the whole source key, or enough of the "
            f"digest (at least {SHORTEST_DIGEST} characters) that quarantine list --objects shows."
        )

    def body(self, found: QuarantinedObject) -> bytes:
        """The object's content as in raw; only its start if it ``is_cut``."""
        column = self._read(found.folder, found.file, ["body"]).column("body")
        return bytes(column[found.row].as_py())

    def _count(self, folder: Folder, read: Blob | StoreError) -> FolderQuarantine:
        try:
            record = _parsed(folder, read)
            return FolderQuarantine(folder, record.run_id, self._reasons(folder, record))
        except _NeverStructuredError as error:
            return FolderQuarantine(folder, structured=False, error=str(error))
        except MigrationError as error:
            return FolderQuarantine(folder, error=str(error))

    def _reasons(self, folder: Folder, record: PublicationRecord) -> dict[str, int]:
        totals = record.totals
        counts = Counter(totals.quarantined)
        counts[NESTED_REASON] += totals.nested - totals.nested_too_large
        counts[TOO_LARGE] += totals.nested_too_large
        if totals.vanished_quarantined:
            counts = Counter(each.reason for each in self.objects(folder))
        return {reason: count for reason, count in sorted(counts.items()) if count}

    def _record(self, folder: Folder) -> PublicationRecord:
        key = publication_record_key(folder.name)
        ((_, read),) = self._lake.read_many([key], 1)
        return _parsed(folder, read)

    def _read(self, folder: Folder, path: str, columns: list[str]) -> "pa.Table":
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            file = pq.ParquetFile(pa.BufferReader(self._lake.get(path).data))
            # An Arrow thread that frees these bytes while Python exits would abort the process.
            return file.read(columns=columns, use_threads=False)
        except NotFoundError:
            problem = "is gone"
        except StoreError as error:
            raise MigrationError(_refused(folder, error)) from None
        except (pa.ArrowException, OSError):
            problem = "cannot be read as Parquet"
        raise MigrationError(
            f"{folder}: a quarantine file that its publication record names {problem}. Structure "
            "the folder again."
        )


class _NeverStructuredError(MigrationError):
    """There is no publication record."""


def _parsed(folder: Folder, read: Blob | StoreError) -> PublicationRecord:
    if isinstance(read, NotFoundError):
        raise _NeverStructuredError(f"{folder} was never structured, so it has no quarantine.")
    if isinstance(read, StoreError):
        raise MigrationError(_refused(folder, read))
    try:
        record = PublicationRecord.from_json(read.data)
    except RecordError as error:
        advice = error.advice("See docs/runbook.md#unreadable-record.")
        raise MigrationError(f"{folder}: {error}. {advice}") from None
    if record.folder != folder.name:
        raise MigrationError(f"{folder}: the publication record is another folder's.")
    if record.state != PUBLISHED:
        raise MigrationError(
            f"{folder}: its publication is not finished. If no run is active, structure it again."
        )
    return record


def _refused(folder: Folder, error: StoreError) -> str:
    return f"{folder}: {meaning_of(error.code, 'the lake answers {code}')}."
