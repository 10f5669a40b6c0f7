"""Comparing a folder's source listing, manifest and raw listing; nothing is opened or changed.

All three are read side by side, so a folder of any size needs little memory.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from checkout_assets.domain.copying import (
    Pair,
    RunningDigest,
    Sighting,
    SourceObject,
    Status,
    is_same,
)
from checkout_assets.domain.folders import Folder
from checkout_assets.domain.keys import place_in_order
from checkout_assets.domain.reconciliation import CopyEvidence
from checkout_assets.domain.verification import merge_join_three
from checkout_assets.engines.copying.listings import list_raw, list_source
from checkout_assets.engines.copying.manifest import ManifestRow, find_record, read_recorded_part
from checkout_assets.engines.copying.result import facts_of
from spark_jobs.contract import IN_RAW, CompletionRecord, RecordError

if TYPE_CHECKING:
    from spark_jobs.stores import S3Store


def compare_copy(
    source: "S3Store | None", raw: "S3Store", folder: Folder, as_of: datetime | None
) -> CopyEvidence:
    """What the sides show of a folder; through the manifest if there is one, else by safe key.

    Without a cut-off, everything the source lists is due.
    """
    found = find_record(raw, folder.name)
    record, problem = found.record, found.problem
    if record is not None:
        try:
            _check_manifest(raw, record)
        except RecordError as error:
            record, problem = None, str(error)
    prefix = f"{folder}/"
    sides = merge_join_three(
        list_source(source, prefix, raw.prefix) if source is not None else (),
        _rows(raw, record) if record is not None else (),
        list_raw(raw, prefix),
    )
    comparison = _Comparison(as_of, with_source=source is not None)
    for _, there, row, seen in sides:
        comparison.add(there, row, seen)
    return comparison.evidence(record, problem)


def _check_manifest(raw: "S3Store", record: CompletionRecord) -> None:
    """Raises RecordError if the manifest is not what its record counts.

    It is read once for this and once more to be compared: what is compared is known to be right.
    """
    statuses: Counter[str] = Counter()
    digest = RunningDigest()
    last = ""
    for place, row in _rows(raw, record):
        if place <= last:
            raise RecordError("the manifest's rows are not in order")
        last = place
        statuses[row.status] += 1
        if row.status in IN_RAW:
            digest.add(row.raw_key, row.raw_etag, row.size)
    if statuses != Counter(record.by_status):
        raise RecordError("the manifest counts other statuses than its record")
    if digest.hexdigest() != record.digest:
        raise RecordError("the manifest's digest is not its record's")


def _rows(raw: "S3Store", record: CompletionRecord) -> Iterator[tuple[str, ManifestRow]]:
    """The manifest's rows by the places of their raw keys."""
    for part in record.parts:
        for row in read_recorded_part(raw, record, part):
            yield place_in_order(row.raw_key), row


class _Comparison:
    """Counts how the objects of one folder compare; every raw key counts once."""

    def __init__(self, as_of: datetime | None, with_source: bool) -> None:
        self._as_of = as_of
        self._with_source = with_source
        self._counts: Counter[str] = Counter()

    def add(
        self, there: SourceObject | None, row: ManifestRow | None, seen: Sighting | None
    ) -> None:
        """What the three sides show of one raw key."""
        due = there is not None and self._is_due(there)
        promised = row is not None and row.status != Status.FAILED and not row.error
        right = True
        if due and there is not None:
            known = [Pair(row.source_etag, row.raw_etag)] if row and row.status in IN_RAW else []
            self._counts["listed"] += 1
            right = is_same(there, seen, known)
        if promised and row is not None:
            right = right and seen == Sighting(row.size, row.raw_etag)
            self._counts["vanished"] += row.status == Status.VANISHED
        if row is not None and there is None and self._with_source:
            self._counts["vanished"] += row.status in IN_RAW
        self._counts["newer"] += there is not None and not due
        self._counts["in raw"] += seen is not None
        if not due and not promised:
            self._counts["missing on source"] += seen is not None
        elif seen is None:
            self._counts["missing on raw"] += 1
        elif not right:
            self._counts["differ"] += 1

    def evidence(self, record: CompletionRecord | None, problem: str) -> CopyEvidence:
        """What was counted."""
        return CopyEvidence(
            listed=self._counts["listed"] if self._with_source else None,
            newer=self._counts["newer"],
            raw_objects=self._counts["in raw"],
            missing_on_raw=self._counts["missing on raw"],
            differ=self._counts["differ"],
            missing_on_source=self._counts["missing on source"],
            vanished=self._counts["vanished"],
            record=record,
            facts=facts_of(record) if record else CopyEvidence().facts,
            problem=problem,
        )

    def _is_due(self, there: SourceObject) -> bool:
        return self._as_of is None or there.last_modified <= self._as_of
