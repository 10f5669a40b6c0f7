"""``copy --report``: another process follows the copy, and the copy stops when it must."""

from collections.abc import Iterator
from contextlib import contextmanager

from checkout_assets.cli.reporting_options import ReportTerms
from checkout_assets.domain.counting import of_folders
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.domain.faults import explain_fault
from checkout_assets.domain.instance_failures import failure_of_stopping
from checkout_assets.engines.worker.reporting import Reporter, open_reports
from checkout_assets.engines.worker.reports import WorkerOutcome
from checkout_assets.engines.worker.stopping import (
    Reason,
    SpotNotice,
    Stopped,
    Stopper,
    after_deadline,
    after_silence,
)
from spark_jobs.contract.failures import Failure

_SECONDS_A_MINUTE = 60
_SOME_LEFT = Failure("FoldersLeft", transient=True)
"""The failure for the whole worker: each folder reports its own, others may be retried."""


@contextmanager
def reporting(terms: ReportTerms, folders: int) -> Iterator[Reporter]:
    """Report while the body copies, and its outcome at the end.

    A reason to stop ends the body with a MigrationError. An unexpected exception becomes one too:
    a worker's log is uploaded, and a traceback may contain object names.
    """
    reporter = Reporter(lambda: open_reports(terms.place), folders)
    longest = terms.silence_minutes * _SECONDS_A_MINUTE
    reasons: list[Reason] = [
        after_silence(lambda: reporter.silent_seconds, longest),
        *([after_deadline(terms.deadline)] if terms.deadline else []),
        SpotNotice(terms.metadata_url),
    ]
    reporter.start()
    with Stopper(reasons) as stopper:
        try:
            yield reporter
            stopper.over()
        except BaseException as error:
            stopper.over()
            outcome, sentence, failure = _explain(error, reporter.complete, folders)
            reporter.end(outcome, sentence, failure)
            if isinstance(error, UsageError | KeyboardInterrupt):
                raise
            raise MigrationError(sentence, failure) from None
        complete = reporter.complete
        told = of_folders(complete, folders, " [is|are] complete.")
        if complete == folders:
            reporter.end(WorkerOutcome.DONE, told)
        else:
            reporter.end(WorkerOutcome.FAILED, told, _SOME_LEFT)


def _explain(
    error: BaseException, complete: int, folders: int
) -> tuple[WorkerOutcome, str, Failure]:
    """The body's outcome, one sentence without object names, and the failure."""
    so_far = of_folders(
        complete, folders, " [is|are] complete. Run the same command again to continue."
    )
    if isinstance(error, Stopped):
        return error.outcome, f"{error.reason} {so_far}", failure_of_stopping(error.outcome)
    if isinstance(error, KeyboardInterrupt):
        sentence = f"The copy was interrupted. {so_far}"
        return WorkerOutcome.INTERRUPTED, sentence, failure_of_stopping(WorkerOutcome.INTERRUPTED)
    if isinstance(error, UsageError | MigrationError):
        return WorkerOutcome.FAILED, str(error), error.failure
    fault = Failure(type(error).__name__, transient=True)
    return WorkerOutcome.FAILED, f"{explain_fault(error)} {so_far}", fault
