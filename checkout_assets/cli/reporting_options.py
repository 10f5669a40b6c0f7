"""The options of ``copy --report``; the reporting itself is imported only if it is asked for."""

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
    from checkout_assets.engines.worker.reports import is_run_id

    if not is_run_id(run_id):
        raise UsageError(
            f'The run id "{displayable(run_id)}" is wrong: write at most 100 letters, digits and '
            "._- and begin with a letter or a digit."
        )
    return run_id


def _instant(text: str) -> datetime:
    instant = instant_of(text)
    if instant is None:
        raise UsageError(
            f'The deadline "{displayable(text)}" is no instant: write it with its zone, such as '
            "2026-01-31T00:00:00Z."
        )
    return instant
