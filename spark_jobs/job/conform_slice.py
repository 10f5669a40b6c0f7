"""Turn a slice's objects into lines by day, quarantined objects, and totals."""

from __future__ import annotations

import gc
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, Dict, Iterator, List, Union

from spark_jobs.conforming import Conformer, Rejected, Row, decode, is_encoded, with_lineage
from spark_jobs.contract.order_types import table_of
from spark_jobs.contract.totals import StructureTotals
from spark_jobs.contract.words import CUT_DETAIL, NESTED_REASON, TOO_LARGE
from spark_jobs.job.plan import Slice
from spark_jobs.job.reading import RawObject, RawReader
from spark_jobs.job.unknown_fields import count_unknown
from spark_jobs.schema import known_names
from spark_jobs.schema.name_cache import cached_if_short
from spark_jobs.schema.redacted_names import MENTIONS, folded, meaning_of_name

_ALLOCATIONS_BETWEEN_COLLECTIONS = 100_000
"""Conforming makes many containers but no cycles; Python's default is a collection per 700."""


HELD_BYTES = 128 * 1024 * 1024
"""Lines and quarantined bytes held at a time: gzip bodies unpack to many times their slice."""

_KNOWN_PATHS = 1 << 10
"""Paths whose display form is cached: many more than our own names have."""
_LONGEST_PATH = 256
"""Characters of the longest such path."""

LONGEST_LINE_BYTES = 3 * 512 * 1024 * 1024
"""A longer row is ``too_large``: Arrow's reader takes less than 2 GiB."""


@dataclass
class Conformed:
    """The results for some objects of one folder: lines by day, quarantine rows, totals.

    ``held`` counts the bytes of its lines and quarantined bodies.
    """

    lines: Dict[str, List[bytes]] = field(default_factory=lambda: defaultdict(list))
    quarantine: List[Dict[str, object]] = field(default_factory=list)
    totals: StructureTotals = field(default_factory=StructureTotals)
    held: int = 0


@dataclass
class _Counts:
    """The totals of the results so far."""

    documents: int = 0
    nested: int = 0
    rows: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)
    rescued_rows: int = 0
    rescued_values: int = 0
    redacted: Counter[str] = field(default_factory=Counter)
    emptied: int = 0
    vanished_rows: int = 0
    vanished_quarantined: int = 0
    total_bytes: int = 0
    decoded: Counter[str] = field(default_factory=Counter)
    nested_too_large: int = 0
    cleaned: Counter[str] = field(default_factory=Counter)
    dated_by_creation: int = 0
    card_numbers: Counter[str] = field(default_factory=Counter)
    unknown_fields: Counter[str] = field(default_factory=Counter)

    def totals(self) -> StructureTotals:
        counts: Dict[str, Any] = {
            name: dict(value) if isinstance(value, Counter) else value
            for name, value in vars(self).items()
        }
        return StructureTotals(**counts)


def conform_slice(
    reader: RawReader, piece: Slice, run_id: str, with_vanished: bool, largest: int
) -> Iterator[Conformed]:
    """Read and conform every object of the slice; a bad document does not affect the others.

    Yields the results each time that they reach HELD_BYTES, and then the rest, which may be empty.
    """
    slicing = _Slicing(piece, run_id, largest)
    for found in reader.read(piece, with_vanished):
        slicing.add(found)
        if slicing.result.held >= HELD_BYTES:
            yield slicing.take()
    yield slicing.take()


