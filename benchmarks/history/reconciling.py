"""A reconciliation as Dagster stores it: the product's own events, of folders that are made up."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from checkout_assets.assets.dagster_internals import latest_target
from checkout_assets.assets.grant_need import PROVES, check_need, history, kept
from checkout_assets.assets.observing import observations
from checkout_assets.assets.rechecked_folders import report_checks
from checkout_assets.assets.reconciliation_checks import (
    CHECKS,
    check_analysts_tables,
    check_complete,
    check_expected,
)
from checkout_assets.assets.reconciliation_page import RECONCILIATION, metadata
from checkout_assets.assets.runbook import Runbook
from checkout_assets.assets.scheduled_repairs import (
    SCHEDULED_REPAIRS,
    check_given_up,
    kept_state,
    state_now,
)
from checkout_assets.domain.access.need import RULE
from checkout_assets.domain.anomalies import RAW_RULES, STRUCTURED_RULES, Finding, Severity
from checkout_assets.domain.copying import CopyFacts
from checkout_assets.domain.folders import ALL_FOLDERS, Folder
from checkout_assets.domain.reconciliation import CopyEvidence, FolderReconciled, Summary
from checkout_assets.domain.reporting.outcome import outcome_of
from checkout_assets.engines.access.proving import reconciled
from spark_jobs.contract.totals import StructureTotals

_RUNBOOK = Runbook("http://127.0.0.1/runbook.html")
_OBJECTS = 2_000


def folders() -> Sequence[FolderReconciled]:
    """All 512, complete."""
    return [_folder(folder) for folder in ALL_FOLDERS]


def _folder(folder: Folder) -> FolderReconciled:
    facts = CopyFacts(
        listed=_OBJECTS, by_status={"copied": _OBJECTS}, by_kind={"document": _OBJECTS}
    )
    totals = StructureTotals(documents=_OBJECTS, rows=_OBJECTS, source_keys=_OBJECTS)
    findings = [
        *(rule.judge(facts) for rule in RAW_RULES),
        *(rule.judge(totals) for rule in STRUCTURED_RULES),
    ]
    return FolderReconciled(
        folder, copy=CopyEvidence(listed=_OBJECTS, facts=facts), findings=findings
    )


def reconcile(instance: dg.DagsterInstance, now: datetime) -> float:
    """Run what a reconciliation ``now`` asks and stores; returns the seconds without comparing.

    Of the asset itself only the comparison and the report in the lake are left out. In the first
    one of a month every check of every folder is reported.
    """
    found = folders()

    @dg.asset(key=RECONCILIATION, check_specs=CHECKS)
    def reconciliation(
        context: dg.AssetExecutionContext,
    ) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads the bare annotation
        return _stored(context, found, now)

    started = time.perf_counter()
    ended = dg.materialize([reconciliation], instance=instance)
    seconds = time.perf_counter() - started
    assert ended.success
    return seconds


def _stored(
    context: dg.AssetExecutionContext, found: Sequence[FolderReconciled], now: datetime
) -> "dg.MaterializeResult[Any]":
    summary = Summary.of(found)
    outcome = outcome_of(found, summary, (), at=now, run_id=context.run_id, with_source=True)
    repairs = state_now(context.instance, outcome, now)
    history(context.instance, RECONCILIATION)
    for observation in observations(found, outcome, ()):
        context.log_event(observation)
    report_checks(context, RECONCILIATION, found, _RUNBOOK, now)
    return dg.MaterializeResult(
        metadata={
            **metadata(found, summary, outcome),
            SCHEDULED_REPAIRS: kept_state(repairs),
            PROVES: kept(reconciled(found, summary, now)),
        },
        check_results=[
            check_complete(outcome, _RUNBOOK, {}),
            check_expected(outcome, _RUNBOOK),
            check_analysts_tables((), _RUNBOOK),
            check_given_up(repairs, 3, _RUNBOOK),
            check_need(Finding(RULE, True, Severity.ERROR, "No grant is in force."), _RUNBOOK),
        ],
    )


def last_at(instance: dg.DagsterInstance) -> datetime:
    """When the last reconciliation ended."""
    last = latest_target(instance, RECONCILIATION)
    assert last is not None
    return datetime.fromtimestamp(last.timestamp, UTC)
