"""Copying one folder: list, decide, copy, write the manifest, verify, record."""

import threading
from collections import Counter, deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from checkout_assets.domain.copying import Action, CopyFacts, Pair, Sighting, SourceObject, decide
from checkout_assets.domain.counting import in_number
from checkout_assets.domain.folders import Folder
from checkout_assets.domain.keys import classify, raw_key_at
from checkout_assets.domain.verification import Verdict, merge_join_three
from checkout_assets.engines.copying.attempts import Ending, Outcome
from checkout_assets.engines.copying.cutoff import explain_other_source
from checkout_assets.engines.copying.earlier import EarlierRow, EarlierRows, abandoned, list_parts
from checkout_assets.engines.copying.explaining import DELETED
from checkout_assets.engines.copying.listings import list_raw, list_source, raw_blocks
from checkout_assets.engines.copying.manifest import ManifestRow, ManifestWriter
from checkout_assets.engines.copying.progress import CopyProgress, Teller
from checkout_assets.engines.copying.recorded import expected_in_raw
from checkout_assets.engines.copying.records import RecordFound, find_record
from checkout_assets.engines.copying.requests import ObjectCopier
from checkout_assets.engines.copying.result import (
    FolderCopied,
    FolderError,
    ObjectFailure,
    explain_disagreement,
    explain_emptiness,
    explain_failures,
    explain_hopelessness,
)
from checkout_assets.engines.copying.tally import Tally
from checkout_assets.engines.copying.verifying import verify
from spark_jobs.contract.completion import CompletionRecord, ManifestPart
from spark_jobs.contract.failures import Failure
from spark_jobs.contract.keys import completion_record_key
from spark_jobs.contract.words import ObjectKind, Status
from spark_jobs.stores import ConflictError, StoreError

if TYPE_CHECKING:
    from spark_jobs.stores import S3Store

_MOST_WAITING = 8192
"""Objects of one folder that may wait for an earlier one, since rows are written in key order."""

_NOWHERE = SourceObject("", 0, "", datetime.min.replace(tzinfo=UTC))
"""What stands for the source of a key that only an earlier manifest names."""

_LOST = "vanished from the source, and raw no longer holds what was copied"


class CancelledError(Exception):
    """Whoever asked for the copy no longer wants it."""


@dataclass(frozen=True, slots=True)
class CopyRun:
    """What the folders of a run share; ``sources`` are those that raw may have been copied from."""

    source: "S3Store"
    raw: "S3Store"
    copier: ObjectCopier
    as_of: datetime
    copy_id: str
    progress: CopyProgress
    cancelled: threading.Event
    sources: frozenset[str]

    def hang_up(self) -> None:
        """End all requests for objects and listings now: nobody waits for their answers."""
        self.copier.hang_up()
        for store in (self.source, self.raw):
            store.crt().hang_up()


class _Due:
    """A key under work: what both sides and the earlier copies show of it, and its outcome."""

    __slots__ = ("earlier", "key", "outcome", "raw", "raw_key", "source")

    def __init__(
        self,
        raw_key: str,
        source: SourceObject | None,
        raw: Sighting | None,
        earlier: Sequence[EarlierRow],
    ) -> None:
        self.raw_key = raw_key
        self.source = source
        self.raw = raw
        self.earlier = earlier
        self.outcome: Outcome | None = None


