"""From a slice's objects to lines by day, quarantined objects, and totals."""

from __future__ import annotations

import gc
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Dict, List

from spark_jobs import contract
from spark_jobs.conforming import Conformer, Rejected, Row, with_lineage
from spark_jobs.contract import StructureTotals
from spark_jobs.job.plan import Slice
from spark_jobs.job.reading import RawObject, RawReader
from spark_jobs.schema import known_names

_ALLOCATIONS_BETWEEN_COLLECTIONS = 100_000
"""Conforming makes many containers and no cycles; by itself Python looks for some every 700."""


@dataclass
class Conformed:
    """What became of some objects of one folder: lines by day, quarantine rows, totals."""

    lines: Dict[str, List[bytes]] = field(default_factory=lambda: defaultdict(list))
    quarantine: List[Dict[str, object]] = field(default_factory=list)
    totals: StructureTotals = field(default_factory=StructureTotals)


@dataclass
class _Counts:
    """Totals while they grow."""

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

    def totals(self) -> StructureTotals:
        counts: Dict[str, Any] = {
            name: dict(value) if isinstance(value, Counter) else value
            for name, value in vars(self).items()
        }
        return StructureTotals(**counts)


def conform_slice(reader: RawReader, piece: Slice, run_id: str, with_vanished: bool) -> Conformed:
    """Read and conform every object of the slice; no document is fatal for its neighbours."""
    conformer = _conformer(contract.table_of(piece.folder))
    result, counts = Conformed(), _Counts()
    for found in reader.read(piece, with_vanished):
        counts.total_bytes += len(found.body)
        if found.kind == "nested":
            counts.nested += not found.vanished
            counts.vanished_quarantined += found.vanished
            result.quarantine.append(_quarantine_row(found, contract.NESTED_REASON, ""))
            continue
        counts.documents += not found.vanished
        conformed = conformer.conform(found.body)
        if isinstance(conformed, Rejected):
            _count_rejected(counts, found, conformed)
            result.quarantine.append(_quarantine_row(found, conformed.reason, conformed.detail))
        else:
            _count_row(counts, found, conformed)
            line = with_lineage(
                conformed.line, piece.folder, found.source_key, found.source_etag, run_id
            )
            result.lines[conformed.day].append(line)
    result.totals = counts.totals()
    return result


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
    counts.emptied += row.emptied


def _without_strangers(path: str) -> str:
    """A path with ``?`` for each name that is not ours: records and reports show it."""
    known = known_names()
    return "/".join(
        step if not step or step == "*" or step.lower() in known else "?"
        for step in path.split("/")
    )


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
