"""The results of folders' checks that a reconciliation has to report.

An event per check and folder would be millions per year, each about 30 ms. So a reconciliation
reports a folder's check only if its result differs from the one in Dagster, and all checks once per
month.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from checkout_assets.assets.check_results import result_of
from checkout_assets.assets.dagster_internals import (
    CheckTarget,
    latest_target,
    log_checks,
    results_shown,
)
from checkout_assets.assets.raw_orders import RAW_ORDERS
from checkout_assets.assets.runbook import Runbook
from checkout_assets.assets.structured_orders import STRUCTURED_ORDERS
from checkout_assets.domain.anomalies import (
    RAW_RULES,
    STRUCTURED_RULES,
    Finding,
    Rule,
    Severity,
)
from checkout_assets.domain.rechecked import raw_checks, structured_checks
from checkout_assets.domain.reconciliation import FolderReconciled

_OF_ASSET: Sequence[
    tuple[dg.AssetKey, Sequence[Rule[Any]], Callable[[FolderReconciled], Sequence[Finding]]]
] = (
    (RAW_ORDERS, RAW_RULES, raw_checks),
    (STRUCTURED_ORDERS, STRUCTURED_RULES, structured_checks),
)


def report_checks(
    context: dg.AssetExecutionContext,
    reconciliation: dg.AssetKey,
    folders: Sequence[FolderReconciled],
    runbook: Runbook,
    now: datetime,
) -> None:
    """Report the changed results of these folders; the month's first reconciliation reports all."""
    last = latest_target(context.instance, reconciliation)
    first = last is not None and is_new_month(datetime.fromtimestamp(last.timestamp, UTC), now)
    due = list(evaluations_due(context.instance, folders, runbook, first))
    log_checks(context.op_execution_context, due)


def is_new_month(last: datetime, now: datetime) -> bool:
    """Whether the last reconciliation was in an earlier month; both are in UTC."""
    return (last.year, last.month) < (now.year, now.month)


def evaluations_due(
    instance: dg.DagsterInstance,
    folders: Sequence[FolderReconciled],
    runbook: Runbook,
    all_of_them: bool,
) -> Iterator[dg.AssetCheckEvaluation]:
    """The results to report: ``all_of_them``, or those that differ from Dagster's.

    A folder that was never reported waits for the monthly report, because no change is known. So
    does a check that was never reported for a reported folder, unless it fails with an error.
    """
    for asset, rules, checks in _OF_ASSET:
        shown = results_shown(instance, asset, [rule.name for rule in rules])
        reported = {name for _, name in shown}
        for folder in folders:
            name = folder.folder.name
            due = [
                each
                for each in checks(folder)
                if (all_of_them or _is_news(each, name in reported, shown.get((each.rule, name))))
                and not _waits_for_listing(folder, asset, each, shown.get((each.rule, name)))
            ]
            target = latest_target(instance, asset, name) if due else None
            yield from (_evaluation(asset, name, each, target, runbook) for each in due)


def _is_news(finding: Finding, reported: bool, shown: bool | None) -> bool:
    """Whether a result differs from what is shown, or is an error of a check that shows nothing."""
    if shown is None:
        return reported and not finding.passed and finding.severity is Severity.ERROR
    return shown != finding.passed


def _waits_for_listing(
    folder: FolderReconciled, asset: dg.AssetKey, finding: Finding, shown: bool | None
) -> bool:
    """Whether a failed check would pass only because of an earlier listing: no new proof."""
    is_earlier = asset == RAW_ORDERS and folder.copy.listed_at is not None
    return is_earlier and finding.passed and shown is False


def _evaluation(
    asset: dg.AssetKey,
    partition: str,
    finding: Finding,
    target: CheckTarget | None,
    runbook: Runbook,
) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=asset,
        partition=partition,
        target_materialization_data=target,
        **result_of(finding, runbook),
    )
