"""The asset ``reconciliation``: is anything missing, in all 512 folders? The first page to open."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from checkout_assets.assets.attention import told_first
from checkout_assets.assets.folder_run import configured, told_as_failure
from checkout_assets.assets.grant_need import PROVES, check_need, history, judge_grant, kept
from checkout_assets.assets.listing_turns import listing_in_turns
from checkout_assets.assets.observing import observations
from checkout_assets.assets.partitions import OWNERS
from checkout_assets.assets.raw_orders import RAW_ORDERS
from checkout_assets.assets.rechecked_folders import report_checks
from checkout_assets.assets.reconciliation_checks import (
    CHECKS,
    check_analysts_tables,
    check_complete,
    check_expected,
)
from checkout_assets.assets.reconciliation_page import (
    RECONCILIATION,
    analysts_tables,
    metadata,
    orphaned_files,
)
from checkout_assets.assets.reports import Reports
from checkout_assets.assets.retries import allow_run_retries, forbid_run_retries
from checkout_assets.assets.runbook import Runbook
from checkout_assets.assets.scheduled_repairs import (
    SCHEDULED_REPAIRS,
    check_given_up,
    kept_state,
    state_now,
)
from checkout_assets.assets.structured_orders import STRUCTURED_ORDERS
from checkout_assets.domain.anomalies import Finding
from checkout_assets.domain.compaction.comparing import TableCompared
from checkout_assets.domain.folders import ALL_FOLDERS
from checkout_assets.domain.reconciliation import FolderReconciled, Reason, Summary
from checkout_assets.domain.reporting.outcome import ReconciliationOutcome, last_listed, outcome_of
from checkout_assets.domain.siblings import compared_with_siblings
from checkout_assets.engines.access.proving import reconciled
from checkout_assets.engines.reporting.leaving import earlier_outcomes
from checkout_assets.engines.reporting.page import Report
from checkout_assets.resources.engines import ReconcilerResource

if TYPE_CHECKING:
    from checkout_assets.engines.reconciling.engine import Reconciler

_FRESH = dg.FreshnessPolicy.time_window(
    warn_window=timedelta(hours=25), fail_window=timedelta(hours=49)
)
"""One reconciliation per day, up to an hour long; a warning if one is missing, red if two are."""

_DESCRIPTION = (
    "Source, raw and lake compared folder by folder, by records and listings. The daily run lists "
    "some of the folders, the weekly one all of them; each day the data files of some folders are "
    "read too.\n\n"
    "Open this first: red_and_flagged says which folders are not green, why, and what to do; "
    "report has all 512 with every check. The heat maps run from 00 top left to FF bottom right."
)


@dataclass(frozen=True)
class _Shown:
    """The URLs that a reconciliation links to, and the allowed tries of repairs."""

    runbook: Runbook
    reports: Reports
    repair_tries: int


@dataclass(frozen=True)
class _Compared:
    """The results of comparing all folders; ``earlier`` is oldest first."""

    folders: Sequence[FolderReconciled]
    summary: Summary
    tables: Sequence[TableCompared]
    outcome: ReconciliationOutcome
    earlier: Sequence[ReconciliationOutcome]
    at: datetime


def build_reconciliation(
    runbook: Runbook, reports_url: str = "", repair_tries: int = 3
) -> dg.AssetsDefinition:
    """Build the asset with its checks; it lists, reads records, and stores a report.

    Each day it also reads the data files of some folders. ``reports_url`` is the URL of the lake's
    reports, if they are served.
    """
    shown = _Shown(runbook, Reports(runbook, reports_url), repair_tries)

    @dg.asset(
        key=RECONCILIATION,
        deps=[RAW_ORDERS, STRUCTURED_ORDERS],
        group_name="migration",
        owners=OWNERS,
        kinds={"s3"},
        tags={"layer": "proof"},
        op_tags={"engine": "reconcile"},
        code_version=f"record-{ReconciliationOutcome.FORMAT_VERSION}",
        freshness_policy=_FRESH,
        description=_DESCRIPTION,
        check_specs=CHECKS,
    )
    def reconciliation(
        context: dg.AssetExecutionContext, reconciler: ReconcilerResource
    ) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads the bare annotation
        allow_run_retries(context)
        return _reconcile(context, reconciler, shown)

    return reconciliation


def _reconcile(
    context: dg.AssetExecutionContext, reconciler: ReconcilerResource, shown: _Shown
) -> "dg.MaterializeResult[Any]":
    started = time.monotonic()
    engine = listing_in_turns(context, reconciler, configured(reconciler, context))
    found = _compare(context, reconciler, engine)
    grant = _judge_grant(context.instance, reconciler, found, engine.with_source)
    if _is_final(found.folders):
        forbid_run_retries(context)
    repairs = state_now(context.instance, found.outcome, found.at)
    report = _leave_report(context, reconciler, found, shown.reports)
    for observation in observations(found.folders, found.outcome, found.earlier):
        context.log_event(observation)
    report_checks(context, RECONCILIATION, found.folders, shown.runbook, found.at)
    return dg.MaterializeResult(
        metadata={
            "red_and_flagged": told_first(found.outcome.folders, shown.runbook),
            **report,
            **_metadata(found, engine.ended, reconciler.show_object_names),
            SCHEDULED_REPAIRS: kept_state(repairs),
            "seconds": time.monotonic() - started,
        },
        check_results=[
            check_complete(found.outcome, shown.runbook, report),
            check_expected(found.outcome, shown.runbook),
            check_analysts_tables(found.tables, shown.runbook),
            check_given_up(repairs, shown.repair_tries, shown.runbook),
            check_need(grant, shown.runbook),
        ],
    )


def _leave_report(
    context: dg.AssetExecutionContext,
    reconciler: ReconcilerResource,
    found: _Compared,
    reports: Reports,
) -> dict[str, Any]:
    """Store the report in the lake; returns the metadata that names it."""
    stores = reconciler.stores
    places = {
        "source": stores.source_uri,
        "raw": stores.raw_uri,
        "lake": stores.lake_uri,
        "catalog": reconciler.catalog,
    }
    report = Report(found.outcome, found.folders, found.earlier, places, tables=found.tables)
    left = reports.leave(stores, report, context.log)
    return reports.metadata(left)


def _metadata(found: _Compared, ended: str, show_names: bool) -> dict[str, Any]:
    """Return the results, and what later decisions about access need."""
    return {
        **metadata(found.folders, found.summary, found.outcome),
        **orphaned_files(found.folders, show_names),
        **analysts_tables(found.tables),
        **({"source_access": ended} if ended else {}),
        PROVES: kept(reconciled(found.folders, found.summary, found.at)),
    }


def _compare(
    context: dg.AssetExecutionContext, reconciler: ReconcilerResource, engine: "Reconciler"
) -> _Compared:
    with told_as_failure(context):
        compared = list(engine.run(ALL_FOLDERS, context.run_id))
        unexpected = engine.unexpected()
    earlier = earlier_outcomes(reconciler.stores.lake(), reconciler.stores.on_silence)
    folders = compared_with_siblings(compared, last_listed(earlier))
    summary = Summary.of(folders)
    tables = reconciler.compare_tables(folders)
    now = datetime.now(UTC)
    outcome = outcome_of(
        folders,
        summary,
        unexpected,
        tables=tables,
        at=now,
        run_id=context.run_id,
        with_source=engine.with_source,
    )
    return _Compared(folders, summary, tables, outcome, earlier, now)


def _judge_grant(
    instance: dg.DagsterInstance, reconciler: ReconcilerResource, found: _Compared, listed: bool
) -> Finding:
    proves = reconciled(found.folders, found.summary, found.at)
    finding, _ = judge_grant(
        instance,
        reconciler.stores.raw(),
        [proves, *history(instance, RECONCILIATION)],
        reachable=listed or None,
        now=found.at,
        grace=timedelta(days=reconciler.grace_days),
        on_silence=reconciler.stores.on_silence,
    )
    return finding


def _is_final(folders: Sequence[FolderReconciled]) -> bool:
    """Whether another comparison would find the same: every folder could be compared."""
    return all(cause.reason is not Reason.NOT_COMPARED for each in folders for cause in each.causes)
