"""Copying one folder: list, decide, copy, write the manifest, verify, record."""

import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from checkout_assets.domain.copying import (
    Action,
    CopyFacts,
    Pair,
    Sighting,
    SourceObject,
    Status,
    decide,
    digest,
)
from checkout_assets.domain.folders import Folder
from checkout_assets.domain.keys import classify, safe_key
from checkout_assets.domain.verification import Seen, Verdict, compare, merge_join
from checkout_assets.engines.copying.manifest import (
    EarlierRows,
    ManifestRow,
    ManifestWriter,
    RecordFound,
    find_record,
    remove_abandoned_parts,
)
from checkout_assets.engines.copying.progress import CopyProgress
from checkout_assets.engines.copying.requests import Ending, ObjectCopier, Outcome
from checkout_assets.engines.copying.result import (
    MOST_FAILURES_KEPT,
    FolderCopied,
    FolderError,
    ObjectFailure,
    explain_emptiness,
    explain_failures,
)
from spark_jobs.contract import (
    VANISHED,
    CompletionRecord,
    ManifestPart,
    completion_record_key,
)
from spark_jobs.stores import ConflictError

if TYPE_CHECKING:
    from spark_jobs.stores import S3Store

_MOST_WAITING = 1024
"""Objects of one folder that may wait for an earlier one, since rows are written in key order."""

_DELETED = "it was deleted at the source while it was copied"
_LOST = "vanished from the source, and raw no longer holds what was copied"


class CancelledError(Exception):
    """Whoever asked for the copy no longer wants it."""


@dataclass(frozen=True, slots=True)
class CopyRun:
    """What the folders of a run share."""

    source: "S3Store"
    raw: "S3Store"
    copier: ObjectCopier
    as_of: datetime
    copy_id: str
    progress: CopyProgress
    cancelled: threading.Event


@dataclass(frozen=True, slots=True)
class _Due:
    """A key under work: what both sides and the earlier copies show of it."""

    key: str
    raw_key: str
    source: SourceObject | None
    raw: Sighting | None
    earlier: Sequence[ManifestRow]


