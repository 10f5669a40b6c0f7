"""Read raw: the objects of a manifest slice with their bytes.

A second raw layout, with many documents packed in one object, will be another RawReader.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Protocol, Tuple, Union

from spark_jobs.contract.counting import counted
from spark_jobs.contract.failures import Failure
from spark_jobs.contract.limits import KEPT_BYTES
from spark_jobs.contract.words import Status
from spark_jobs.job.plan import FolderError, Slice, is_structured, job_failure_of, read_slice
from spark_jobs.refusals import credentials_problem
from spark_jobs.stores import Blob, Store, StoreError

_MOST_NAMED = 3
_CHANGED = Failure("changed since it was copied")
_OTHER_LENGTH = Failure("arrived with another length", transient=True)
"""Between S3 and here something cut it, and said that this is all."""

_ManifestRow = Dict[str, Any]
_BlobOrError = Union[Blob, StoreError]


@dataclass(frozen=True)
class RawObject:
    """An object of a folder as the manifest names it, and its bytes.

    If the object exceeds the limit, the body ``is_cut``: it holds the first KEPT_BYTES.
    """

    source_key: str
    raw_key: str
    kind: str
    size: int
    source_etag: str
    vanished: bool
    body: bytes
    is_cut: bool = False


class RawReader(Protocol):
    """Where the bytes of a folder's objects come from."""

    def read(self, piece: Slice, with_vanished: bool) -> Iterator[RawObject]:
        """Every document and nested object of the slice; raises FolderError if one is missing.

        Side objects are counted by the copy and not read.
        """


class ObjectReader:
    """Raw as the copy leaves it: one object per document, read by exact key."""

    def __init__(self, raw: Store, in_flight: int, largest: int) -> None:
        """Set up ``in_flight`` concurrent requests, to hide S3's latency of 20 to 60 ms.

        Their bytes are bounded by the slice: it holds SLICE_BYTES, or one object. Of objects above
        ``largest`` bytes only the start is read.
        """
        self._raw = raw
        self._in_flight = in_flight
        self._largest = largest

    def read(self, piece: Slice, with_vanished: bool) -> Iterator[RawObject]:
        wanted = [
            row
            for row in read_slice(self._raw, piece).to_pylist()
            if is_structured(row["kind"], row["status"], row["error"], with_vanished)
        ]
        failures: List[Failure] = []
        for row, read in self._reads(wanted):
            if not isinstance(read, Blob):
                failures.append(job_failure_of(read))
            elif row["raw_etag"] and read.etag != row["raw_etag"]:
                failures.append(_CHANGED)
            elif len(read.data) != self._length(row):
                failures.append(_OTHER_LENGTH)
            else:
                yield _object(row, read.data, is_cut=self._is_cut(row))
        if failures:
            failure = Failure.of(failures[0].code, failures)
            raise FolderError(_explain(piece.folder, failures), failure)

    def _reads(self, wanted: List[_ManifestRow]) -> Iterator[Tuple[_ManifestRow, _BlobOrError]]:
        whole = [row for row in wanted if not self._is_cut(row)]
        reads = self._raw.read_many((row["raw_key"] for row in whole), self._in_flight)
        for row, (_, read) in zip(whole, reads):
            yield row, read
        for row in wanted:
            if self._is_cut(row):
                yield row, self._start_of(row["raw_key"])

    def _start_of(self, key: str) -> _BlobOrError:
        try:
            return self._raw.get_start(key, KEPT_BYTES)
        except StoreError as error:
            return error

    def _length(self, row: _ManifestRow) -> int:
        return min(row["size"], KEPT_BYTES) if self._is_cut(row) else int(row["size"])

    def _is_cut(self, row: _ManifestRow) -> bool:
        return bool(row["size"] > self._largest)


def _object(row: _ManifestRow, body: bytes, is_cut: bool) -> RawObject:
    return RawObject(
        source_key=row["source_key"],
        raw_key=row["raw_key"],
        kind=row["kind"],
        size=row["size"],
        source_etag=row["source_etag"],
        vanished=row["status"] == Status.VANISHED,
        body=body,
        is_cut=is_cut,
    )


def _explain(folder: str, failures: List[Failure]) -> str:
    codes = sorted({failure.code for failure in failures})
    if problem := next(filter(None, map(credentials_problem, codes)), ""):
        return f"{folder}: {problem}. Then structure it again."
    return (
        f"{folder}: {counted(len(failures), 'object')} could not be read from raw "
        f"({', '.join(codes[:_MOST_NAMED])}). Copy the folder again, then structure it."
    )