class _Slicing:
    """Conforms the objects of a slice, one after the other."""

    def __init__(self, piece: Slice, run_id: str, largest: int) -> None:
        self._conformer = _conformer(table_of(piece.folder))
        self._piece = piece
        self._run_id = run_id
        self._largest = largest
        self.result, self._counts = Conformed(), _Counts()

    def take(self) -> Conformed:
        """Return the results since the last call."""
        taken = self.result
        taken.totals = self._counts.totals()
        self.result, self._counts = Conformed(), _Counts()
        return taken

    def add(self, found: RawObject) -> None:
        """Conform one object."""
        counts = self._counts
        counts.total_bytes += len(found.body)
        if found.kind == "nested":
            _count_nested(counts, found)
            self._quarantine(found, _why_nested(found, self._largest))
            return
        counts.documents += not found.vanished
        conformed = self._conform(found)
        if isinstance(conformed, Rejected):
            _count_rejected(counts, found, conformed)
            self._quarantine(found, conformed)
        else:
            _count_row(counts, found, conformed)
            self._keep(found, conformed)

    def _conform(self, found: RawObject) -> Union[Row, Rejected]:
        if found.is_cut:
            return _above(self._largest)
        if is_encoded(found.body):
            conformed = self._decoded(found.body)
        else:
            conformed = self._conformer.conform(found.body)
        if isinstance(conformed, Row) and len(conformed.line) > LONGEST_LINE_BYTES:
            return Rejected(TOO_LARGE, f"row at byte {LONGEST_LINE_BYTES}")
        return conformed

    def _decoded(self, body: bytes) -> Union[Row, Rejected]:
        decoded = decode(body, self._largest)
        if isinstance(decoded, Rejected):
            return decoded
        self._counts.decoded[decoded.form] += 1
        conformed = self._conformer.conform(decoded.body)
        if isinstance(conformed, Rejected):
            return replace(conformed, detail=f"{conformed.detail} of the decoded text")
        return conformed

    def _keep(self, found: RawObject, row: Row) -> None:
        line = with_lineage(
            row.line, self._piece.folder, found.source_key, found.source_etag, self._run_id
        )
        self.result.lines[row.day].append(line)
        self.result.held += len(line)

    def _quarantine(self, found: RawObject, why: Rejected) -> None:
        self.result.quarantine.append(_quarantine_row(found, why.reason, why.detail))
        self.result.held += len(found.body)


def _above(largest: int) -> Rejected:
    return Rejected(TOO_LARGE, f"{CUT_DETAIL} at byte {largest}")


def _why_nested(found: RawObject, largest: int) -> Rejected:
    return _above(largest) if found.is_cut else Rejected(NESTED_REASON, "")


def _count_nested(counts: _Counts, found: RawObject) -> None:
    if found.vanished:
        counts.vanished_quarantined += 1
    else:
        counts.nested += 1
        counts.nested_too_large += found.is_cut


@cache
def _conformer(table: str) -> Conformer:
    conformer = Conformer(table)
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS_BETWEEN_COLLECTIONS)
    return conformer


def _count_rejected(counts: _Counts, found: RawObject, rejected: Rejected) -> None:
    if found.vanished:
        counts.vanished_quarantined += 1
    else:
        counts.quarantined[rejected.reason] += 1


def _count_row(counts: _Counts, found: RawObject, row: Row) -> None:
    if found.vanished:
        counts.vanished_rows += 1
    else:
        counts.rows += 1
    counts.rescued_rows += row.rescued > 0
    counts.rescued_values += row.rescued
    for path, times in row.redacted.items():
        counts.redacted[_without_strangers(path)] += times
    for path, times in row.cleaned.items():
        counts.cleaned[_without_strangers(path)] += times
    counts.emptied += row.emptied
    counts.dated_by_creation += row.dated_by_creation
    counts.card_numbers.update(row.card_numbers)
    count_unknown(counts.unknown_fields, row.unknown)


@cached_if_short(_KNOWN_PATHS, _LONGEST_PATH)
def _without_strangers(path: str) -> str:
    """Return a path with ``?`` for each name that is not ours: records and reports show it."""
    return "/".join(map(_shown, path.split("/")))


def _shown(step: str) -> str:
    """Return a path's step for display; of a name that redaction knows, only letters and digits."""
    if not step or step == "*" or step.lower() in known_names():
        return step
    meaning = meaning_of_name(step)
    if meaning is None or meaning in MENTIONS:
        return "?"
    return step if step.isascii() and step.isalnum() else folded(step)


def _quarantine_row(found: RawObject, reason: str, detail: str) -> Dict[str, object]:
    return {
        "source_key": found.source_key,
        "raw_key": found.raw_key,
        "kind": found.kind,
        "reason": reason,
        "detail": detail,
        "size": found.size,
        "source_etag": found.source_etag,
        "body": found.body,
    }
