"""``checkout-assets doctor``: what is missing on this machine and in AWS, and how to fix it."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import typer

from checkout_assets.cli.console import print_json, say
from checkout_assets.cli.doctor_canary import CanaryFolder, CanaryYes, fly_canary
from checkout_assets.cli.doctor_table import print_results, results_document
from checkout_assets.cli.interrupts import BEGINS_ANEW
from checkout_assets.cli.options import Json
from checkout_assets.cli.settings_options import (
    check_fleet_options,
    settings_options,
    settings_with,
)
from checkout_assets.domain.doctor import CheckResult, CheckState, Topic
from checkout_assets.domain.errors import UsageError

_NAME = "doctor"
_PLACES = ("source_uri", "raw_uri", "lake_uri")
_SETTINGS = Topic("settings", "variables", "README.md")
INTERRUPTED = BEGINS_ANEW
_EXAMPLES = """\b
Examples:
  checkout-assets doctor
  checkout-assets doctor --json
  checkout-assets doctor --source s3://src --raw s3://raw --lake s3://lake
  checkout-assets doctor --canary 07_CheckoutOrder
  checkout-assets doctor --canary 07_CheckoutOrder --yes
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(_NAME, epilog=_EXAMPLES)(doctor)


@settings_options(*_PLACES, "copy_role_arn", "prices")
def doctor(
    *,
    given: Mapping[str, object],
    canary: CanaryFolder = None,
    yes: CanaryYes = False,
    json: Json = False,
) -> int:
    """Check this machine, the settings and AWS before a run.

    Says what is missing and how to fix it. Sends only read requests and changes nothing. A check
    that cannot be made is unknown and says which permission it needs. Exit code 0: no check
    failed, and the last line counts the unknown ones; 1: a check failed.

    With --canary, proves the whole chain instead, with the smallest machines and a few objects:
    one line per link; then everything is removed. It costs money, and nothing begins without --yes.
    """
    if canary is not None:
        return fly_canary(settings_with(**given), canary, yes, json)
    if yes:
        raise UsageError("--yes needs --canary: only a canary costs money.")
    results = list(_results(given))
    failed = any(each.state is CheckState.FAILED for each in results)
    if json:
        print_json(_NAME, not failed, results_document(results))
    else:
        print_results(results)
    if failed:
        say("Something is missing: do what the failed checks say, then run the same again.")
    return 1 if failed else 0


def _results(given: Mapping[str, object]) -> Iterator[CheckResult]:
    from checkout_assets.automation.instance_check import instance_results, runs_at_a_time
    from checkout_assets.demo.room_check import room_results
    from checkout_assets.engines.doctor.examination import aws_results
    from checkout_assets.engines.doctor.machine import machine_results

    settings = None
    try:
        found = settings_with(**given)
        check_fleet_options(found)
    except UsageError as error:
        yield _SETTINGS.failed(str(error), "Correct the variable, then run the same again.")
    else:
        settings = found
        yield _SETTINGS.ok("every variable can be read")
    fleets = settings is not None and settings.launches_machines
    yield from machine_results(settings is None or settings.structure_engine == "local")
    if not fleets:
        yield from room_results(Path.cwd())
    yield from instance_results(fleets)
    if settings is not None:
        yield from aws_results(settings, runs_at_a_time())
