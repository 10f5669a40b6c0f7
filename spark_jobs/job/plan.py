"""The plan for a folder: its completion record, checked, and the slices to read."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from traceback import extract_tb
from typing import TYPE_CHECKING, Iterator, List, Sequence, Set, Tuple

from spark_jobs.contract.completion import CompletionRecord, ManifestPart
from spark_jobs.contract.failures import Failure
from spark_jobs.contract.keys import completion_record_key, manifest_part_key
from spark_jobs.contract.limits import KEPT_BYTES, LARGEST_BODY_BYTES
from spark_jobs.contract.manifest_parts import group_of, places_of, read_part
from spark_jobs.contract.record_format import RecordError
from spark_jobs.contract.words import IN_RAW, ObjectKind, Status
from spark_jobs.job.packing import WEIGHT_OF_A_FILE
from spark_jobs.job.source_keys import SourceKeys
from spark_jobs.stores import NotFoundError, Store, StoreError

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_READ_KINDS = (ObjectKind.DOCUMENT, ObjectKind.NESTED)
_PLANNED_COLUMNS = (
    "size",
    "last_modified",
    "source_key",
    "raw_key",
    "kind",
    "status",
    "error",
)

SLICE_BYTES = 64 * 1024 * 1024
"""A task holds the lines of a slice in memory, however large its documents are."""


REFUSED = Failure("Refused")
"""A fault of the folder itself is permanent until somebody fixes it."""


def fault_of_the_job(folder: str, error: Exception) -> str:
    """Describe an unexpected error by its kind and place, never by its message.

    The message may quote a document.
    """
    frames = extract_tb(error.__traceback__)
    place = next((f for f in reversed(frames) if "spark_jobs" in f.filename), frames[-1])
    return (
        f"{folder}: {type(error).__name__} in {place.name}, line {place.lineno}. "
        "This is a fault of the job: report it."
    )


def refused_by_store(folder: str, error: StoreError) -> str:
    """Describe a refusal by the store: the reason, and whether it is transient."""
    advice = "Run it again." if error.transient else "Fix that, then run it again."
    return f"{folder}: {error.reason}. {advice}"


class FolderError(Exception):
    """A folder cannot be structured; the message is one sentence without content."""

    def __init__(self, sentence: str, failure: Failure = REFUSED) -> None:
        super().__init__(sentence)
        self.failure = failure


def job_failure_of(error: Exception) -> Failure:
    """Return the failure for this error, which says whether a retry may help."""
    if isinstance(error, (FolderError, StoreError)):
        return error.failure
    return Failure(type(error).__name__)


@dataclass(frozen=True)
class Slice:
    """Some rows of a row group of a manifest part: the unit in which a folder's objects are read.

    ``part`` is what the completion record of the copy ``copy_id`` says of the part, ``first`` the
    number of the slice's first row in the row group.
    """

    folder: str
    copy_id: str
    part: ManifestPart
    row_group: int
    first: int
    rows: int
    total_bytes: int

    @property
    def part_key(self) -> str:
        """The key of the part in raw."""
        return manifest_part_key(self.folder, self.copy_id, self.part.name)


@dataclass(frozen=True)
class FolderPlan:
    """A folder's proof of copying, and the slices that cover its manifest exactly once.

    ``keys`` are the source keys of what is structured, each of them once. ``days`` estimates the
    number of its table files: objects are written on the day of their last change, unless the
    source is a copy itself. Only the balance of tasks depends on it.
    """

    folder: str
    record: CompletionRecord
    slices: Tuple[Slice, ...]
    days: int
    keys: SourceKeys = field(default_factory=SourceKeys)

    @property
    def rows(self) -> int:
        """The number of rows in the manifest."""
        return sum(piece.rows for piece in self.slices)

    @property
    def total_bytes(self) -> int:
        """The bytes to read of the objects that the manifest names."""
        return sum(piece.total_bytes for piece in self.slices)

    @property
    def weight(self) -> int:
        """The cost of structuring the folder, in bytes of documents."""
        return self.total_bytes + self.days * WEIGHT_OF_A_FILE


def plan_folder(
    raw: Store, folder: str, largest: int = LARGEST_BODY_BYTES, with_vanished: bool = True
) -> FolderPlan:
    """Check the folder's completion record against its parts and plan the reading.

    Of objects above ``largest`` bytes only the first KEPT_BYTES count, because no more is read.
    Holds one part at a time, whatever the folder's size. Raises FolderError if the folder was not
    copied or its manifest is not what the record says, or has a source key twice.
    """
    record = read_completion_record(raw, folder)
    planning = _Planning(record, largest, with_vanished)
    for part in record.parts:
        key = manifest_part_key(folder, record.copy_id, part.name)
        with _proved(folder):
            planning.add(part, read_part(raw, key, part))
    return planning.plan()


def read_completion_record(raw: Store, folder: str) -> CompletionRecord:
    """Return the folder's completion record; raises FolderError if it is missing or unreadable."""
    try:
        record = CompletionRecord.from_json(raw.get(completion_record_key(folder)).data)
    except NotFoundError:
        raise FolderError(
            f"{folder} was not copied: raw holds no completion record. Copy it first."
        ) from None
    except RecordError as error:
        advice = error.advice("Copy the folder again.")
        raise FolderError(f"{folder}: {error}. {advice}") from None
    if record.folder != folder:
        raise FolderError(f"{folder}: the completion record is another folder's. Copy it again.")
    if not record.documents:
        raise FolderError(
            f"{folder}: the completion record names no document, so there is nothing to structure. "
            "Check the source's bucket, prefix and cut-off, then copy the folder again."
        )
    return record


