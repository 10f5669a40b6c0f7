"""``copy --report``: somebody elsewhere follows the copying, and it stops when it must."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import typer

from checkout_assets.domain.counting import of_folders
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.domain.faults import explain_fault
from checkout_assets.domain.instance_failures import failure_of_stopping
from checkout_assets.domain.instants import instant_of
from checkout_assets.engines.locations import S3Location, parse_s3_location, refuse_overlap
from checkout_assets.engines.place_terms import PlaceTerms
from checkout_assets.engines.worker.reporting import Reporter, open_reports
from checkout_assets.engines.worker.reports import WorkerOutcome, is_run_id
from checkout_assets.engines.worker.stopping import (
    Reason,
    SpotNotice,
    Stopped,
    Stopper,
    after_deadline,
    after_silence,
)
from checkout_assets.settings import Settings
from spark_jobs.contract.failures import Failure

Report = Annotated[
    str | None,
    typer.Option(
        metavar="URI",
        help="Report progress, results and the end to this place in S3, and stop when nobody "
        "listens there any more, when AWS takes this Spot instance back, or by SIGTERM.",
        show_default=False,
    ),
]
RunId = Annotated[
    str | None,
    typer.Option(
        metavar="ID",
        help="What this copying is called; folders that are complete by the same id are not "
        "looked at again.",
        show_default=False,
    ),
]
Deadline = Annotated[
    str | None,
    typer.Option(
        metavar="INSTANT",
        help="With --report: stop then; an instant with its zone.",
        show_default=False,
    ),
]
Silence = Annotated[
    int,
    typer.Option(min=1, max=1440, help="With --report: minutes after which nobody listens."),
]
_SECONDS_A_MINUTE = 60
_SOME_LEFT = Failure("FoldersLeft", transient=True)
"""Each folder tells its own failure; one that could not is worth another try."""


@dataclass(frozen=True, slots=True)
class ReportTerms:
    """Where to report and when to stop; wrong ones are a UsageError."""

    place: S3Location
    deadline: datetime | None
    silence_minutes: int
    metadata_url: str


def report_terms(
    settings: Settings, report: str | None, deadline: str | None, silence_minutes: int
) -> ReportTerms | None:
    """What the options ask for; None without --report."""
    if report is None:
        if deadline is not None:
            raise UsageError("A deadline was given without --report: give both.")
        return None
    place = parse_s3_location(report, "report", PlaceTerms.given_by(settings).of("fleet"))
    stores = {"source": settings.source_uri, "raw": settings.raw_uri}
    given = {name: parse_s3_location(uri, name) for name, uri in stores.items() if uri}
    refuse_overlap({"report": place, **given})
    instant = _instant(deadline) if deadline is not None else None
    return ReportTerms(place, instant, silence_minutes, settings.instance_metadata_url)


def checked_run_id(run_id: str) -> str:
    """The id itself; raises UsageError if keys and names of parts cannot hold it."""
    if not is_run_id(run_id):
        raise UsageError(
            f'The run id "{displayable(run_id)}" is wrong: write at most 100 letters, digits and '
            "._- and begin with a letter or a digit."
        )
    return run_id


@contextmanager
def reporting(terms: ReportTerms | None, folders: int) -> Iterator[Reporter | None]:
    """Report while the body copies, and how it ended.

    A reason to stop ends the body with a MigrationError. A fault of the program becomes one too:
    a worker's log is uploaded, and a traceback may hold names of objects.
    """
    if terms is None:
        yield None
        return
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
    """How the body ended, one sentence without names of objects, and the failure."""
    so_far = of_folders(
        complete, folders, " [is|are] complete. Run the same command again to go on."
    )
    if isinstance(error, Stopped):
        return error.outcome, f"{error.reason} {so_far}", failure_of_stopping(error.outcome)
    if isinstance(error, KeyboardInterrupt):
        sentence = f"Someone has interrupted the copying. {so_far}"
        return WorkerOutcome.INTERRUPTED, sentence, failure_of_stopping(WorkerOutcome.INTERRUPTED)
    if isinstance(error, UsageError | MigrationError):
        return WorkerOutcome.FAILED, str(error), error.failure
    fault = Failure(type(error).__name__, transient=True)
    return WorkerOutcome.FAILED, f"{explain_fault(error)} {so_far}", fault


def _instant(text: str) -> datetime:
    instant = instant_of(text)
    if instant is None:
        raise UsageError(
            f'The deadline "{displayable(text)}" is no instant: write it with its zone, such as '
            "2026-01-31T00:00:00Z."
        )
    return instant
