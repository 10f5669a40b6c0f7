"""Following an instance: each folder that ends is told, and so is why the instance ended."""

import logging
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from checkout_assets.domain.failures import Cause, Diagnosis, diagnose_folder
from checkout_assets.domain.folders import Folder
from checkout_assets.domain.instance_failures import (
    LOST,
    TRIED_AGAIN,
    diagnose_instance,
)
from checkout_assets.domain.log_tail import log_tail
from checkout_assets.engines.aws_requests import AwsRequestError
from checkout_assets.engines.ec2.api import InstanceStatus, console_link
from checkout_assets.engines.ec2.results import FolderCopiedOnEc2, RunRecords
from checkout_assets.engines.silence import silence_of
from checkout_assets.engines.worker.reports import (
    End,
    FolderReport,
    Listening,
    Phase,
    Progress,
    WorkerReports,
    worker_prefix,
)
from spark_jobs.refusals import meaning_of
from spark_jobs.stores import StoreError

if TYPE_CHECKING:
    from checkout_assets.engines.ec2.engine import Ec2Engine

_JITTER = 0.15
_MOST_SILENT_POLLS = 40
"""Twenty minutes without an answer from EC2 or S3 at the default pace; instances wait longer."""
_MOST_UNKNOWN_POLLS = 10
"""A new instance may be unknown to EC2's own listing for a moment."""
_SECONDS_BETWEEN_WORDS = 300.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Work:
    """A folder that is not done: on how many instances it was, and how often it failed itself."""

    attempts: int = 1
    failures: int = 0


