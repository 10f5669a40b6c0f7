"""``checkout-assets alerts``: send a test message to all targets of alerts."""

from collections.abc import Sequence
from datetime import UTC, datetime

import typer

from checkout_assets.cli.console import print_json, print_lines, say
from checkout_assets.cli.groups import add_group
from checkout_assets.cli.options import Json
from checkout_assets.cli.settings_options import settings_with
from checkout_assets.domain.alerts.message import trial_message
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.alerts.sending import AlertTarget, problem_of_sending
from checkout_assets.settings import Settings

_EXAMPLES = """\b
Examples:
  checkout-assets alerts test
  checkout-assets alerts test --json
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    add_group(
        app,
        "alerts",
        {"test": send_test},
        told="Test the messages that Dagster's sensor alerts sends when something goes wrong. Set "
        "their targets in CHECKOUT_ALERTS.",
        examples=_EXAMPLES,
    )


def send_test(*, json: Json = False) -> int:
    """Send one test message to each topic and URL of CHECKOUT_ALERTS.

    Prints for each whether the message was sent. Exit code 0: all were sent; 1: one was not; 2: no
    topic and no URL is set.
    """
    message = trial_message(datetime.now(UTC).isoformat(timespec="seconds"))
    results = [(target.name, problem_of_sending(target, message)) for target in _targets()]
    failed = [name for name, problem in results if problem]
    if json:
        told = [{"target": name, "error": problem or None} for name, problem in results]
        print_json("alerts test", not failed, {"messages": told})
    else:
        print_lines(
            f"{name}: {f'not sent: {problem}' if problem else 'sent'}" for name, problem in results
        )
    if failed:
        say("A message was not sent: correct CHECKOUT_ALERTS, then run the same again.")
    return 1 if failed else 0


def _targets() -> Sequence[AlertTarget]:
    from checkout_assets.engines.alerts.targets import alert_targets
    from checkout_assets.resources.alerts import alert_options

    targets = alert_targets(alert_options(settings_with().alerts))
    if not targets:
        raise UsageError(
            "No alerts are sent: set CHECKOUT_ALERTS. It is "
            f"{Settings.model_fields['alerts'].description}."
        )
    return targets
