"""The options of ``copy --report``; the reporting itself is imported only with that option."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import typer

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.instants import instant_of
from checkout_assets.engines.locations import S3Location, parse_s3_location, refuse_overlap
from checkout_assets.engines.place_terms import PlaceTerms
from checkout_assets.settings import Settings

Report = Annotated[
    str | None,
    typer.Option(
        metavar="URI",
        help="Report progress, results and the end below this prefix in S3. Stop when no run "
        "follows the reports any more, when AWS interrupts this Spot instance, or on SIGTERM.",
        show_default=False,
    ),
]
RunId = Annotated[
    str | None,
    typer.Option(
        metavar="ID",
        help="The id of this copy; folders that the same id has completed are skipped.",
        show_default=False,
    ),
]
Deadline = Annotated[
    str | None,
    typer.Option(
        metavar="TIMESTAMP",
        help="With --report: stop at this time; a timestamp with a time zone.",
        show_default=False,
    ),
]
Silence = Annotated[
    int,
    typer.Option(
        metavar="MINUTES",
        min=1,
        max=1440,
        help="With --report: stop if no run has followed the reports for this long.",
    ),
]


@dataclass(frozen=True)
class ReportingOptions:
    """The options of a copy that another process follows."""

    run_id: RunId = None
    report: Report = None
    deadline: Deadline = None
    silence: Silence = 30


@dataclass(frozen=True, slots=True)
class ReportTerms:
    """Where to report and when to stop, validated."""

    place: S3Location
    deadline: datetime | None
    silence_minutes: int
    metadata_url: str


def report_terms(settings: Settings, options: ReportingOptions) -> ReportTerms | None:
    """The terms from the options, None without --report; raises UsageError for invalid values."""
    deadline = options.deadline
    if options.report is None:
        if deadline is not None:
            raise UsageError("--deadline needs --report: use both or neither.")
        return None
    place = parse_s3_location(options.report, "report", PlaceTerms.given_by(settings).of("fleet"))
    stores = {"source": settings.source_uri, "raw": settings.raw_uri}
    given = {name: parse_s3_location(uri, name) for name, uri in stores.items() if uri}
    refuse_overlap({"report": place, **given})
    instant = _instant(deadline) if deadline is not None else None
    return ReportTerms(place, instant, options.silence, settings.instance_metadata_url)


def checked_run_id(run_id: str) -> str:
    """The id itself; raises UsageError if it cannot be part of keys and file names."""
    from checkout_assets.engines.worker.reports import is_run_id

    if not is_run_id(run_id):
        raise UsageError(
            f'The run id "{displayable(run_id)}" is invalid: use at most 100 letters, digits and '
            "._- and begin with a letter or a digit."
        )
    return run_id


def _instant(text: str) -> datetime:
    instant = instant_of(text)
    if instant is None:
        raise UsageError(
            f'The deadline "{displayable(text)}" is not a timestamp with a time zone, such as '
            "2026-01-31T00:00:00Z."
        )
    return instant
