"""An instance and its worker, which report through S3."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from checkout_assets.domain.counting import counted, of_folders
from checkout_assets.domain.failures import Cause, Diagnosis, diagnose_unit
from checkout_assets.domain.folders import Folder
from checkout_assets.domain.instance_failures import diagnose_instance
from checkout_assets.engines.copying.result import FolderCopied
from checkout_assets.engines.ec2.api import Ec2Api, InstanceStatus, console_link
from checkout_assets.engines.ec2.records import RunRecords
from checkout_assets.engines.fleet.backend import Ended, Found, Look, Numbers
from checkout_assets.engines.silence import silence_of
from checkout_assets.engines.worker.reports import (
    End,
    FolderReport,
    Listening,
    Phase,
    Progress,
    WorkerOutcome,
    WorkerReports,
)
from spark_jobs.stores import StoreError

_MOST_UNKNOWN_LOOKS = 10
"""A new instance may be missing from EC2's listing for a moment."""
_NO_RECORD = Diagnosis(
    Cause.TRANSIENT,
    "raw has no completion record of this run, but its worker has ended",
    1,
    "NoRecord",
)


class Instance:
    """An instance as a host; it accepts no more work than it was launched with."""

    takes_more = False

    def __init__(  # noqa: PLR0913, PLR0917 - what it is made of
        self,
        api: Ec2Api,
        reports: WorkerReports,
        records: RunRecords,
        worker: str,
        given: dict[Folder, int],
        launch: Callable[[int], str],
    ) -> None:
        self._api = api
        self._reports = reports
        self._records = records
        self._worker = worker
        self.given = given
        self._launch = launch
        self._seen = False
        self._silent = False
        self._unknown = 0
        self.id = ""

    @property
    def title(self) -> str:
        return f"{self.id} as {self._worker}"

    @property
    def link(self) -> str:
        return console_link(self._api.region, self.id)

    def launch(self, choice: int) -> None:
        """Launch it; the listener's file is written first, so that it is there when it boots."""
        self._reports.assign(list(self.given))
        self._reports.listen(Listening(datetime.now(UTC)))
        self.id = self._launch(choice)

    def found(self, folders: Sequence[Folder]) -> Mapping[Folder, Found]:
        """Return the worker's assigned folders; those that it reports as failed do not go on.

        A run of an earlier version gave all of its folders to one worker, and wrote no list.
        """
        assigned = self._reports.assigned()
        given = folders if assigned is None else [each for each in folders if each in assigned]
        self.given |= dict.fromkeys(given, 1)
        told = self._reports.results()
        failed = {folder for folder, report in told.items() if not report.ok}
        return {folder: Found(1, goes_on=folder not in failed) for folder in given}

    def give(self, numbers: Numbers[Folder]) -> None:
        """Do nothing: the next instance does what is to be retried."""

    def collect(self, numbers: Numbers[Folder]) -> Look[Folder, FolderCopied]:
        """Renew the listener's file and read the worker's reports."""
        self._reports.listen(Listening(datetime.now(UTC)))
        # In this order, the end is never read before the results that came earlier.
        status = self._api.describe(self.id)
        end = self._reports.ended()
        results = self._reports.results()
        progress = self._reports.progress()
        over = end is not None or self._is_over(status)
        return Look(
            [self._ended(each) for each in results.values() if self._counts(each, numbers)],
            _why(status, end) if over else None,
            gone=status is not None and status.state == "terminated",
            finished=end is not None and end.outcome in {WorkerOutcome.DONE, WorkerOutcome.FAILED},
            sign=(progress, len(results)),
            progress=self._said(progress),
            urgent=self._falls_silent(progress),
        )

    def log(self) -> str:
        try:
            return self._reports.log()
        except StoreError:
            return ""

    def _counts(self, report: FolderReport, numbers: Numbers[Folder]) -> bool:
        number = numbers.get(report.folder)
        return number is not None and number == self.given.get(report.folder)

    def _ended(self, report: FolderReport) -> Ended[Folder, FolderCopied]:
        folder, where = report.folder, f"instance {self.id}, {self._worker}"
        number = self.given[folder]
        copied = self._records.of(folder, report.seconds) if report.ok else None
        if copied is not None:
            return Ended(folder, number, where, copied)
        why = _NO_RECORD if report.ok else diagnose_unit(report.error, report.failure)
        return Ended(folder, number, where, why=why, said=report.error)

    def _is_over(self, status: InstanceStatus | None) -> bool:
        if status is not None:
            self._seen, self._unknown = True, 0
            return not status.alive
        self._unknown += 1
        return self._seen or self._unknown > _MOST_UNKNOWN_LOOKS

    def _falls_silent(self, progress: Progress | None) -> bool:
        """Whether S3 has stopped answering the worker since the previous poll."""
        before, self._silent = self._silent, progress is not None and progress.silent > 0
        return self._silent and not before

    def _said(self, progress: Progress | None) -> str:
        if progress is None:
            return ""
        if progress.phase is Phase.INSTALLING:
            return f"{self._worker}: installing on {self.id}."
        return (
            f"{self._worker}: {of_folders(progress.folders_done, progress.folders)}, "
            f"{counted(progress.objects, 'object')} in raw ({progress.copied:,} copied now), "
            f"{progress.bytes / 1e9:,.2f} GB, {progress.rate:,.0f} objects/s"
            + (f"; {silence_of(progress.silent)}." if progress.silent else ".")
        )


def _why(status: InstanceStatus | None, end: End | None) -> Diagnosis:
    code, message = (status.code, status.message) if status else ("", "")
    if end is None:
        return diagnose_instance(code, message)
    return diagnose_instance(code, message, end.outcome, end.message, end.failure)
