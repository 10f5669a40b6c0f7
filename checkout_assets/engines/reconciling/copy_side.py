"""Compare a folder's source listing, manifest and raw listing, without opening or changing objects.

All three are read side by side, so a folder of any size needs little memory.
"""

from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from checkout_assets.domain.copying import Pair, Sighting, SourceObject, is_same
from checkout_assets.domain.folders import Folder
from checkout_assets.domain.keys import classify
from checkout_assets.domain.reconciliation import CopyEvidence
from checkout_assets.domain.verification import merge_join_three
from checkout_assets.engines.copying.cutoff import KeptCutOff
from checkout_assets.engines.copying.listings import list_raw, list_source
from checkout_assets.engines.copying.manifest import ManifestRow
from checkout_assets.engines.copying.recorded import recorded_rows
from checkout_assets.engines.copying.records import RecordFound
from checkout_assets.engines.copying.result import facts_of
from checkout_assets.engines.copying.tally import Tally
from spark_jobs.contract.completion import CompletionRecord
from spark_jobs.contract.record_format import RecordError
from spark_jobs.contract.words import IN_RAW, ObjectKind, Status

if TYPE_CHECKING:
    from spark_jobs.stores import S3Store


def compare_copy(
    source: "S3Store | None",
    raw: "S3Store",
    folder: Folder,
    cut_off: KeptCutOff | None,
    found: RecordFound,
) -> CopyEvidence:
    """Compare the sides of a folder: through the manifest if there is one, else by safe key.

    Without a cut-off, every object that the source lists is due.
    """
    record, problem = found.record, found.problem
    if record is not None:
        try:
            _check_manifest(raw, record)
        except RecordError as error:
            record, problem = None, str(error)
    prefix = f"{folder}/"
    sides = merge_join_three(
        list_source(source, prefix, raw.prefix) if source is not None else (),
        recorded_rows(raw, record) if record is not None else (),
        list_raw(raw, prefix),
    )
    comparison = _Comparison(cut_off.instant if cut_off else None, with_source=source is not None)
    for _, there, row, seen in sides:
        comparison.add(there, row, seen)
    kept_source = cut_off.source_uri if cut_off else ""
    return replace(
        comparison.evidence(record, problem),
        source_uri=source.uri if source is not None else kept_source,
        raw_uri=raw.uri,
        as_of=cut_off.as_of if cut_off else "",
    )


def _check_manifest(raw: "S3Store", record: CompletionRecord) -> None:
    """Raise RecordError if the manifest does not match the counts of its record.

    The manifest is read once for this check and once more for the comparison.
    """
    counted = Tally()
    for _, row in recorded_rows(raw, record):
        counted.add(row)
    if Counter(counted.facts().by_status) != Counter(record.by_status):
        raise RecordError("the manifest counts other statuses than its record")
    if counted.digest != record.digest:
        raise RecordError("the manifest's digest is not its record's")


class _Comparison:
    """Counts how the objects of one folder compare; every raw key counts once."""

    def __init__(self, as_of: datetime | None, with_source: bool) -> None:
        self._as_of = as_of
        self._with_source = with_source
        self._counts: Counter[str] = Counter()
        self._lists_documents = False

    def add(
        self, there: SourceObject | None, row: ManifestRow | None, seen: Sighting | None
    ) -> None:
        """Add what the three sides show of one raw key."""
        due = there if there is not None and self._is_due(there) else None
        promised = row if row and row.status != Status.FAILED and not row.error else None
        right = True
        if due is not None:
            known = [Pair(row.source_etag, row.raw_etag)] if row and row.status in IN_RAW else []
            self._counts["listed"] += 1
            self._lists_documents = self._lists_documents or _is_document(due)
            right = is_same(due, seen, known)
        if promised is not None:
            right = right and seen == Sighting(promised.size, promised.raw_etag)
            self._counts["vanished"] += promised.status == Status.VANISHED
        if row is not None and there is None and self._with_source:
            self._counts["vanished"] += row.status in IN_RAW
        self._counts["newer"] += there is not None and due is None
        self._counts["in raw"] += seen is not None
        if due is None and promised is None:
            self._counts["missing on source"] += seen is not None
        elif seen is None:
            self._counts["missing on raw"] += 1
        elif not right:
            self._counts["differ"] += 1

    def evidence(self, record: CompletionRecord | None, problem: str) -> CopyEvidence:
        """Return the counts."""
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
            lists_documents=self._lists_documents,
        )

    def _is_due(self, there: SourceObject) -> bool:
        return self._as_of is None or there.last_modified <= self._as_of


def _is_document(there: SourceObject) -> bool:
    return classify(there.key).kind is ObjectKind.DOCUMENT
