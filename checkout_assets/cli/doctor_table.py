"""What ``doctor`` prints: a table or JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from checkout_assets.cli.console import table_console
from checkout_assets.domain.displayable import one_line
from checkout_assets.domain.doctor import CheckResult, CheckState, count_states

_STYLES = {CheckState.OK: "green", CheckState.FAILED: "bold red", CheckState.UNKNOWN: "yellow"}
_SHORTEST_SUBJECT = 8


def print_results(results: Sequence[CheckResult]) -> None:
    """Print one row per check on standard output, and the count of each state."""
    console = table_console()
    console.print(_table(results))
    console.print(summary(results))


def summary(results: Sequence[CheckResult]) -> str:
    """For example ``12 ok, 1 failed, 2 unknown.``"""
    return ", ".join(f"{n:,} {state}" for state, n in count_states(results).items()) + "."


def results_document(results: Sequence[CheckResult]) -> dict[str, Any]:
    """The results as JSON."""
    return {"counts": dict(count_states(results)), "checks": [asdict(each) for each in results]}


def _table(results: Sequence[CheckResult]) -> object:
    from rich.table import Table
    from rich.text import Text

    table = Table(show_lines=False)
    for title in ("state", "subject", "check"):
        table.add_column(title, min_width=_SHORTEST_SUBJECT if title == "subject" else None)
    table.add_column("reason and remedy", ratio=1)
    for each in results:
        told = Text(f"{each.state}", _STYLES[each.state])
        table.add_row(told, Text(each.subject), Text(each.check), Text(_explained(each)))
    return table


def _explained(result: CheckResult) -> str:
    """Reason, remedy and guide; a check that is ok has no guide."""
    if result.state is CheckState.OK:
        return one_line(result.reason)
    lines = (result.reason, result.remedy, f"See {result.guide}" if result.guide else "")
    return "\n".join(one_line(line) for line in lines if line)
