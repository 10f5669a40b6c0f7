"""What the platform and an EMR step exchange about a month of an analysts' table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Dict, List, Optional

from spark_jobs.contract.failures import Failure
from spark_jobs.contract.publication import PublishedFile
from spark_jobs.contract.record_format import Path, read_record, write_record


@dataclass(frozen=True)
class MonthPlan:
    """Which published files a step writes as a month's data files of about ``target_bytes`` each.

    ``digest`` is that of the month's contents, which the platform computed.
    """

    WHAT: ClassVar[str] = "month plan"
    FORMAT_VERSION: ClassVar[int] = 1

    table: Path
    month: Path
    digest: str
    target_bytes: int
    files: List[PublishedFile]

    def to_json(self) -> bytes:
        """The plan as the bytes of its file."""
        return write_record(self)

    @classmethod
    def from_json(cls, data: bytes) -> MonthPlan:
        """The plan in a file; raises RecordError if it is invalid or a later version wrote it."""
        return read_record(cls, data)


@dataclass(frozen=True)
class WrittenFile:
    """A data file of an analysts' table: key in the lake, size in bytes, rows.

    ``unstated`` counts texts without an instant, by derived column. ``sha256`` is the digest of the
    file's bytes in hex; it is empty in earlier records.
    """

    path: Path
    size: int
    rows: int
    unstated: Dict[str, int] = field(default_factory=dict)
    sha256: str = ""


@dataclass(frozen=True)
class MonthResult:
    """How a step ended: the data files that it wrote, which no snapshot names yet, or an error.

    ``digest`` is the plan's; it is empty if the plan could not be read.
    """

    WHAT: ClassVar[str] = "month result"
    FORMAT_VERSION: ClassVar[int] = 1

    table: Path
    month: Path
    run_id: Path
    digest: str
    files: List[WrittenFile]
    seconds: float = 0.0
    error: str = ""
    failure: Optional[Failure] = None

    def to_json(self) -> bytes:
        """The result as the bytes of its file."""
        return write_record(self)

    @classmethod
    def from_json(cls, data: bytes) -> MonthResult:
        """The result in a file; raises RecordError if it is invalid or a later version wrote it."""
        return read_record(cls, data)