class Follower:
    """The work ``left`` of a run on one instance; folders that end are taken out of ``left``."""

    def __init__(
        self, engine: "Ec2Engine", run_id: str, left: dict[Folder, Work], records: RunRecords
    ) -> None:
        self._engine = engine
        self._api = engine.api
        self._clock = engine.clock
        self._run_id = run_id
        self._left = left
        self._records = records
        self._again: set[Folder] = set()
        self._seen = False
        self._silent = False
        self._unknown = 0
        self._quiet = 0.0
        self._untold = _SECONDS_BETWEEN_WORDS
        self._last: tuple[Progress | None, int] = (None, 0)
        self.instance = ""
        self.worker = ""

    def begin(self, worker: str, launch: Callable[[str], str]) -> None:
        """Launch an instance; it finds that somebody listens."""
        self._listen_to(worker)
        self._reports.listen(Listening(datetime.now(UTC)))
        self.instance = launch(worker)
        self._engine.tell(
            f"Launched {self.instance} as {worker} for {len(self._left)} folders: "
            f"{console_link(self._api.region, self.instance)}"
        )

    def attach(self, instance: str, worker: str) -> None:
        """Go on where another process stopped.

        A folder that failed there has been told of; whoever asks again wants it done again.
        """
        self._listen_to(worker)
        self.instance = instance
        self._again.update(each.folder for each in self._reports.results().values() if not each.ok)
        self._engine.tell(f"Following {instance} ({worker}), which this run launched before.")

    def follow(self) -> Generator[FolderCopiedOnEc2, None, Diagnosis | None]:
        """Yield each folder when it ends; returns why the instance ended early, or None.

        Raises AwsRequestError if EC2 refuses to answer, or does not for long.
        """
        silent = 0
        while self._left:
            try:
                end = yield from self._poll()
                silent = 0
            except AwsRequestError as error:
                silent += 1
                if error.diagnosis.cause is not Cause.TRANSIENT or silent > _MOST_SILENT_POLLS:
                    raise
                _log.warning("EC2: %s; asking again", error)
            except StoreError as error:
                silent += 1
                if silent > _MOST_SILENT_POLLS:
                    return Diagnosis(Cause.PERMANENT, meaning_of(error.code, "S3 answers {code}"))
                _log.warning("S3 answers %s; asking again", error.code)
            else:
                if end is not None:
                    return end
            if self._left:
                self._pause()
        return None

    def log_end(self) -> str:
        """The end of the worker's log, fit to be shown; empty before the worker left it."""
        try:
            tail = " | ".join(log_tail(self._reports.log()))
        except StoreError:
            return ""
        return f" Its log ends: {tail}" if tail else ""

    def _listen_to(self, worker: str) -> None:
        self.worker = worker
        prefix = worker_prefix(self._run_id, worker)
        self._reports = WorkerReports(self._engine.fleet, prefix)

    def _poll(self) -> Generator[FolderCopiedOnEc2, None, Diagnosis | None]:
        self._reports.listen(Listening(datetime.now(UTC)))
        # Asked in this order, an end is never seen before what came earlier.
        status = self._api.describe(self.instance)
        end = self._reports.ended()
        results = self._reports.results()
        for folder, report in results.items():
            if folder in self._left and folder not in self._again:
                ended = self._settle(folder, report)
                if ended is not None:
                    yield ended
        if end is not None or self._is_over(status):
            yield from self._unreported()
            return self._why(status, end)
        if self._is_lost(self._reports.progress(), len(results)):
            return LOST
        return None

    def _settle(self, folder: Folder, report: FolderReport) -> FolderCopiedOnEc2 | None:
        """The folder's result, or None if it is to be tried again on another instance."""
        if report.ok:
            copied = self._records.of(folder, report.seconds)
            if copied is not None:
                return self._end(copied)
            error = f"{folder}: raw has no completion record of this run, but its worker has ended"
            diagnosis = Diagnosis(Cause.TRANSIENT, f"{error}.", 1)
        else:
            diagnosis = diagnose_folder(report.error, report.failure)
        work = self._left[folder]
        work.failures += 1
        if work.failures <= diagnosis.retries:
            self._engine.tell(f"{diagnosis.reason} Another instance tries it again.")
            self._again.add(folder)
            return None
        told = (
            f"{diagnosis.reason} Instance {self.instance}, {self.worker}.{self.log_end()} "
            f"See {console_link(self._api.region, self.instance)}"
        )
        return self._end(FolderCopiedOnEc2(folder, error=told, seconds=report.seconds))

    def _unreported(self) -> Iterator[FolderCopiedOnEc2]:
        """What was completed but not told any more before the instance ended."""
        for copied in self._records.among(list(self._left)):
            yield self._end(copied)

    def _end(self, copied: FolderCopiedOnEc2) -> FolderCopiedOnEc2:
        work = self._left.pop(copied.folder)
        return replace(copied, attempts=work.attempts, instance=self.instance)

    def _why(self, status: InstanceStatus | None, end: End | None) -> Diagnosis | None:
        if not self._left:
            return None
        if end is not None and end.outcome in {"done", "failed"} and self._again >= set(self._left):
            return TRIED_AGAIN
        code, message = (status.code, status.message) if status else ("", "")
        said = (str(end.outcome), end.message) if end else ("", "")
        return diagnose_instance(code, message, *said)

    def _is_over(self, status: InstanceStatus | None) -> bool:
        if status is not None:
            self._seen, self._unknown = True, 0
            return not status.alive
        self._unknown += 1
        return self._seen or self._unknown > _MOST_UNKNOWN_POLLS

    def _is_lost(self, progress: Progress | None, ended: int) -> bool:
        """Whether a running instance has told nothing new for as long as it would wait for us."""
        now = (progress, ended)
        if now != self._last:
            self._last, self._quiet = now, 0.0
        self._tell(progress)
        return self._quiet > self._engine.options.silence_minutes * 60

    def _tell(self, progress: Progress | None) -> None:
        if progress is None:
            return
        falls_silent = bool(progress.silent) and not self._silent
        self._silent = bool(progress.silent)
        if self._untold < _SECONDS_BETWEEN_WORDS and not falls_silent:
            return
        self._untold = 0.0
        if progress.phase is Phase.INSTALLING:
            self._engine.tell(f"{self.worker}: installing on {self.instance}.")
            return
        self._engine.tell(
            f"{self.worker}: {progress.folders_done} of {progress.folders} folders, "
            f"{progress.objects:,} objects in raw ({progress.copied:,} copied now), "
            f"{progress.bytes / 1e9:,.2f} GB, {progress.rate:,.0f} objects/s"
            + (f"; {silence_of(progress.silent)}." if progress.silent else ".")
        )

    def _pause(self) -> None:
        seconds = self._engine.options.poll_seconds
        chosen = self._clock.between(seconds * (1 - _JITTER), seconds * (1 + _JITTER))
        self._clock.sleep(chosen)
        self._quiet += chosen
        self._untold += chosen
