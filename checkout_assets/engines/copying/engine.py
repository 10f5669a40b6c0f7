"""The engine that copies folders from source to raw by server-side requests."""

import secrets
import threading
import time
from collections.abc import Generator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from checkout_assets.domain.canary import holds_canary
from checkout_assets.domain.copying import CutOff, new_copy_id, parse_as_of
from checkout_assets.domain.faults import explain_fault
from checkout_assets.domain.folders import Folder
from checkout_assets.domain.verification import OutOfOrderError
from checkout_assets.engines.conditions import refuse_ignored_conditions
from checkout_assets.engines.copying.choices import CopyChoices
from checkout_assets.engines.copying.cutoff import Origin, refuse_other_source, settle
from checkout_assets.engines.copying.folder_copy import FolderCopy
from checkout_assets.engines.copying.progress import CopyProgress, NoProgress
from checkout_assets.engines.copying.records import find_record
from checkout_assets.engines.copying.requests import LARGEST_COPY, ObjectCopier
from checkout_assets.engines.copying.result import FolderCopied, FolderNotCopiedError, facts_of
from checkout_assets.engines.copying.run import CopyCancelledError, CopyRun
from checkout_assets.engines.copying.terms import CopyTerms
from checkout_assets.engines.interruptible import begin_all
from checkout_assets.engines.locations import S3Location, canonical_uri, principal
from checkout_assets.engines.place_terms import CopyPlaces
from checkout_assets.engines.silence import SilenceWatch, StoreEar, listening_to
from spark_jobs.completed import completed
from spark_jobs.contract.completion import CompletionRecord
from spark_jobs.contract.failures import Failure
from spark_jobs.contract.keys import PROBES_IN_RAW
from spark_jobs.contract.record_format import RecordError
from spark_jobs.refusals import credentials_problem, meaning_of
from spark_jobs.stores import Store, StoreError

__all__ = ["CopyEngine", "CopyOptions", "CopyTerms", "FolderCopied"]

_AGAIN = "Copy it again."
_CANCELLED = Failure("Cancelled", transient=True)
_LONGEST_GRACE_SECONDS = 3.0
"""Seconds that a cancelled copy waits for responses, and after closing them for its threads."""


@dataclass(frozen=True, slots=True)
class CopyOptions:
    """How to copy.

    ``as_of`` is the cut-off. ``in_flight`` is the number of concurrent requests, for all folders
    together. Objects above ``largest_copy`` bytes are copied in parts. ``replaces_source`` is the
    URI of the source that this one replaces in raw on purpose.
    """

    as_of: datetime | CutOff = CutOff.KEPT
    folders_at_once: int = 8
    in_flight: int = 1024
    largest_copy: int = LARGEST_COPY
    terms: CopyTerms = field(default_factory=CopyTerms)
    replaces_source: str = ""

    @classmethod
    def given_by(cls, places: CopyPlaces, choices: CopyChoices, **pace: int) -> "CopyOptions":
        """Build the options from the choices and ``pace``; raises UsageError for invalid ones."""
        return cls(
            as_of=parse_as_of(choices.as_of),
            terms=CopyTerms.given_by(places, choices),
            replaces_source=canonical_uri(choices.replaces_source, "replaced source"),
            **pace,
        )


