"""Comparing a folder's source listing, manifest and raw listing; nothing is opened or changed."""

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

from checkout_assets.domain.copying import (
    Pair,
    Sighting,
    SourceObject,
    Status,
    digest,
    is_same,
)
from checkout_assets.domain.folders import Folder
from checkout_assets.domain.keys import safe_key
from checkout_assets.domain.reconciliation import CopyEvidence
from checkout_assets.domain.verification import merge_join
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
    rows: list[ManifestRow] = []
    record, problem = found.record, found.problem
    if record is not None:
        try:
            rows = _checked_manifest(raw, record)
        except RecordError as error:
            record, problem = None, str(error)
    comparison = _Comparison(raw, folder, as_of)
    if source is not None:
        comparison.compare_source(source, rows)
    comparison.compare_manifest(rows)
    return comparison.evidence(source is not None, record, problem)


def _checked_manifest(raw: "S3Store", record: CompletionRecord) -> list[ManifestRow]:
    """The manifest's rows; raises RecordError if they are not what the record counts."""
    rows = [row for part in record.parts for row in read_recorded_part(raw, record, part)]
    if Counter(row.status for row in rows) != Counter(record.by_status):
        raise RecordError("the manifest counts other statuses than its record")
    in_raw = [(row.raw_key, row.raw_etag, row.size) for row in rows if row.status in IN_RAW]
    if digest(in_raw) != record.digest:
        raise RecordError("the manifest's digest is not its record's")
    return rows


class _Comparison:
    """Counts how the objects of one folder compare; every source key and raw key counts once."""

    def __init__(self, raw: "S3Store", folder: Folder, as_of: datetime | None) -> None:
        self._prefix = f"{folder}/"
        self._raw_prefix = raw.prefix
        self._as_of = as_of
        self._raw = {e.key: Sighting(e.size, e.etag) for e in raw.list(self._prefix)}
        self._named: set[str] = set()
        self._missing: set[str] = set()
        self._different: set[str] = set()
        self._counts: Counter[str] = Counter()

    def compare_source(self, source: "S3Store", rows: list[ManifestRow]) -> None:
        """Each object of the source with its manifest row and what raw shows."""
        listing = (
            (e.key, SourceObject(e.key, e.size, e.etag, e.last_modified, e.storage_class))
            for e in source.list(self._prefix)
        )
        by_source_key = sorted((row.source_key, row) for row in rows)
        for _, there, row in merge_join(listing, by_source_key):
            if there is None:
                self._counts["vanished"] += row is not None and row.status in IN_RAW
            elif self._as_of is not None and there.last_modified > self._as_of:
                self._counts["newer"] += 1
            else:
                self._compare_due(there, row)

    def _compare_due(self, there: SourceObject, row: ManifestRow | None) -> None:
        raw_key = safe_key(there.key, self._raw_prefix)
        seen = self._raw.get(raw_key)
        known = [Pair(row.source_etag, row.raw_etag)] if row and row.status in IN_RAW else []
        self._counts["listed"] += 1
        self._named.add(raw_key)
        if seen is None:
            self._missing.add(raw_key)
        elif not is_same(there, seen, known):
            self._different.add(raw_key)

    def compare_manifest(self, rows: list[ManifestRow]) -> None:
        """Each object that the manifest says is in raw with what raw shows."""
        for row in rows:
            if row.status == Status.FAILED or row.error:
                continue
            self._named.add(row.raw_key)
            seen = self._raw.get(row.raw_key)
            if seen is None:
                self._missing.add(row.raw_key)
            elif seen != Sighting(row.size, row.raw_etag):
                self._different.add(row.raw_key)
            self._counts["vanished"] += row.status == Status.VANISHED

    def evidence(
        self, with_source: bool, record: CompletionRecord | None, problem: str
    ) -> CopyEvidence:
        """What was counted."""
        return CopyEvidence(
            listed=self._counts["listed"] if with_source else None,
            newer=self._counts["newer"],
            raw_objects=len(self._raw),
            missing_on_raw=len(self._missing),
            differ=len(self._different),
            missing_on_source=len(self._raw.keys() - self._named),
            vanished=self._counts["vanished"],
            record=record,
            facts=facts_of(record) if record else CopyEvidence().facts,
            problem=problem,
        )
