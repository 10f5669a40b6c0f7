"""Reading raw: the objects of a manifest slice with their bytes.

A second raw layout, with many documents packed in one object, will be another RawReader.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterator, List, Protocol

from spark_jobs import contract
from spark_jobs.job.plan import FolderError, Slice, read_slice
from spark_jobs.stores import Blob, Store
from spark_jobs.stores.refusals import credentials_problem

_READ_KINDS = ("document", "nested")
_MOST_NAMED = 3


@dataclass(frozen=True)
class RawObject:
    """An object of a folder as the manifest names it, and its bytes."""

    source_key: str
    raw_key: str
    kind: str
    size: int
    source_etag: str
    vanished: bool
    body: bytes


class RawReader(Protocol):
    """Where the bytes of a folder's objects come from."""

    def read(self, piece: Slice, with_vanished: bool) -> Iterator[RawObject]:
        """Every document and nested object of the slice; raises FolderError if one is missing.

        Side objects are counted by the copy and not read.
        """


class ObjectReader:
    """Raw as the copy leaves it: one object a document, read by exact key."""

    def __init__(self, raw: Store, in_flight: int) -> None:
        """``in_flight`` requests at once hide S3's latency of 20 to 60 ms."""
        self._raw = raw
        self._in_flight = in_flight

    def read(self, piece: Slice, with_vanished: bool) -> Iterator[RawObject]:
        """See RawReader."""
        wanted = [row for row in read_slice(self._raw, piece).to_pylist() if _is_wanted(row)]
        if not with_vanished:
            wanted = [row for row in wanted if row["status"] != contract.VANISHED]
        failures: List[str] = []
        reads = self._raw.read_many((row["raw_key"] for row in wanted), self._in_flight)
        for row, (_, read) in zip(wanted, reads):
            if not isinstance(read, Blob):
                failures.append(read.code)
            elif row["raw_etag"] and read.etag != row["raw_etag"]:
                failures.append("changed since it was copied")
            else:
                yield _object(row, read.data)
        if failures:
            raise FolderError(_explain(piece.folder, failures))


def _is_wanted(row: Dict[str, Any]) -> bool:
    if row["kind"] not in _READ_KINDS:
        return False
    # A vanished object with an error is lost: raw does not have it any more either.
    kept = row["status"] == contract.VANISHED and not row["error"]
    return kept or row["status"] in contract.IN_RAW


def _object(row: Dict[str, Any], body: bytes) -> RawObject:
    return RawObject(
        source_key=row["source_key"],
        raw_key=row["raw_key"],
        kind=row["kind"],
        size=row["size"],
        source_etag=row["source_etag"],
        vanished=row["status"] == contract.VANISHED,
        body=body,
    )


def _explain(folder: str, failures: List[str]) -> str:
    codes = sorted(set(failures))
    if problem := next(filter(None, map(credentials_problem, codes)), ""):
        return f"{folder}: {problem}. Then structure it again."
    return (
        f"{folder}: {len(failures)} objects could not be read from raw "
        f"({', '.join(codes[:_MOST_NAMED])}). Copy the folder again, then structure it."
    )