@contextmanager
def _proved(folder: str) -> Iterator[None]:
    """Raise FolderError for a part that is not what its record says."""
    try:
        yield
    except RecordError as error:
        raise FolderError(f"{folder}: {error}. Copy the folder again.") from None


class _Planning:
    """Collects the plan of a folder, row group by row group."""

    def __init__(self, record: CompletionRecord, largest: int, with_vanished: bool) -> None:
        self._record = record
        self._largest = largest
        self._with_vanished = with_vanished
        self._slices: List[Slice] = []
        self._days: Set[date] = set()
        self._keys = SourceKeys()
        self._last = ""

    def add(self, part: ManifestPart, file: pq.ParquetFile) -> None:
        """Add a part; raises RecordError if its rows are not those of a manifest."""
        for number in range(file.num_row_groups):
            group = group_of(file, part.name, number, _PLANNED_COLUMNS)
            self._add_keys(group, part.name)
            self._add_days(group)
            self._slices += self._slices_of(group, part, number)

    def plan(self) -> FolderPlan:
        """Return the plan of the parts that were added."""
        days = len(self._days)
        return FolderPlan(self._record.folder, self._record, tuple(self._slices), days, self._keys)

    def _add_keys(self, group: pa.Table, name: str) -> None:
        places = places_of(group, name, self._last)
        self._last = places[-1] if places else self._last
        columns = ("source_key", "kind", "status", "error")
        rows = zip(*(group.column(column).to_pylist() for column in columns))
        self._keys = self._keys.plus(
            SourceKeys.of(
                key
                for key, kind, status, error in rows
                if is_structured(kind, status, error, self._with_vanished)
            )
        )

    def _add_days(self, group: pa.Table) -> None:
        import pyarrow as pa

        written = group.column("last_modified").cast(pa.date32())
        self._days.update(written.unique().to_pylist())

    def _slices_of(self, group: pa.Table, part: ManifestPart, number: int) -> Iterator[Slice]:
        sizes = [
            size if size <= self._largest else min(size, KEPT_BYTES)
            for size in group.column("size").to_pylist()
        ]
        for first, rows in _runs(sizes, SLICE_BYTES):
            total = sum(sizes[first : first + rows])
            yield Slice(self._record.folder, self._record.copy_id, part, number, first, rows, total)


def is_structured(kind: str, status: str, error: str, with_vanished: bool) -> bool:
    """Whether an object with these values in the manifest becomes a row of table or quarantine.

    A vanished object with an error is lost: it is missing in raw as well.
    """
    if kind not in _READ_KINDS:
        return False
    return status in IN_RAW or (with_vanished and status == Status.VANISHED and not error)


def _runs(sizes: Sequence[int], most: int) -> Iterator[Tuple[int, int]]:
    """Runs of neighbours whose sizes add up to ``most`` at most, as (first, length)."""
    first, total = 0, 0
    for index, size in enumerate(sizes):
        if index > first and total + size > most:
            yield first, index - first
            first, total = index, 0
        total += size
    yield first, len(sizes) - first


def read_slice(raw: Store, piece: Slice) -> pa.Table:
    """The manifest rows of a slice; raises FolderError if its part is not what the record says."""
    with _proved(piece.folder):
        file = read_part(raw, piece.part_key, piece.part)
        group = group_of(file, piece.part.name, piece.row_group)
    return group.slice(piece.first, piece.rows)
