"""Copy one folder: list, decide, copy and write the manifest; ``concluding`` finishes it."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from checkout_assets.domain.copying import Action, CopyFacts, Pair, SourceObject, decide
from checkout_assets.domain.folders import Folder
from checkout_assets.domain.keys import classify
from checkout_assets.domain.verification import merge_join_three
from checkout_assets.engines.copying.attempts import Ending, ObjectOutcome
from checkout_assets.engines.copying.concluding import Conclusion
from checkout_assets.engines.copying.cutoff import explain_other_source
from checkout_assets.engines.copying.due import Due, InOrder
from checkout_assets.engines.copying.earlier import EarlierRows, abandoned, list_parts
from checkout_assets.engines.copying.explaining import DELETED
from checkout_assets.engines.copying.listings import list_raw, list_source
from checkout_assets.engines.copying.manifest import ManifestRow, ManifestWriter
from checkout_assets.engines.copying.progress import Teller
from checkout_assets.engines.copying.records import RecordFound
from checkout_assets.engines.copying.result import (
    FolderCopied,
    FolderNotCopiedError,
    ObjectFailure,
    explain_hopelessness,
)
from checkout_assets.engines.copying.run import CopyCancelledError, CopyRun
from checkout_assets.engines.copying.sample import list_sample
from checkout_assets.engines.copying.tally import Tally
from spark_jobs.contract.completion import CompletionRecord
from spark_jobs.contract.failures import Failure
from spark_jobs.contract.raw_keys import raw_key_at
from spark_jobs.contract.words import Status
from spark_jobs.stores import StoreError

_MOST_WAITING = 8192
"""Most objects of one folder that wait for an earlier one: rows are written in key order."""

_NOWHERE = SourceObject("", 0, "", datetime.min.replace(tzinfo=UTC))
"""Stands for the source object of a key that only an earlier manifest names."""

_LOST = "vanished from the source, and raw no longer holds what was copied"


class FolderCopy:
    """One copy of one folder; used only once."""

    def __init__(self, run: CopyRun, folder: Folder) -> None:
        self._run = run
        self._folder = folder
        self._name = folder.name
        self._writer = ManifestWriter(run.raw, folder.name, run.copy_id)
        self._begun = InOrder(self._write)
        self._tally = Tally()
        self._teller = Teller(run.progress, folder)

    def copy(self, found: RecordFound) -> FolderCopied:
        """Copy the folder and replace the completion record that was found.

        Raises FolderNotCopiedError, StoreError or OutOfOrderError if that is not possible.
        """
        self._refuse_other_source(found.record)
        expected = found.record.listed if found.record else 0
        self._run.progress.on_folder_begun(self._folder, expected)
        listed_at = datetime.now(UTC)
        old_parts = list_parts(self._run.raw, self._folder.name)
        earlier = EarlierRows(self._run.raw, old_parts, found)
        try:
            self._decide_all(earlier)
        except BaseException:
            # Keep what a cancelled or failing copy has verified.
            self._keep_what_ended()
            raise
        self._begun.settle(leave=0)
        self._teller.tell()
        parts = self._writer.flush()
        end = Conclusion(self._run, self._folder, found, listed_at)
        copied = end.of(self._tally, parts, earlier.problems)
        # Readers may still use the manifest just replaced; a later copy removes it.
        kept = {found.record.copy_id} if found.record else set()
        return self._remove(abandoned(old_parts, kept, listed_at), copied)

    @property
    def facts(self) -> CopyFacts:
        """Return the counts so far, including those of a failed copy."""
        return self._tally.facts()

    @property
    def failures(self) -> Sequence[ObjectFailure]:
        """Return the first objects that could not be copied, so far."""
        return self._tally.failures

    def _keep_what_ended(self) -> None:
        """Count every object that has ended, and write the rows that can still be written.

        Errors here are ignored: the copy has already failed for a known reason.
        """
        while self._begun.waiting:
            with suppress(StoreError):
                self._begun.settle(leave=0)
        self._teller.tell()
        with suppress(StoreError):
            self._writer.flush()

    def _refuse_other_source(self, record: CompletionRecord | None) -> None:
        """Fail if the record names another source; raw's cut-off may have been removed."""
        if record is not None and record.source_uri not in self._run.sources:
            sentence = explain_other_source(self._name, record.source_uri, self._run.source.uri)
            raise FolderNotCopiedError(sentence, Failure("OtherSource"))

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
        """Decide each key that the source lists or an earlier manifest names, in order of place."""
        run, prefix, waiting = self._run, f"{self._folder}/", self._begun.waiting
        sides = merge_join_three(self._list_source(prefix), earlier, list_raw(run.raw, prefix))
        for place, source, rows, raw in sides:
            if run.cancelled.is_set():
                raise CopyCancelledError
            if source is None and not rows:
                continue
            known = [Pair(row.source_etag, row.raw_etag) for row in rows or ()]
            action = decide(source, raw, known, run.as_of)
            raw_key = raw_key_at(place)
            if action is Action.PRESENT and source and raw and not waiting:
                self._write_row(source, raw_key, Status.PRESENT, raw.etag)
            else:
                self._begin(Due(raw_key, source, raw, rows or ()), action)

    def _list_source(self, prefix: str) -> Iterator[tuple[str, SourceObject]]:
        run = self._run
        if run.samples:
            return list_sample(run.source, self._folder, run.raw.prefix)
        return list_source(run.source, prefix, run.raw.prefix)

    def _begin(self, due: Due, action: Action) -> None:
        self._begun.waiting.append(due)
        if action is Action.COPY:
            assert due.source is not None
            if reason := self._run.copier.hopeless:
                self._begun.waiting.pop()
                raise FolderNotCopiedError(
                    explain_hopelessness(self._folder, reason),
                    self._run.copier.failure_of_giving_up,
                )
            there = due.raw.etag if due.raw else None
            self._run.copier.start(due.source, due.raw_key, there, partial(self._begun.end, due))
        else:
            due.outcome = _without_request(action, due)
        self._begun.settle(leave=_MOST_WAITING)

    def _write(self, due: Due, outcome: ObjectOutcome) -> None:
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

    def _write_unlisted(self, due: Due, outcome: ObjectOutcome) -> None:
        """Write the row of a key that has no version in the source up to the cut-off (any more)."""
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


def _without_request(action: Action, due: Due) -> ObjectOutcome:
    """Return the outcome of a decision other than copying; ``attempts`` 0 means no request."""
    if due.source is None:
        return ObjectOutcome(Ending.GONE, _NOWHERE, 0)
    if action is Action.PRESENT and due.raw is not None:
        return ObjectOutcome(Ending.COPIED, due.source, 0, due.raw.etag)
    return ObjectOutcome(Ending.NEWER, due.source, 0)
