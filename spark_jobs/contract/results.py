"""How structuring a folder ended, as its step leaves it in the lake."""

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
    """How structuring one folder ended: with totals, or with a sentence in ``error``."""

    WHAT: ClassVar[str] = "result"
    FORMAT_VERSION: ClassVar[int] = 1

    folder: Path
    run_id: Path
    totals: StructureTotals
    files: int = 0
    seconds: float = 0.0
    error: str = ""
    failure: Optional[Failure] = None
    """None if it did not fail, or if a version before there were failures wrote it."""

    @property
    def ok(self) -> bool:
        """Whether the folder's rows are published."""
        return not self.error

    @classmethod
    def of(cls, record: PublicationRecord) -> FolderStructured:
        """The result that a finished publication stands for.

        It is a failure if not one document became a row: the publication keeps the quarantine
        readable.
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
        """The small result file a step writes."""
        return write_record(self)

    @classmethod
    def from_json(cls, data: bytes) -> FolderStructured:
        """Raises RecordError if ``data`` is none, or a later version wrote it."""
        return read_record(cls, data)
