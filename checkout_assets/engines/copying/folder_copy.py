"""Copying one folder: list, decide, copy, write the manifest, verify, record."""

import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from checkout_assets.domain.copying import (
    Action,
    Pair,
    Sighting,
    SourceObject,
    Status,
    decide,
)
from checkout_assets.domain.folders import Folder
from checkout_assets.domain.keys import classify, safe_key
from checkout_assets.domain.verification import Seen, Verdict, compare, merge_join
from checkout_assets.engines.copying.manifest import (
    EarlierRows,
    ManifestRow,
    ManifestWriter,
    RecordFound,
    abandoned,
    find_record,
    list_parts,
)
from checkout_assets.engines.copying.progress import CopyProgress
from checkout_assets.engines.copying.requests import Ending, ObjectCopier, Outcome
from checkout_assets.engines.copying.result import (
    FolderCopied,
    FolderError,
    explain_disagreement,
    explain_emptiness,
    explain_failures,
)
from checkout_assets.engines.copying.tally import Tally
from spark_jobs.contract import (
    VANISHED,
    CompletionRecord,
    ManifestPart,
    completion_record_key,
)
from spark_jobs.stores import ConflictError, StoreError

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
        self._tally = Tally()

    def copy(self) -> FolderCopied:
        """Do it all; raises FolderError, StoreError or OutOfOrderError if that cannot be."""
        found = find_record(self._run.raw, self._folder.name)
        listed_at = datetime.now(UTC)
        old_parts = list_parts(self._run.raw, self._folder.name)
        earlier = EarlierRows(self._run.raw, old_parts, found)
        try:
            for due in self._due(earlier):
                self._begin(due)
        finally:
            # Also what a cancelled or failing copy has proved is worth keeping.
            self._settle(leave=0)
            parts = self._writer.flush()
        copied = self._conclude(found, listed_at, parts, earlier.problems)
        # The manifest just replaced stays for whoever reads it now; a later copy removes it.
        kept = {found.record.copy_id} if found.record else set()
        return self._remove(abandoned(old_parts, kept, listed_at), copied)

    def _remove(self, keys: list[str], copied: FolderCopied) -> FolderCopied:
        if not copied.ok or not keys:
            return copied
        try:
            self._run.raw.delete(keys)
        except StoreError as error:
            note = f"{self._folder}: old manifest parts could not be removed ({error.code})."
            return replace(copied, notes=[*copied.notes, note])
        return copied

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
        row = ManifestRow(
            folder=self._folder.name,
            source_key=due.key,
            raw_key=due.raw_key,
            kind=classify(due.key).kind.value,
            size=outcome.source.size,
            source_etag=outcome.source.etag,
            raw_etag=outcome.raw_etag,
            last_modified=outcome.source.last_modified,
            storage_class=outcome.source.storage_class,
            status=status.value,
            attempts=outcome.attempts,
            error=outcome.error,
        )
        self._add(row)
        if status is not Status.FAILED:
            self._run.progress.on_object(row.size, not present)

    def _write_unlisted(self, due: _Due, outcome: Outcome) -> None:
        """A key of which the source has no version up to the cut-off, or no longer has one."""
        self._tally.newer += outcome.ending is Ending.NEWER
        kept = next((r for r in due.earlier if due.raw and r.raw_etag == due.raw.etag), None)
        if kept is not None:
            self._add(kept._replace(status=VANISHED, attempts=0, error=""))
        elif due.earlier:
            self._add(due.earlier[0]._replace(status=VANISHED, attempts=0, error=_LOST))
        elif outcome.ending is Ending.GONE:
            failed = Outcome(Ending.FAILED, outcome.source, outcome.attempts, error=_DELETED)
            self._write(due, failed)

    def _add(self, row: ManifestRow) -> None:
        self._tally.add(row)
        self._writer.add(row)

    def _conclude(
        self,
        found: RecordFound,
        listed_at: datetime,
        parts: list[ManifestPart],
        problems: list[str],
    ) -> FolderCopied:
        run, folder, tally = self._run, self._folder, self._tally
        facts = tally.facts()
        if not facts.listed:
            error = explain_emptiness(folder, facts, run.source.uri, run.as_of)
            return FolderCopied(folder, facts, error=error)
        if facts.status(Status.FAILED):
            error = explain_failures(folder, facts, tally.reasons)
            return FolderCopied(folder, facts, failures=tally.failures, error=error)
        facts = tally.facts(self._verify())
        if facts.unverified:
            return FolderCopied(folder, facts, error=explain_disagreement(folder, facts))
        record = tally.record(folder.name, run.copy_id, run.as_of, listed_at, parts, facts)
        self._put(record, found)
        notes = [f"{folder}: {problem}." for problem in problems]
        return FolderCopied(folder, facts, record=record, notes=notes)

    def _verify(self) -> Counter[Verdict]:
        """List raw again and compare it with what the manifest says is there."""
        found = ((e.key, Seen(e.size, e.etag)) for e in self._run.raw.list(f"{self._folder}/"))
        return Counter(verdict for _, verdict in compare(self._tally.expected_in_raw(), found))

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