class FolderCopy:
    """One copy of one folder; used once."""

    def __init__(self, run: CopyRun, folder: Folder) -> None:
        self._run = run
        self._folder = folder
        self._name = folder.name
        self._writer = ManifestWriter(run.raw, folder.name, run.copy_id)
        self._waiting: deque[_Due] = deque()
        self._awaited: _Due | None = None
        self._ended = threading.Event()
        self._tally = Tally()
        self._teller = Teller(run.progress, folder)

    def copy(self) -> FolderCopied:
        """Do it all; raises FolderError, StoreError or OutOfOrderError if that cannot be."""
        found = find_record(self._run.raw, self._folder.name)
        self._refuse_other_source(found.record)
        expected = found.record.listed if found.record else 0
        self._run.progress.on_folder_begun(self._folder, expected)
        listed_at = datetime.now(UTC)
        old_parts = list_parts(self._run.raw, self._folder.name)
        earlier = EarlierRows(self._run.raw, old_parts, found)
        try:
            self._decide_all(earlier)
        except BaseException:
            # Also what a cancelled or failing copy has proved is worth keeping.
            self._keep_what_ended()
            raise
        self._settle(leave=0)
        self._teller.tell()
        parts = self._writer.flush()
        copied = self._conclude(found, listed_at, parts, earlier.problems)
        # The manifest just replaced stays for whoever reads it now; a later copy removes it.
        kept = {found.record.copy_id} if found.record else set()
        return self._remove(abandoned(old_parts, kept, listed_at), copied)

    @property
    def facts(self) -> CopyFacts:
        """What has been counted so far, also by a copy that has failed."""
        return self._tally.facts()

    @property
    def failures(self) -> Sequence[ObjectFailure]:
        """The first objects that could not be copied, so far."""
        return self._tally.failures

    def _keep_what_ended(self) -> None:
        """Count all that has ended, and write the rows that can still be written.

        Why the copy failed is known by then: what fails here adds nothing.
        """
        while self._waiting:
            with suppress(StoreError):
                self._settle(leave=0)
        self._teller.tell()
        with suppress(StoreError):
            self._writer.flush()

    def _refuse_other_source(self, record: CompletionRecord | None) -> None:
        """Raw's cut-off may have been removed, and with it the word of its source."""
        if record is not None and record.source_uri not in self._run.sources:
            sentence = explain_other_source(self._name, record.source_uri, self._run.source.uri)
            raise FolderError(sentence, Failure("OtherSource"))

    def _remove(self, keys: list[str], copied: FolderCopied) -> FolderCopied:
        if not copied.ok or not keys:
            return copied
        try:
            self._run.raw.delete(keys)
        except StoreError as error:
            note = f"{self._folder}: old manifest parts could not be removed ({error.code})."
            return replace(copied, notes=[*copied.notes, note])
        return copied

    def _decide_all(self, earlier: EarlierRows) -> None:
        """Every key the source lists or an earlier manifest names, by its place in order."""
        run, prefix = self._run, f"{self._folder}/"
        sides = merge_join_three(
            list_source(run.source, prefix, run.raw.prefix), earlier, list_raw(run.raw, prefix)
        )
        for place, source, rows, raw in sides:
            if run.cancelled.is_set():
                raise CancelledError
            if source is None and not rows:
                continue
            known = [Pair(row.source_etag, row.raw_etag) for row in rows or ()]
            action = decide(source, raw, known, run.as_of)
            raw_key = raw_key_at(place)
            if action is Action.PRESENT and source and raw and not self._waiting:
                self._write_row(source, raw_key, Status.PRESENT, raw.etag)
            else:
                self._begin(_Due(raw_key, source, raw, rows or ()), action)

    def _begin(self, due: _Due, action: Action) -> None:
        self._waiting.append(due)
        if action is Action.COPY:
            assert due.source is not None
            if reason := self._run.copier.hopeless:
                self._waiting.pop()
                raise FolderError(
                    explain_hopelessness(self._folder, reason), Failure("GivenUp", transient=True)
                )
            there = due.raw.etag if due.raw else None
            self._run.copier.start(due.source, due.raw_key, there, partial(self._end, due))
        else:
            due.outcome = _without_request(action, due)
        self._settle(leave=_MOST_WAITING)

    def _end(self, due: _Due, outcome: Outcome) -> None:
        """On another thread: the outcome first, so that whoever waits misses nothing."""
        due.outcome = outcome
        if self._awaited is due:
            self._ended.set()

    def _settle(self, leave: int) -> None:
        """Write the rows of what has ended, in order; wait until at most ``leave`` are waiting."""
        waiting = self._waiting
        while waiting and (waiting[0].outcome is not None or len(waiting) > leave):
            due = waiting.popleft()
            self._write(due, self._outcome_of(due))

    def _outcome_of(self, due: _Due) -> Outcome:
        if due.outcome is None:
            self._awaited = due
            while due.outcome is None:
                self._ended.wait()
                self._ended.clear()
            self._awaited = None
        return due.outcome

    def _write(self, due: _Due, outcome: Outcome) -> None:
        if outcome.ending in {Ending.GONE, Ending.NEWER}:
            self._write_unlisted(due, outcome)
            return
        ending, source, attempts, raw_etag, why, compared = outcome
        self._tally.uncompared += not compared
        if why is not None:
            self._tally.add_cause(why.failure)
        present = ending is Ending.COPIED and not attempts
        status = Status.PRESENT if present else Status(ending.value)
        clause = "" if why is None else why.clause
        self._write_row(source, due.raw_key, status, raw_etag, attempts, clause)

    def _write_row(  # noqa: PLR0913, PLR0917 - what a row says
        self,
        source: SourceObject,
        raw_key: str,
        status: Status,
        raw_etag: str,
        attempts: int = 0,
        error: str = "",
    ) -> None:
        key, size, etag, last_modified, storage_class = source
        kind, near_miss = classify(key)
        row = ManifestRow(
            self._name,
            key,
            raw_key,
            kind,
            size,
            etag,
            raw_etag,
            last_modified,
            storage_class,
            status,
            attempts,
            error,
        )
        self._tally.add(row, near_miss)
        if status is not Status.FAILED:
            self._teller.add(size, status is Status.COPIED)
        self._writer.add(row)

    def _write_unlisted(self, due: _Due, outcome: Outcome) -> None:
        """A key of which the source has no version up to the cut-off, or no longer has one."""
        self._tally.newer += outcome.ending is Ending.NEWER
        kept = next((r for r in due.earlier if due.raw and r.raw_etag == due.raw.etag), None)
        if kept is not None:
            self._add(kept.whole()._replace(status=Status.VANISHED, attempts=0, error=""))
        elif due.earlier:
            gone = due.earlier[0].whole()
            self._add(gone._replace(status=Status.VANISHED, attempts=0, error=_LOST))
        elif outcome.ending is Ending.GONE:
            self._write(due, outcome._replace(ending=Ending.FAILED, why=DELETED))

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
        if facts.status(Status.FAILED):
            error = explain_failures(folder, facts, tally.reasons)
            return FolderCopied(
                folder, facts, failures=tally.failures, error=error, failure=tally.failure
            )
        if not facts.kind(ObjectKind.DOCUMENT):
            error = explain_emptiness(folder, facts, run.source.uri, run.as_of)
            return FolderCopied(folder, facts, error=error, failure=Failure("NoDocuments"))
        facts = tally.facts(self._verify(run.copy_id, parts))
        if facts.unverified:
            error = explain_disagreement(folder, facts)
            return FolderCopied(folder, facts, error=error, failure=Failure("RawDiffers"))
        record = replace(
            tally.record(folder.name, run.copy_id, run.as_of, listed_at, parts, facts),
            source_uri=run.source.uri,
            raw_uri=run.raw.uri,
        )
        self._put(record, found)
        notes = [f"{folder}: {problem}." for problem in problems]
        return FolderCopied(folder, facts, record=record, notes=notes)

    def _verify(self, copy_id: str, parts: Sequence[ManifestPart]) -> Counter[Verdict]:
        """List raw again and compare it with what a manifest, read back, says is there."""
        raw, folder = self._run.raw, self._folder
        expected = expected_in_raw(raw, folder.name, copy_id, parts)
        return verify(expected, raw_blocks(raw, f"{folder}/"))

    def _put(self, record: CompletionRecord, found: RecordFound) -> None:
        raw, name = self._run.raw, self._folder.name
        key = completion_record_key(name)
        try:
            raw.put(key, record.to_json(), if_match=found.etag, if_absent=found.etag is None)
        except ConflictError:
            raise FolderError(
                self._explain_defeat(find_record(raw, name)), Failure("Overtaken")
            ) from None

    def _explain_defeat(self, now: RecordFound) -> str:
        """Why this copy's record was not written, by what is there now."""
        if now.etag is None:
            return f"{self._name}: the completion record was removed meanwhile. Copy it again."
        if now.record is None:
            return (
                f"{self._name}: something else wrote the completion record meanwhile, and "
                f"{now.problem}. Copy it again."
            )
        whose = (
            f"{self._name}: copy {now.record.copy_id}, listed at {now.record.listed_at}, finished "
            "this folder meanwhile and its record stands"
        )
        found = self._verify(now.record.copy_id, now.record.parts)
        differing = found[Verdict.DIFFER] + found[Verdict.MISSING_ON_RAW]
        if differing:
            return (
                f"{whose}, but "
                + in_number(
                    differing, "# object[|s] in raw [is|are] no longer what that record says. "
                )
                + "Copy the folder again."
            )
        return f"{whose}: raw holds what it says. Nothing is lost."


def _without_request(action: Action, due: _Due) -> Outcome:
    """What a decision other than copying comes to; ``attempts`` 0 means that nothing was asked."""
    if due.source is None:
        return Outcome(Ending.GONE, _NOWHERE, 0)
    if action is Action.PRESENT and due.raw is not None:
        return Outcome(Ending.COPIED, due.source, 0, due.raw.etag)
    return Outcome(Ending.NEWER, due.source, 0)
