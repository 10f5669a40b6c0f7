"""The code that runs inside the tasks: from manifest slices to staged files and a report.

A small folder is one task. A large one is read slice by slice, its lines are shuffled as compressed
blobs by (folder, day), and written by the tasks that receive them.
"""

from __future__ import annotations

import sys
import zlib
from dataclasses import dataclass, field
from functools import partial
from typing import (
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Optional,
    Sequence,
    Tuple,
    TypeVar,
    Union,
)
from zipimport import zipimporter

from spark_jobs.contract.failures import Failure
from spark_jobs.contract.limits import LARGEST_BODY_BYTES
from spark_jobs.contract.publication import PublishedFile
from spark_jobs.contract.totals import StructureTotals
from spark_jobs.contract.words import KEEP
from spark_jobs.job.conform_slice import Conformed, conform_slice
from spark_jobs.job.plan import (
    FolderError,
    FolderPlan,
    Slice,
    fault_of_the_job,
    job_failure_of,
    refused_by_store,
)
from spark_jobs.job.reading import ObjectReader
from spark_jobs.job.source_keys import SourceKeys
from spark_jobs.job.writing import FolderWriter
from spark_jobs.stores import Store, StoreError, open_store
from spark_jobs.stores.terms import NO_TERMS, StoreTerms

LINE_BYTES_HELD = 256 * 1024 * 1024
"""Most bytes of lines held; a small folder has less than half, unless its objects are packed."""

_T = TypeVar("_T")
_stores: Dict[Tuple[str, StoreTerms], Store] = {}


@dataclass(frozen=True)
class StructureJob:
    """The options of a run.

    ``folders`` are names. ``vanished`` says whether rows of vanished documents stay (``keep``) or
    go (``drop_rows``). ``in_flight`` is the number of concurrent reads per task. ``replaces_raw``
    is the URI of another raw that this one replaces in the lake on purpose. Objects above
    ``largest_body`` bytes are not read whole. Every request to raw and to the lake carries its
    terms, on executors too.
    """

    raw_uri: str
    lake_uri: str
    run_id: str
    folders: Tuple[str, ...]
    vanished: str = KEEP
    in_flight: int = 64
    replaces_raw: str = ""
    largest_body: int = LARGEST_BODY_BYTES
    raw_terms: StoreTerms = NO_TERMS
    lake_terms: StoreTerms = NO_TERMS

    @property
    def with_vanished(self) -> bool:
        """Whether vanished documents are structured."""
        return self.vanished == KEEP


@dataclass(frozen=True)
class Staged:
    """What a task staged for a folder, or the sentence that says why it failed.

    ``keys`` are the source keys of the rows of its files.
    """

    folder: str
    totals: StructureTotals = field(default_factory=StructureTotals)
    files: Tuple[PublishedFile, ...] = ()
    quarantine: Tuple[PublishedFile, ...] = ()
    keys: SourceKeys = field(default_factory=SourceKeys)
    error: str = ""
    failure: Optional[Failure] = None

    def plus(self, other: Staged) -> Staged:
        """Return the sum of both; the first error stays."""
        return Staged(
            self.folder,
            self.totals.plus(other.totals),
            self.files + other.files,
            self.quarantine + other.quarantine,
            self.keys.plus(other.keys),
            self.error or other.error,
            self.failure or other.failure,
        )


@dataclass(frozen=True)
class DayLines:
    """Lines of one day in the shuffle."""

    lines: bytes
    length: int


Shuffled = Tuple[Tuple[str, str], Union[DayLines, Staged]]


def stage_small_folder(job: StructureJob, plan: FolderPlan) -> Staged:
    """Read, conform and stage a whole folder in one task."""

    def stage() -> Staged:
        writer = FolderWriter(_lake(job), plan.folder, job.run_id)
        days = _Days(writer)
        report = Staged(plan.folder)
        for number, piece in enumerate(plan.slices):
            for part, conformed in enumerate(_conform(job, piece)):
                days.add(conformed)
                report = report.plus(_report(writer, plan.folder, (number, part), conformed))
        files = days.written()
        return report.plus(Staged(plan.folder, files=files, keys=writer.keys))

    return _guarded(plan.folder, stage, lambda failed: failed)


def read_slice_of_large_folder(job: StructureJob, numbered: Tuple[int, Slice]) -> List[Shuffled]:
    """Read and conform one slice; its lines leave as blobs by day, its report beside them."""
    number, piece = numbered

    def read() -> List[Shuffled]:
        writer = FolderWriter(_lake(job), piece.folder, job.run_id)
        shuffled: List[Shuffled] = []
        report = Staged(piece.folder)
        for part, conformed in enumerate(_conform(job, piece)):
            shuffled += [
                ((piece.folder, day), _blob(lines)) for day, lines in conformed.lines.items()
            ]
            report = report.plus(_report(writer, piece.folder, (number, part), conformed))
        report = report.plus(Staged(piece.folder, keys=writer.keys))
        return [*shuffled, ((piece.folder, ""), report)]

    return _guarded(piece.folder, read, lambda failed: [((piece.folder, ""), failed)])


