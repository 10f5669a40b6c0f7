"""The result of structuring a folder, as an EMR step leaves it in the lake."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Optional

from spark_jobs.contract.counting import part_of
from spark_jobs.contract.failures import Failure
from spark_jobs.contract.publication import PublicationRecord
from spark_jobs.contract.record_format import Path, read_record, write_record
from spark_jobs.contract.totals import StructureTotals


@dataclass(frozen=True)
class FolderStructured:
    """The result of structuring one folder: totals, or a sentence in ``error``."""

    WHAT: ClassVar[str] = "result"
    FORMAT_VERSION: ClassVar[int] = 1

    folder: Path
    run_id: Path
    totals: StructureTotals
    files: int = 0
    seconds: float = 0.0
    error: str = ""
    failure: Optional[Failure] = None
    """None if it succeeded, or if an earlier version that had no failures wrote it."""

    @property
    def ok(self) -> bool:
        """Whether the folder's rows are published."""
        return not self.error

    @classmethod
    def of(cls, record: PublicationRecord) -> FolderStructured:
        """The result of a finished publication.

        It is a failure if no document became a row; the quarantine is published all the same, so
        that it can be read.
        """
        totals, error, failure = record.totals, "", None
        if totals.all_quarantined:
            documents = totals.documents
            failure = Failure("AllQuarantined")
            error = (
                f"{record.folder}: {part_of(documents, documents, 'document', ' [is|are]')} in "
                f"quarantine ({', '.join(sorted(totals.quarantined))}), so the folder is not "
                "structured. See docs/runbook.md#all_documents_quarantined."
            )
        return cls(
            record.folder, record.run_id, totals, len(record.files), error=error, failure=failure
        )

    def to_json(self) -> bytes:
        """The result as the bytes of its file."""
        return write_record(self)

    @classmethod
    def from_json(cls, data: bytes) -> FolderStructured:
        """The result in a file.

        Raises RecordError if ``data`` is not a valid result, or if a later version wrote it.
        """
        return read_record(cls, data)
