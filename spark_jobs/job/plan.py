"""What is to be done for a folder: its completion record, checked, and the slices to read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, List, Optional, Tuple

from spark_jobs import contract
from spark_jobs.contract import CompletionRecord, ManifestPart, RecordError
from spark_jobs.stores import NotFoundError, Store

if TYPE_CHECKING:
    import pyarrow as pa


class FolderError(Exception):
    """A folder cannot be structured; the message is one sentence without content."""


@dataclass(frozen=True)
class Slice:
    """One row group of a manifest part: the unit in which a folder's objects are read."""

    folder: str
    part_key: str
    row_group: int
    rows: int
    total_bytes: int


@dataclass(frozen=True)
class FolderPlan:
    """A folder's proof of copying and the slices that cover its manifest exactly once."""

    folder: str
    record: CompletionRecord
    slices: Tuple[Slice, ...]

    @property
    def rows(self) -> int:
        """Rows of the manifest."""
        return sum(piece.rows for piece in self.slices)

    @property
    def total_bytes(self) -> int:
        """Bytes of the objects the manifest names."""
        return sum(piece.total_bytes for piece in self.slices)


def plan_folder(raw: Store, folder: str) -> FolderPlan:
    """Check the folder's completion record against its parts and plan the reading.

    Holds one part at a time, whatever the folder's size. Raises FolderError if the folder was not
    copied or its manifest is not what the record says.
    """
    record = read_completion_record(raw, folder)
    slices: List[Slice] = []
    for part in record.parts:
        key = contract.manifest_part_key(folder, record.copy_id, part.name)
        slices.extend(_slices(folder, key, _checked_part(raw, key, part)))
    if sum(piece.rows for piece in slices) != sum(part.rows for part in record.parts):
        raise FolderError(f"{folder}: the manifest's parts hold other row counts than recorded.")
    return FolderPlan(folder, record, tuple(slices))


def read_completion_record(raw: Store, folder: str) -> CompletionRecord:
    """The folder's completion record; raises FolderError if there is none or it is unreadable."""
    try:
        record = CompletionRecord.from_json(raw.get(contract.completion_record_key(folder)).data)
    except NotFoundError:
        raise FolderError(
            f"{folder} was not copied: raw holds no completion record. Copy it first."
        ) from None
    except RecordError as error:
        raise FolderError(f"{folder}: {error}. Copy the folder again.") from None
    if record.folder != folder or not record.objects:
        raise FolderError(f"{folder}: the completion record is of another or an empty folder.")
    return record


def _checked_part(raw: Store, key: str, part: ManifestPart) -> bytes:
    try:
        data = raw.get(key).data
    except NotFoundError:
        raise FolderError(f"The manifest part {key} is missing. Copy the folder again.") from None
    if len(data) != part.size or hashlib.sha256(data).hexdigest() != part.sha256:
        raise FolderError(
            f"The manifest part {key} is not the one its record names. Copy the folder again."
        )
    return data


def _slices(folder: str, key: str, data: bytes) -> List[Slice]:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    file = pq.ParquetFile(pa.BufferReader(data))
    slices = []
    for number in range(file.num_row_groups):
        sizes = file.read_row_group(number, columns=["size"]).column("size")
        total: Optional[int] = pc.sum(sizes).as_py()
        slices.append(Slice(folder, key, number, len(sizes), total or 0))
    return slices


def read_slice(raw: Store, piece: Slice) -> pa.Table:
    """The manifest rows of a slice."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = raw.get(piece.part_key).data
    return pq.ParquetFile(pa.BufferReader(data)).read_row_group(piece.row_group)