def write_shuffled(job: StructureJob, received: Iterable[Shuffled]) -> Iterator[Staged]:
    """Stage the days whose blobs this task received, folder by folder; reports pass through."""
    folders: Dict[str, Dict[str, List[DayLines]]] = {}
    for (folder, day), value in received:
        if isinstance(value, Staged):
            yield value
        else:
            folders.setdefault(folder, {}).setdefault(day, []).append(value)
    for folder in sorted(folders):
        write = partial(_write_days, job, folder, folders.pop(folder))
        yield _guarded(folder, write, lambda failed: failed)


def partition_of(key: Tuple[str, str]) -> int:
    """Hash the key; the hash is the same in every process, unlike Python's own."""
    return zlib.crc32("/".join(key).encode())


def _write_days(job: StructureJob, folder: str, days: Dict[str, List[DayLines]]) -> Staged:
    writer = FolderWriter(_lake(job), folder, job.run_id)
    lines = ((day, _lines_of(days.pop(day))) for day in sorted(days))
    files = tuple(writer.write_days(lines))
    return Staged(folder, files=files, keys=writer.keys)


def _lines_of(blobs: List[DayLines]) -> Iterator[bytes]:
    for blob in blobs:
        yield from _lines(blob)


def _conform(job: StructureJob, piece: Slice) -> Iterator[Conformed]:
    reader = ObjectReader(_raw(job), job.in_flight, job.largest_body)
    return conform_slice(reader, piece, job.run_id, job.with_vanished, job.largest_body)


class _Days:
    """A small folder's lines by day, written when they reach LINE_BYTES_HELD, and at the end."""

    def __init__(self, writer: FolderWriter) -> None:
        self._writer = writer
        self._lines: Dict[str, List[bytes]] = {}
        self._held = 0
        self._files: List[PublishedFile] = []

    def add(self, conformed: Conformed) -> None:
        """Add these lines."""
        for day, more in conformed.lines.items():
            self._lines.setdefault(day, []).extend(more)
        self._held += conformed.held
        if self._held >= LINE_BYTES_HELD:
            self._write()

    def written(self) -> Tuple[PublishedFile, ...]:
        """Write the remaining lines and return all files."""
        self._write()
        return tuple(self._files)

    def _write(self) -> None:
        self._files += self._writer.write_days(sorted(self._lines.items()))
        self._lines, self._held = {}, 0


def _report(
    writer: FolderWriter, folder: str, number: Tuple[int, int], conformed: Conformed
) -> Staged:
    quarantine: Tuple[PublishedFile, ...] = ()
    if conformed.quarantine:
        quarantine = (writer.write_quarantine(number, conformed.quarantine),)
    return Staged(folder, totals=conformed.totals, quarantine=quarantine)


def _blob(lines: Sequence[bytes]) -> DayLines:
    import pyarrow as pa

    joined = b"\n".join(lines)
    return DayLines(pa.compress(joined, codec="zstd", asbytes=True), len(joined))


def _lines(blob: DayLines) -> List[bytes]:
    import pyarrow as pa

    joined: bytes = pa.decompress(blob.lines, blob.length, codec="zstd", asbytes=True)
    return joined.split(b"\n")


def _raw(job: StructureJob) -> Store:
    return _store(job.raw_uri, job.raw_terms)


def _lake(job: StructureJob) -> Store:
    return _store(job.lake_uri, job.lake_terms)


def _store(uri: str, terms: StoreTerms) -> Store:
    """Return the store of a place, one per worker process, so that connections are reused."""
    if (uri, terms) not in _stores:
        _stores[uri, terms] = open_store(uri, terms)
    return _stores[uri, terms]


def _guarded(folder: str, work: Callable[[], _T], failed: Callable[[Staged], _T]) -> _T:
    """Keep a failure within its folder, and content out of what leaves the task."""
    _keep_archives_read()
    try:
        return work()
    except FolderError as error:
        return failed(Staged(folder, error=str(error), failure=error.failure))
    except Exception as error:
        sentence = _sentence(folder, error)
        return failed(Staged(folder, error=sentence, failure=job_failure_of(error)))


def _keep_archives_read() -> None:
    """Save the worker's next task a tenth of a CPU second.

    Before each task Spark has Python scan its import path again. Python 3.10 and 3.11 then parse
    the directory of every zip file on it, PySpark's own thousand modules first.
    """
    for path, finder in list(sys.path_importer_cache.items()):
        if isinstance(finder, zipimporter):
            del sys.path_importer_cache[path]


def _sentence(folder: str, error: Exception) -> str:
    if isinstance(error, StoreError):
        return refused_by_store(folder, error)
    return fault_of_the_job(folder, error)
