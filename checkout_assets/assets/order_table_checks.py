"""The checks of the analysts' tables: up to date, and nothing before the first month."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import dagster as dg

from checkout_assets.assets.check_results import result_of
from checkout_assets.assets.runbook import Runbook
from checkout_assets.domain.anomalies import Finding, Severity
from checkout_assets.domain.compaction.months import Month
from checkout_assets.domain.counting import counted, in_number

if TYPE_CHECKING:
    from checkout_assets.engines.compacting.committing import MonthStatus

UP_TO_DATE = "months_up_to_date"
NONE_BEFORE = "no_rows_before_first_month"
TABLE_CHECKS = {
    UP_TO_DATE: "Every month of the table holds what the publication records name for it.",
    NONE_BEFORE: "No row lies before the first monthly partition, CHECKOUT_FIRST_MONTH.",
}
_MOST_NAMED = 12


def check_tables(
    key: dg.AssetKey, months: "Mapping[Month, MonthStatus]", first: Month, runbook: Runbook
) -> Iterator[dg.AssetCheckResult]:
    """Judge the months of one table."""
    for finding in (_up_to_date(months), _none_before(months, first)):
        yield dg.AssetCheckResult(asset_key=key, **result_of(finding, runbook))


def _up_to_date(months: "Mapping[Month, MonthStatus]") -> Finding:
    due = [month for month, status in months.items() if status.state.is_due]
    held = sum(status.contents.rows for status in months.values())
    told = f"{counted(len(months), 'month')} up to date, {counted(held, 'row')}."
    if due:
        named = ", ".join(map(str, due[:_MOST_NAMED]))
        more = f" and {len(due) - _MOST_NAMED:,} more" if len(due) > _MOST_NAMED else ""
        told = in_number(len(due), "# month[|s] [is|are] stale or missing: ") + f"{named}{more}."
    return Finding(UP_TO_DATE, not due, Severity.WARN, told)


def _none_before(months: "Mapping[Month, MonthStatus]", first: Month) -> Finding:
    rows = sum(each.contents.rows for month, each in months.items() if month < first)
    earliest = min(months, default=first)
    told = f"No row is dated before {first}."
    if rows:
        told = (
            f"{counted(rows, 'row')} before {first}, the first month, from {earliest} on: no "
            "partition holds them. Set CHECKOUT_FIRST_MONTH to an earlier month."
        )
    return Finding(NONE_BEFORE, not rows, Severity.ERROR, told)
