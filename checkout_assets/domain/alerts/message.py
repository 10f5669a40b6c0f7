"""One message for several alerts: plain text without names of objects."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from checkout_assets.domain.alerts.found import Alert, runs_of
from checkout_assets.domain.alerts.levels import CheckPlace
from checkout_assets.domain.counting import in_number

_LONGEST_SUBJECT = 99
"""Amazon SNS API Reference, Publish: less than 100 ASCII characters, without line breaks."""

_MOST_ALERTS = 40
_MOST_RUNS = 3


@dataclass(frozen=True, slots=True)
class AlertMessage:
    """A message; ``id`` is the same if the message is sent again."""

    id: str
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class AlertLinks:
    """The URLs of Dagster's UI and of the runbook; names replace links if a URL is empty."""

    ui_url: str = ""
    runbook_url: str = ""

    def run(self, run_id: str) -> str:
        """The URL of a run, or its id."""
        return f"{self.ui_url.rstrip('/')}/runs/{run_id}" if self.ui_url else run_id

    def section(self, anchor: str) -> str:
        """The URL of a section of the runbook, or its name."""
        return f"{self.runbook_url or 'docs/runbook.md'}#{anchor}"


def compose(
    alerts: Sequence[Alert],
    links: AlertLinks,
    runs: Mapping[CheckPlace, str],
    earlier_messages: int,
) -> AlertMessage:
    """The message for these alerts.

    ``runs`` has the run of each check; ``earlier_messages`` is the number of messages that the
    target has received.
    """
    shown = [_paragraph(each, links, runs) for each in alerts[:_MOST_ALERTS]]
    left = len(alerts) - len(shown)
    if left:
        shown.append(in_number(left, "[There is|There are] # more: see Dagster's UI."))
    more = in_number(len(alerts) - 1, " and # more") if len(alerts) > 1 else ""
    headline = alerts[0].headline.rstrip(".")
    subject = f"checkout-assets: {headline[: _LONGEST_SUBJECT - 40]}{more}"
    identity = _identity(alerts, earlier_messages)
    return AlertMessage(identity, subject, "\n\n".join([*shown, f"Message {identity}"]))


def trial_message(now: str) -> AlertMessage:
    """The message of ``alerts test``, sent at ``now``."""
    return AlertMessage(
        id=hashlib.sha256(now.encode()).hexdigest()[:16],
        subject="checkout-assets: test",
        body=f"This is the test message of checkout-assets alerts test, sent at {now}. Alerts of "
        "failed checks, failed runs, orphaned machines and late reconciliations come this way.",
    )


def _paragraph(alert: Alert, links: AlertLinks, runs: Mapping[CheckPlace, str]) -> str:
    lines = [alert.headline, alert.sentence]
    ids = runs_of(alert, runs)
    lines += [f"Run: {links.run(each)}" for each in ids[:_MOST_RUNS]]
    if len(ids) > _MOST_RUNS:
        lines.append(in_number(len(ids) - _MOST_RUNS, "# more run[|s]."))
    return "\n".join([*lines, f"What to do: {links.section(alert.section)}"])


def _identity(alerts: Sequence[Alert], earlier_messages: int) -> str:
    told = "\n".join([str(earlier_messages), *(each.key for each in alerts)])
    return hashlib.sha256(told.encode()).hexdigest()[:16]
