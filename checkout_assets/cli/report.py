"""``checkout-assets report``: the report of a reconciliation, as a table and as one HTML file."""

import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from checkout_assets.cli.comparing import comparing
from checkout_assets.cli.console import print_json, print_lines, say, say_some
from checkout_assets.cli.interrupts import BEGINS_ANEW
from checkout_assets.cli.options import (
    Json,
    given_locations,
    new_run_id,
    usable_places,
)
from checkout_assets.cli.reconcile import compare_folders, compared_tables, engine_for
from checkout_assets.cli.report_table import print_table
from checkout_assets.cli.settings_options import (
    COMPARING_OPTIONS,
    ComparingRole,
    comparing_settings,
    settings_options,
)
from checkout_assets.domain.counting import of_folders
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.domain.folders import ALL_FOLDERS
from checkout_assets.domain.reconciliation import State, Summary
from checkout_assets.domain.reporting.outcome import ReconciliationOutcome, last_listed, outcome_of
from checkout_assets.domain.siblings import compared_with_siblings
from checkout_assets.settings import Settings

INTERRUPTED = BEGINS_ANEW
_EXAMPLES = """\b
Examples:
  checkout-assets report --raw s3://raw --lake s3://lake --out report.html
  checkout-assets report --latest --lake s3://lake
"""
_LONGEST_PLACE = 1200


ReportFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Write the report to this HTML file.", show_default=False),
]
Latest = Annotated[
    bool,
    typer.Option(
        "--latest",
        help="Show the newest report in the lake and compare nothing. This is the default without "
        "--raw.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("report", epilog=_EXAMPLES)(report)


@settings_options(*COMPARING_OPTIONS, "catalog")
def report(
    *,
    given: Mapping[str, object],
    out: ReportFile = None,
    latest: Latest = False,
    role: ComparingRole = None,
    json: Json = False,
) -> int:
    """Compare all folders and show the report.

    Compares all 512 folders like reconcile. Prints a table and stores the report as one HTML file
    in the lake below _reports/, which keeps the last report of each day for 90 days, and always
    the newest 20.
    """
    settings = comparing_settings(role, **given)
    if out is not None:
        _refuse_unwritable(out)
    shown = _kept(settings) if latest or not settings.raw_uri else _made(settings)
    if out is not None:
        _write(shown.page, out)
    if json:
        files = {"report": shown.uri or None, "out": str(out.absolute()) if out else None}
        print_json("report", shown.outcome.succeeded, {**files, **asdict(shown.outcome)})
    else:
        print_table(shown.outcome, _places(settings))
        print_lines(_where(shown, out))
    return _conclude(shown)


@dataclass(frozen=True, slots=True)
class _Shown:
    """An outcome with its page; ``uri`` is its place in the lake, ``problem`` why it has none."""

    outcome: ReconciliationOutcome
    page: str
    uri: str
    console_url: str = ""
    problem: str = ""


def _made(settings: Settings) -> _Shown:
    """Compare all folders and store the report in the lake."""
    from checkout_assets.engines.reporting.leaving import earlier_outcomes, leave_report
    from checkout_assets.engines.reporting.page import Report

    with comparing(len(ALL_FOLDERS)) as watching:
        engine = engine_for(settings, False, watching.on_silence)
        compared, unexpected = compare_folders(engine, ALL_FOLDERS, watching)
    lake = given_locations(settings, "lake")["lake"]
    history = earlier_outcomes(lake)
    results = compared_with_siblings(compared, last_listed(history))
    tables = compared_tables(settings, results, deep=False)
    now = datetime.now(UTC)
    outcome = outcome_of(
        results,
        Summary.of(results),
        unexpected,
        tables=tables,
        at=now,
        run_id=new_run_id(),
        with_source=engine.with_source,
    )
    made = Report(outcome, results, history, _places(settings), settings.runbook_url, tables)
    left = leave_report(lake, made, now)
    return _Shown(outcome, left.page, left.uri, left.console_url, left.problem)


def _places(settings: Settings) -> Mapping[str, str]:
    """The places that the commands of a report name."""
    uris = {name: getattr(settings, f"{name}_uri") for name in ("source", "raw", "lake")}
    return {**uris, "catalog": settings.catalog}


def _kept(settings: Settings) -> _Shown:
    """The newest report in the lake."""
    from checkout_assets.engines.reporting.leaving import newest_report
    from spark_jobs.stores import StoreError

    lake = usable_places(settings, "lake")["lake"]
    try:
        found = newest_report(lake)
    except StoreError as error:
        raise MigrationError(f"The lake's reports cannot be read: {error.reason}.") from None
    if found is None:
        raise UsageError(
            f"The lake {displayable(lake.uri)} has no report yet: use --raw too, or set "
            "CHECKOUT_RAW_URI, so that source, raw and lake are compared."
        )
    outcome, left = found
    return _Shown(outcome, left.page, left.uri, left.console_url)


def _refuse_unwritable(out: Path) -> None:
    """Raise UsageError if the file cannot be written, before the long comparison."""
    if out.is_dir() or not out.parent.is_dir() or not os.access(out.parent, os.W_OK):
        raise UsageError(
            f"The report cannot be written to {displayable(str(out))}: name a file in a directory "
            "that exists and that you may write to."
        )


def _write(page: str, out: Path) -> None:
    """Write the file atomically."""
    unfinished = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    try:
        unfinished.write_text(page, encoding="utf-8")
        unfinished.replace(out)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise MigrationError(
            f"The report could not be written to {displayable(str(out))} "
            f"({(error.strerror or 'it failed').lower()})."
        ) from None


def _where(shown: _Shown, out: Path | None) -> Iterator[str]:
    if shown.uri:
        yield f"Report: {displayable(shown.uri, _LONGEST_PLACE)}"
    if shown.console_url:
        yield f"In the AWS console: {shown.console_url}"
    if out is not None:
        yield f"Written to {displayable(str(out.absolute()), _LONGEST_PLACE)}"


def _conclude(shown: _Shown) -> int:
    """Print what is not complete; returns the exit code."""
    outcome = shown.outcome
    if shown.problem:
        say(shown.problem)
    if outcome.succeeded:
        return 0
    say_some(each.text for each in outcome.red_tables)
    if outcome.is_complete:
        return 1
    red = (each for each in outcome.folders if each.state == State.RED)
    say_some(f"{each.folder}: {each.sentence}" for each in red)
    say(of_folders(outcome.asked - outcome.complete, outcome.asked, " [is|are] not complete."))
    return 1
