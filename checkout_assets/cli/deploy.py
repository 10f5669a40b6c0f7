"""``checkout-assets deploy``: write the files of a deployment of Dagster on a host of its own."""

import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from checkout_assets.cli.console import print_json, print_lines, say
from checkout_assets.cli.groups import add_group
from checkout_assets.cli.options import Json, given_locations, given_places
from checkout_assets.cli.settings_options import (
    check_fleet_options,
    settings_options,
    settings_with,
)
from checkout_assets.domain.counting import in_number
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError
from checkout_assets.settings import (
    Settings,
    aws_variables,
    paths_of,
    secret_variables_of,
    variables_of,
)

if TYPE_CHECKING:
    from checkout_assets.engines.deploying.files import Deployment
    from checkout_assets.engines.deploying.writing import FileOutcome

_PLACES = ("source_uri", "raw_uri", "lake_uri")
_CHOICES = ("database_host", "run_logs_uri", "service_user", "concurrent_runs")
_GUIDE = "docs/deploy/host.md"
_EXAMPLES = """\b
Examples:
  checkout-assets deploy init /srv/checkout-assets/dagster
  checkout-assets deploy init --database-host db --concurrent-runs 2 /srv/d
  checkout-assets deploy init --force /srv/checkout-assets/dagster
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    add_group(
        app,
        "deploy",
        {"init": init},
        told="Deploy Dagster on a host of its own, with PostgreSQL and systemd.",
        examples=_EXAMPLES,
    )


@settings_options(*_PLACES, *_CHOICES)
def init(
    directory: Annotated[
        Path, typer.Argument(metavar="DIRECTORY", help="The DAGSTER_HOME of the deployment.")
    ],
    *,
    given: Mapping[str, object],
    force: Annotated[
        bool, typer.Option("--force", help="Replace files that differ from what would be written.")
    ] = False,
    json: Json = False,
) -> int:
    """Write dagster.yaml, workspace.yaml, the environment and the units of systemd.

    They are generated from the settings and contain no secrets. Contacts neither AWS nor the
    database, and starts nothing. Files that were changed by hand are kept, unless --force is given;
    secrets.env is always kept.
    """
    from checkout_assets.engines.deploying.files import deployed_files
    from checkout_assets.engines.deploying.writing import FileState, write_deployment

    deployment = _deployment(directory.absolute(), settings_with(**given))
    outcomes = write_deployment(deployment.directory, deployed_files(deployment), force)
    differing = sum(each.state is FileState.DIFFERS for each in outcomes)
    if json:
        print_json("deploy init", not differing, _document(deployment, outcomes))
    else:
        longest = len(str(deployment.directory))
        print_lines([f"In {displayable(str(deployment.directory), longest)}:"])
        print_lines(f"  {each.state:<9}  {each.name}" for each in outcomes)
    _say_what_is_left(deployment)
    if differing:
        left = "# file[|s] [differs|differ] from the settings and [was|were] kept. "
        say(in_number(differing, left + "Use --force to replace [it|them]."))
        return 1
    return 0


def _deployment(directory: Path, settings: Settings) -> "Deployment":
    from checkout_assets.assets.migration import POOL
    from checkout_assets.engines.deploying.files import Deployment
    from checkout_assets.engines.locations import parse_s3_location, refuse_overlap

    check_fleet_options(settings)
    places = given_locations(
        settings, *given_places(settings, {"source": False, "raw": True, "lake": True})
    )
    if not settings.run_logs_uri:
        raise UsageError(
            "No place for the output of runs was given: use --run-logs-uri URI or set "
            "CHECKOUT_RUN_LOGS_URI."
        )
    logs = parse_s3_location(settings.run_logs_uri, "place for run logs")
    refuse_overlap({**places, "place for run logs": logs})
    return Deployment(
        directory=directory,
        programs=Path(sys.executable).parent,
        choices=settings,
        logs=logs,
        settings=variables_of(settings),
        aws=aws_variables(),
        pool=POOL,
        paths=paths_of(settings),
        secrets=secret_variables_of(settings),
    )


def _say_what_is_left(deployment: "Deployment") -> None:
    if deployment.withheld:
        named = ", ".join(deployment.withheld)
        say(
            f"Not written, because it may hold a secret: {named}. Put what the services need of it "
            "into secrets.env; for credentials, use the role of the host."
        )
    if find_spec("dagster_postgres") is None:
        say(
            "dagster-postgres is not installed here, so the services will not start: install "
            "checkout-assets[production]."
        )
    say(f"Next: {_GUIDE} says how to set the password and start the services.")


def _document(deployment: "Deployment", outcomes: "Sequence[FileOutcome]") -> dict[str, Any]:
    return {
        "directory": str(deployment.directory),
        "files": [{"file": each.name, "state": each.state} for each in outcomes],
        "withheld": deployment.withheld,
    }
