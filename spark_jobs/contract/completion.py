"""A folder's completion record: the proof in raw that all its objects were copied."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import ClassVar, Dict, List, Optional

from spark_jobs.contract.record_format import Instant, Path, RecordError, read_record, write_record
from spark_jobs.contract.words import IN_RAW, ObjectKind, Status

_EARLIER_COPY_ID = re.compile(r"(.+)-[0-9]{8}T[0-9]{6}-[0-9a-f]{6}", re.DOTALL)
"""A copy id, which begins with the run's id: earlier records name their run only there."""


@dataclass(frozen=True)
class ManifestPart:
    """One file of a manifest: its name, size in bytes, SHA-256 in hex, and rows."""

    name: Path
    size: int
    sha256: str
    rows: int


@dataclass(frozen=True)
class CompletionRecord:
    """The proof that a folder was copied; it exists if and only if the folder was copied.

    ``listed`` counts the source's objects up to the cut-off, ``by_kind`` the objects in raw,
    ``by_status`` all rows of the manifest, vanished objects included, ``newer`` objects written
    after the cut-off, ``missing_on_source`` objects in raw that no manifest names, ``lost``
    vanished objects that raw does not have either, ``uncompared`` copied objects that could be
    compared by size only; ``total_bytes`` is the sum over the objects in raw. ``digest`` covers
    (raw_key, raw_etag, size) of copied and present objects and does not depend on their order.
    ``source_uri`` and ``raw_uri`` are the places; empty in earlier records. ``run_id`` is the run
    that made the copy; None if it is not known.
    """

    WHAT: ClassVar[str] = "completion record"
    FORMAT_VERSION: ClassVar[int] = 1

    folder: Path
    copy_id: Path
    as_of: Instant
    listed_at: Instant
    parts: List[ManifestPart]
    by_kind: Dict[str, int]
    by_status: Dict[str, int]
    total_bytes: int
    digest: str
    listed: int = 0
    escaped: int = 0
    near_misses: int = 0
    newer: int = 0
    missing_on_source: int = 0
    lost: int = 0
    uncompared: int = 0
    source_uri: str = ""
    raw_uri: str = ""
    run_id: Optional[str] = None

    @property
    def objects(self) -> int:
        """Objects in raw that this record covers."""
        return sum(self.by_status.get(status, 0) for status in IN_RAW)

    @property
    def documents(self) -> int:
        """Documents among them; without any, the folder does not count as complete."""
        return self.by_kind.get(ObjectKind.DOCUMENT, 0)

    def to_json(self) -> bytes:
        """The record as the bytes of its file."""
        return write_record(self)

    @classmethod
    def from_json(cls, data: bytes) -> CompletionRecord:
        """The record in a file.

        Raises RecordError if ``data`` is not a valid record, if its counts contradict one another,
        or if a later version wrote it. Of the manifest only the number of rows is checked.
        """
        record = read_record(cls, data)
        if fields := record.contradiction:
            raise RecordError(f"the completion record contradicts itself: {fields} do not add up")
        if record.run_id is None:
            return replace(record, run_id=_run_of(record.copy_id))
        return record

    @property
    def contradiction(self) -> str:
        """The fields whose counts do not add up; empty if all do."""
        held = self.objects + self.by_status.get(Status.FAILED, 0)
        sums = {
            "listed and by_status": (self.listed, held),
            "by_kind and by_status": (sum(self.by_kind.values()), self.objects),
            "parts and by_status": (
                sum(part.rows for part in self.parts),
                sum(self.by_status.values()),
            ),
        }
        return next((fields for fields, (one, other) in sums.items() if one != other), "")


def _run_of(copy_id: str) -> Optional[str]:
    match = _EARLIER_COPY_ID.fullmatch(copy_id)
    return match[1] if match else None
