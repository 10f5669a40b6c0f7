"""The analysts' tables in a report: what a reconciliation found, and the commands that repair."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from shlex import quote
from typing import Annotated

from checkout_assets.domain.compaction.comparing import TableCompared
from checkout_assets.domain.compaction.contents import MonthState
from checkout_assets.domain.compaction.months import Month, words_for_months
from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.reporting.states import StateName
from spark_jobs.contract.order_types import OrderType
from spark_jobs.contract.record_format import TextForm

CHECK = "analysts_tables_exact"
"""The check of the analysts' tables, and its section in docs/runbook.md."""


def _is_month(text: str) -> bool:
    """Whether a text is a month, such as 2018-10."""
    try:
        return str(Month.parse(text)) == text
    except UsageError:
        return False


TableName = Annotated[str, TextForm(lambda text: text in {e.table for e in OrderType}, "table")]
MonthName = Annotated[str, TextForm(_is_month, "month")]


@dataclass(frozen=True)
class ReportedTable:
    """An analysts' table as a reconciliation found it; ``text`` says the same for people.

    ``files_before`` and ``bytes_before`` are those of the published files, ``files`` and ``bytes``
    those of the table's data files. ``months_without_rows`` lie between the first month with rows
    and the last.
    """

    table: TableName
    made: bool
    state: StateName
    text: str
    rows: int
    rows_recorded: int
    files_before: int
    bytes_before: int
    files: int
    bytes: int
    months_up_to_date: int
    months_without_rows: int
    months_stale: list[MonthName] = field(default_factory=list)
    months_missing: list[MonthName] = field(default_factory=list)
    months_wrong: list[MonthName] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class TableRepair:
    """A remedy for months of the analysts' tables; ``config`` is what Dagster's launchpad takes."""

    remedy: str
    months: tuple[str, ...]
    command: str
    config: str = ""


def reported_table(table: TableCompared) -> ReportedTable:
    """Return what a report says of a table."""
    return ReportedTable(
        table=table.table,
        made=table.is_made,
        state=table.state.value,
        text=table.sentence,
        rows=table.rows,
        rows_recorded=table.recorded,
        files_before=sum(each.files_recorded for each in table.months),
        bytes_before=sum(each.bytes_recorded for each in table.months),
        files=sum(each.files_held for each in table.months),
        bytes=sum(each.bytes_held for each in table.months),
        months_up_to_date=len(table.in_state(MonthState.UP_TO_DATE)),
        months_without_rows=table.months_without_rows,
        months_stale=list(map(str, table.in_state(MonthState.STALE))),
        months_missing=list(map(str, table.in_state(MonthState.MISSING))),
        months_wrong=[str(each.month) for each in table.wrong],
    )


def table_repairs(
    tables: Sequence[ReportedTable], places: Mapping[str, str]
) -> Sequence[TableRepair]:
    """Return the remedies for wrong months, then for stale and missing ones of tables in use.

    ``places`` has the URI of the lake and the setting of the catalog.
    """
    command = f"checkout-assets tables compact{_options(places)}"
    wrong = _words(month for each in tables for month in each.months_wrong)
    due = _words(
        month for each in tables if each.made for month in each.months_stale + each.months_missing
    )
    found = []
    if wrong:
        again = f"{command} --rewrite {' '.join(wrong)}"
        config = "ops: {compact_months: {config: {rewrite: true}}}"
        found.append(TableRepair("Write the wrong months again", wrong, again, config))
    if due:
        found.append(TableRepair("Compact the stale and missing months", due, command))
    return found


def _words(months: Iterable[str]) -> tuple[str, ...]:
    return words_for_months(map(Month.parse, months))


def _options(places: Mapping[str, str]) -> str:
    """The options that say the lake and the catalog; an URI with credentials is left out."""
    told = {name: places.get(name, "") for name in ("lake", "catalog")}
    return "".join(
        f" --{name} {quote(value)}" for name, value in told.items() if value and "@" not in value
    )