class CopyEngine:
    """Copies folders and verifies them; a FolderEngine of FolderCopied."""

    def __init__(
        self,
        source: S3Location,
        raw: S3Location,
        options: CopyOptions | None = None,
        progress: CopyProgress | None = None,
    ) -> None:
        self._source = source
        self._raw = raw
        self._options = options or CopyOptions()
        self._progress = progress or NoProgress()
        self._honours_conditions = False

    def check(self) -> None:
        """Raise UsageError if raw was copied from another source or ignores conditional writes.

        Changes nothing; conditional writes to raw are tested once per engine. Raises MigrationError
        if raw does not answer or cannot be written to.
        """
        terms = self._options.terms
        raw = self._raw.on(terms.raw).open(principal(terms.copy_role_arn))
        with listening_to(raw, self._progress.on_silence):
            refuse_other_source(raw, Origin(self._source.uri, self._options.replaces_source))
            self._prove(raw)

    def _prove(self, raw: Store) -> None:
        if not self._honours_conditions:
            refuse_ignored_conditions(raw, "raw", PROBES_IN_RAW)
            self._honours_conditions = True

    def run(self, folders: Sequence[Folder], run_id: str) -> Generator[FolderCopied, None, None]:
        """Yield each folder's outcome; what this run id has completed is yielded without work."""
        run = self._open(run_id)
        copies = begin_all(
            lambda folder: _copy_folder(run, folder),
            folders,
            self._options.folders_at_once,
            "copy-folder",
        )
        try:
            with _watch(run, copies):
                yield from completed(copies)
        finally:
            _end(run, copies)

    def _open(self, run_id: str) -> CopyRun:
        options, terms = self._options, self._options.terms
        # One principal lists and copies on both sides: S3 requires that of a copy.
        session = principal(terms.copy_role_arn)
        source = self._source.on(terms.source).open(session)
        raw = self._raw.on(terms.raw).open(session)
        with listening_to(raw, self._progress.on_silence):
            self._prove(raw)
            kept = settle(raw, options.as_of, Origin(source.uri, options.replaces_source))
        cancelled = threading.Event()
        copier = ObjectCopier(
            source, raw, kept.instant, options.in_flight, options.largest_copy, terms, cancelled
        )
        return CopyRun(
            source=source,
            raw=raw,
            copier=copier,
            as_of=kept.instant,
            sources=kept.sources,
            samples=holds_canary(raw.prefix),
            run_id=run_id,
            copy_id=new_copy_id(run_id, datetime.now(UTC), secrets.token_hex(3)),
            progress=self._progress,
            cancelled=cancelled,
        )


def _end(run: CopyRun, copies: "Sequence[Future[FolderCopied]]") -> None:
    """Cancel what is not done, and wait for responses only as long as S3 usually takes."""
    run.cancelled.set()
    run.copier.cancel()
    begun = [copy for copy in copies if not copy.cancel()]
    # A response tells what was copied, so the manifest can record it.
    if wait(begun, _LONGEST_GRACE_SECONDS).not_done:
        run.hang_up()
        wait(begun, _LONGEST_GRACE_SECONDS)
    run.copier.close()


def _watch(run: CopyRun, copies: "Sequence[Future[FolderCopied]]") -> SilenceWatch:
    """Report to the run's progress how long S3 has been silent while folders are in progress."""
    ear = StoreEar(run.source, run.raw)

    def last_heard() -> float:
        return max(run.copier.last_heard, ear.heard())

    return SilenceWatch(
        run.progress.on_silence, last_heard, lambda: any(copy.running() for copy in copies)
    )


def _copy_folder(run: CopyRun, folder: Folder) -> FolderCopied:
    """Copy a folder; its failure does not affect the other folders."""
    started = time.monotonic()
    copy = FolderCopy(run, folder)

    def failed(sentence: str, failure: Failure) -> FolderCopied:
        return FolderCopied(
            folder, copy.facts, failures=copy.failures, error=sentence, failure=failure
        )

    try:
        found = find_record(run.raw, folder.name)
        copied = _done_before(run, folder, found.of_run(run.run_id)) or copy.copy(found)
    except CopyCancelledError:
        copied = failed(_cancelled(folder), _CANCELLED)
    except FolderNotCopiedError as fault:
        copied = failed(str(fault), fault.failure)
    except StoreError as error:
        if run.cancelled.is_set():
            copied = failed(_cancelled(folder), _CANCELLED)
        else:
            copied = failed(_explain(folder, error), error.failure)
    except RecordError as error:
        copied = failed(f"{folder}: {error}. {error.advice(_AGAIN)}", Failure("BadRecord"))
    except OutOfOrderError as error:
        copied = failed(f"{folder}: {error}. Nothing was recorded.", Failure("OutOfOrder"))
    except Exception as error:
        copied = failed(f"{folder}: {explain_fault(error)}", Failure(type(error).__name__))
    run.progress.on_folder(folder, copied.error)
    return replace(copied, seconds=round(time.monotonic() - started, 3))


def _done_before(
    run: CopyRun, folder: Folder, record: CompletionRecord | None
) -> FolderCopied | None:
    if record is None or record.source_uri not in {"", run.source.uri}:
        return None
    return FolderCopied(folder, facts_of(record), record=record)


def _cancelled(folder: Folder) -> str:
    return f"{folder}: cancelled. Copy it again to continue."


def _explain(folder: Folder, error: StoreError) -> str:
    if problem := credentials_problem(error.code):
        return f"{folder}: {problem}. Then copy it again."
    reasons = {
        "NoSuchBucket": "the bucket does not exist",
        "AccessDenied": "access was denied",
    }
    reason = reasons.get(error.code) or meaning_of(error.code)
    return f"{folder}: {reason} while listing or recording. Copy it again once that is solved."