class FolderCopy:
    """One copy of one folder; used once."""

    def __init__(self, run: CopyRun, folder: Folder) -> None:
        self._run = run
        self._folder = folder
        self._writer = ManifestWriter(run.raw, folder.name, run.copy_id)
        self._waiting: deque[tuple[_Due, Future[Outcome]]] = deque()
        self._counts: Counter[str] = Counter()
        self._statuses: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        self._failures: list[ObjectFailure] = []
        self._in_raw: list[tuple[str, Seen]] = []
        self._kept_only_in_raw: list[tuple[str, Seen]] = []

    def copy(self) -> FolderCopied:
        """Do it all; raises FolderError, StoreError or OutOfOrderError if that cannot be."""
        found = find_record(self._run.raw, self._folder.name)
        listed_at = datetime.now(UTC)
        earlier = EarlierRows(self._run.raw, self._folder.name, found)
        try:
            for due in self._due(earlier):
                self._begin(due)
        finally:
            # Also what a cancelled or failing copy has proved is worth keeping.
            self._settle(leave=0)
            parts = self._writer.flush()
        return self._conclude(found, listed_at, parts, earlier.problems)

    def _due(self, earlier: EarlierRows) -> Iterator[_Due]:
        """Every key the source lists or an earlier manifest names, in key order."""
        prefix = f"{self._folder}/"
        raw = {e.key: Sighting(e.size, e.etag) for e in self._run.raw.list(prefix)}
        listing = (
            (e.key, SourceObject(e.key, e.size, e.etag, e.last_modified, e.storage_class))
            for e in self._run.source.list(prefix)
        )
        for key, source, rows in merge_join(listing, earlier):
            if self._run.cancelled.is_set():
                raise CancelledError
            raw_key = safe_key(key, self._run.raw.prefix)
            if source is not None or rows:
                yield _Due(key, raw_key, source, raw.get(raw_key), rows or ())

    def _begin(self, due: _Due) -> None:
        known = [Pair(row.source_etag, row.raw_etag) for row in due.earlier]
        action = decide(due.source, due.raw, known, self._run.as_of)
        ending: Future[Outcome]
        if action is Action.COPY:
            assert due.source is not None
            ending = self._run.copier.start(due.source, due.raw_key)
        else:
            ending = Future()
            ending.set_result(_without_request(action, due))
        self._waiting.append((due, ending))
        self._settle(leave=_MOST_WAITING)

    def _settle(self, leave: int) -> None:
        """Write the rows of what has ended, in order; wait until at most ``leave`` are waiting."""
        while self._waiting and (len(self._waiting) > leave or self._waiting[0][1].done()):
            due, ending = self._waiting.popleft()
            self._write(due, ending.result())

    def _write(self, due: _Due, outcome: Outcome) -> None:
        if outcome.ending in {Ending.GONE, Ending.NEWER}:
            self._write_unlisted(due, outcome)
            return
        present = outcome.ending is Ending.COPIED and not outcome.attempts
        status = Status.PRESENT if present else Status(outcome.ending.value)
        row = self._row(due, outcome.source, status, outcome)
        self._counts["listed"] += 1
        self._counts["escaped"] += due.raw_key != due.key
        self._counts["near_misses"] += classify(due.key).near_miss
        if status is Status.FAILED:
            self._reasons[outcome.error] += 1
            if len(self._failures) < MOST_FAILURES_KEPT:
                self._failures.append(ObjectFailure(due.key, outcome.error))
        else:
            self._kinds[row.kind] += 1
            self._counts["bytes"] += row.size
            self._counts["copied bytes"] += 0 if present else row.size
            self._in_raw.append((row.raw_key, Seen(row.size, row.raw_etag)))
            self._run.progress.on_object(row.size, not present)
        self._add(row)

    def _write_unlisted(self, due: _Due, outcome: Outcome) -> None:
        """A key of which the source has no version up to the cut-off, or no longer has one."""
        self._counts["newer"] += outcome.ending is Ending.NEWER
        kept = next((r for r in due.earlier if due.raw and r.raw_etag == due.raw.etag), None)
        if kept is not None and due.raw is not None:
            self._kept_only_in_raw.append((due.raw_key, Seen(due.raw.size, due.raw.etag)))
            self._add(kept._replace(status=VANISHED, attempts=0, error=""))
        elif due.earlier:
            self._counts["lost"] += 1
            self._add(due.earlier[0]._replace(status=VANISHED, attempts=0, error=_LOST))
        elif outcome.ending is Ending.GONE:
            failed = Outcome(Ending.FAILED, outcome.source, outcome.attempts, error=_DELETED)
            self._write(due, failed)

    def _add(self, row: ManifestRow) -> None:
        self._statuses[row.status] += 1
        self._writer.add(row)

    def _row(
        self, due: _Due, source: SourceObject, status: Status, outcome: Outcome
    ) -> ManifestRow:
        return ManifestRow(
            folder=self._folder.name,
            source_key=due.key,
            raw_key=due.raw_key,
            kind=classify(due.key).kind.value,
            size=source.size,
            source_etag=source.etag,
            raw_etag=outcome.raw_etag,
            last_modified=source.last_modified,
            storage_class=source.storage_class,
            status=status.value,
            attempts=outcome.attempts,
            error=outcome.error,
        )

    def _conclude(
        self,
        found: RecordFound,
        listed_at: datetime,
        parts: list[ManifestPart],
        problems: list[str],
    ) -> FolderCopied:
        facts = self._facts(Counter())
        if not facts.listed:
            place = self._run.source.uri
            error = explain_emptiness(self._folder, facts, place, self._run.as_of)
            return FolderCopied(self._folder, facts, error=error)
        if facts.status(Status.FAILED):
            error = explain_failures(self._folder, facts, self._reasons)
            return FolderCopied(self._folder, facts, failures=self._failures, error=error)
        facts = self._facts(self._verify())
        if facts.unverified:
            raise FolderError(
                f"{self._folder}: after copying, raw's listing differs from the manifest in "
                f"{facts.unverified:,} objects: something else writes there. Copy it again."
            )
        record = self._record(facts, listed_at, parts)
        self._put(record, found)
        notes = [f"{self._folder}: {problem}." for problem in problems]
        return FolderCopied(self._folder, facts, record=record, notes=notes)

    def _verify(self) -> Counter[Verdict]:
        """List raw again and compare it with what the manifest says is there."""
        expected = sorted([*self._in_raw, *self._kept_only_in_raw])
        found = ((e.key, Seen(e.size, e.etag)) for e in self._run.raw.list(f"{self._folder}/"))
        return Counter(verdict for _, verdict in compare(expected, found))

    def _facts(self, verdicts: Counter[Verdict]) -> CopyFacts:
        return CopyFacts(
            listed=self._counts["listed"],
            by_status=dict(self._statuses),
            by_kind=dict(self._kinds),
            escaped=self._counts["escaped"],
            near_misses=self._counts["near_misses"],
            newer=self._counts["newer"],
            missing_on_source=verdicts[Verdict.MISSING_ON_SOURCE],
            unverified=verdicts[Verdict.DIFFER] + verdicts[Verdict.MISSING_ON_RAW],
            lost=self._counts["lost"],
            total_bytes=self._counts["bytes"],
            copied_bytes=self._counts["copied bytes"],
        )

    def _record(
        self, facts: CopyFacts, listed_at: datetime, parts: list[ManifestPart]
    ) -> CompletionRecord:
        return CompletionRecord(
            folder=self._folder.name,
            copy_id=self._run.copy_id,
            as_of=self._run.as_of.isoformat(),
            listed_at=listed_at.isoformat(),
            parts=parts,
            by_kind=facts.by_kind,
            by_status=facts.by_status,
            total_bytes=facts.total_bytes,
            digest=digest((key, seen.etag, seen.size) for key, seen in self._in_raw),
            listed=facts.listed,
            escaped=facts.escaped,
            near_misses=facts.near_misses,
            newer=facts.newer,
            missing_on_source=facts.missing_on_source,
            lost=facts.lost,
        )

    def _put(self, record: CompletionRecord, found: RecordFound) -> None:
        raw, name = self._run.raw, self._folder.name
        key = completion_record_key(name)
        try:
            raw.put(key, record.to_json(), if_match=found.etag, if_absent=found.etag is None)
        except ConflictError:
            now = find_record(raw, name).record
            whose = f"copy {now.copy_id}, listed at {now.listed_at}," if now else "another copy"
            raise FolderError(
                f"{name}: {whose} finished this folder meanwhile and its record stands. Nothing "
                "is lost; copy the folder again if it should be checked once more."
            ) from None
        kept = {record.copy_id, *([found.record.copy_id] if found.record else [])}
        remove_abandoned_parts(raw, name, kept, datetime.now(UTC))


def _without_request(action: Action, due: _Due) -> Outcome:
    """What a decision other than copying comes to; ``attempts`` 0 means that nothing was asked."""
    if due.source is None:
        gone = due.earlier[0]
        source = SourceObject(
            due.key, gone.size, gone.source_etag, gone.last_modified, gone.storage_class
        )
        return Outcome(Ending.GONE, source, 0)
    if action is Action.PRESENT and due.raw is not None:
        return Outcome(Ending.COPIED, due.source, 0, raw_etag=due.raw.etag)
    return Outcome(Ending.NEWER, due.source, 0)
