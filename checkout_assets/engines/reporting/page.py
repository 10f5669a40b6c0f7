"""The report as one HTML file that loads nothing.

Every text passes through ``_visible`` and Jinja's escaping, so that no untrusted name is
interpreted as markup or changes the display of its line. Only the style and script of the two files
beside this one are allowed, by their digests.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from checkout_assets.domain.compaction.comparing import MonthCompared, TableCompared
from checkout_assets.domain.compaction.months import Month, months_of_year
from checkout_assets.domain.counting import byte_size, counted
from checkout_assets.domain.displayable import one_line
from checkout_assets.domain.folders import ALL_FOLDERS, Folder
from checkout_assets.domain.reconciliation import FolderReconciled, State
from checkout_assets.domain.reporting.analysts_tables import CHECK, table_repairs
from checkout_assets.domain.reporting.changes import changes, table_changes
from checkout_assets.domain.reporting.listings import told_listings
from checkout_assets.domain.reporting.outcome import Line, ReconciliationOutcome, lines_of
from checkout_assets.domain.reporting.repairing import repairs
from checkout_assets.domain.reporting.retention import DAYS, stamp_of
from spark_jobs.contract.order_types import OrderType

_HERE = "checkout_assets.engines.reporting"
_NOT_LOOKED_AT = "not compared"
_PER_LINE = 16
_RUNBOOK = "docs/runbook.md"


@dataclass(frozen=True, slots=True)
class Report:
    """The content of a page; ``history`` are the earlier outcomes, oldest first.

    ``places`` are the URIs of source, raw and lake, and the setting of the catalog.
    ``runbook_url`` is the URL of docs/runbook.md; without it sections are named instead of linked.
    ``tables`` are the analysts' tables of the outcome, with their months.
    """

    outcome: ReconciliationOutcome
    folders: Sequence[FolderReconciled]
    history: Sequence[ReconciliationOutcome] = ()
    places: Mapping[str, str] = field(default_factory=dict)
    runbook_url: str = ""
    tables: Sequence[TableCompared] = ()


def render(report: Report) -> str:
    """The page as HTML."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = "{:,}".format
    environment.filters["byte_size"] = byte_size
    environment.filters["counted"] = counted
    return environment.from_string(_file("page.html.j2")).render(_shown(report))


def _shown(report: Report) -> dict[str, Any]:
    """The variables of the template."""
    style, script = _file("page.css"), _file("page.js")
    outcome, history = report.outcome, report.history
    found = {each.folder: each for each in report.folders}
    return {
        "style": style,
        "script": script,
        "policy": _content_security_policy(style, script),
        "outcome": outcome,
        "maps": {order_type: _map(found, order_type) for order_type in OrderType},
        "rows": [_row(found[folder]) for folder in sorted(found)],
        "before": history[-1] if history else None,
        "changes": changes(history[-1], outcome) if history else [],
        "history": [(stamp_of(each.instant), each) for each in (*history, outcome)],
        "days": DAYS,
        "repairs": repairs(outcome.folders, report.places),
        "listings": told_listings(outcome),
        "tables": outcome.analysts_tables,
        "months": {each.table: list(_years(each)) for each in report.tables},
        "table_check": CHECK,
        "table_changes": table_changes(history[-1], outcome) if history else [],
        "table_repairs": table_repairs(outcome.analysts_tables, report.places),
        "runbook": _linked(report.runbook_url),
        "runbook_file": _RUNBOOK,
    }


@dataclass(frozen=True, slots=True)
class _Row:
    """A folder of the table."""

    folder: FolderReconciled
    lines: Sequence[Line]

    @property
    def passed(self) -> int:
        """The number of its checks that passed."""
        return sum(finding.passed for finding in self.folder.findings)


def _row(folder: FolderReconciled) -> _Row:
    return _Row(folder, lines_of(folder))


def _map(
    found: Mapping[Folder, FolderReconciled], order_type: OrderType
) -> list[list[tuple[Folder, str]]]:
    """16 lines of 16 folders with their states, 00 top left and FF bottom right."""
    cells = [
        (folder, found[folder].state.value if folder in found else _NOT_LOOKED_AT)
        for folder in ALL_FOLDERS
        if folder.order_type is order_type
    ]
    return [cells[start : start + _PER_LINE] for start in range(0, len(cells), _PER_LINE)]


@dataclass(frozen=True, slots=True)
class _Cell:
    """A month of the map: its state's color, and what is said of it."""

    month: Month
    color: str
    told: str


def _years(table: TableCompared) -> Iterator[list[_Cell]]:
    """Yield the twelve months of each year in which the table has some."""
    found = {each.month: each for each in table.months}
    for year in sorted({month.year for month in found}):
        yield [_cell(month, found.get(month)) for month in months_of_year(year)]


def _cell(month: Month, found: MonthCompared | None) -> _Cell:
    if found is None:
        return _Cell(month, "none", f"{month}: no rows")
    color = State.YELLOW.value if found.state.is_due else State.GREEN.value
    if found.is_wrong:
        color = State.RED.value
    state = "wrong" if found.is_wrong else found.state.value.replace("_", " ")
    return _Cell(month, color, f"{month}: {state}, {counted(found.held, 'row')}")


def _linked(url: str) -> str:
    """The URL if it is http or https, so that following it runs no script; else empty."""
    return url if url.startswith(("http://", "https://")) else ""


def _visible(value: Any) -> Any:
    """A text with non-printable characters made visible; markup and numbers unchanged."""
    return one_line(value) if type(value) is str else value


def _content_security_policy(style: str, script: str) -> str:
    return (
        f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _file(name: str) -> str:
    return resources.files(_HERE).joinpath(name).read_text(encoding="utf-8")
