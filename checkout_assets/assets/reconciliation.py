"""The asset ``reconciliation``: is anything missing, in all 512 folders? The first page to open."""

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from checkout_assets.assets.attention import folder_table, told_first
from checkout_assets.assets.folder_run import configured, told_as_failure
from checkout_assets.assets.grant_need import (
    PROVES,
    check_need,
    history,
    judge_grant,
    kept,
)
from checkout_assets.assets.observing import observations
from checkout_assets.assets.partitions import OWNERS
from checkout_assets.assets.raw_orders import RAW_ORDERS
from checkout_assets.assets.rechecked_folders import report_checks
from checkout_assets.assets.reports import Reports
from checkout_assets.assets.retries import allow_run_retries, forbid_run_retries
from checkout_assets.assets.runbook import Runbook
from checkout_assets.assets.scheduled_repairs import (
    GIVEN_UP,
    SCHEDULED_REPAIRS,
    check_given_up,
    kept_state,
    state_now,
)
from checkout_assets.assets.structured_orders import STRUCTURED_ORDERS
from checkout_assets.domain.access.need import RULE, judge_need
from checkout_assets.domain.counting import in_number, of_folders
from checkout_assets.domain.folders import ALL_FOLDERS, Folder, words_for
from checkout_assets.domain.orphans import shown_some
from checkout_assets.domain.reconciliation import FolderReconciled, Reason, State, Summary, heat_map
from checkout_assets.domain.reporting.outcome import ReconciliationOutcome, last_listed, outcome_of
from checkout_assets.domain.siblings import compared_with_siblings
from checkout_assets.engines.access.proving import reconciled
from checkout_assets.engines.reporting.leaving import earlier_outcomes
from checkout_assets.resources.engines import ReconcilerResource
from spark_jobs.contract.order_types import OrderType

RECONCILIATION = dg.AssetKey("reconciliation")
RED_FOLDERS = "red_folders"
"""Metadata: the table of the red folders."""

COMPLETE, EXPECTED = "all_folders_complete", "nothing_unexpected_at_the_source"
_FLAGGED = " # folder[|s] [is|are] flagged."
_MOST_NAMED = 20
_MOST_ORPHANS = 50
_FRESH = dg.FreshnessPolicy.time_window(
    warn_window=timedelta(hours=25), fail_window=timedelta(hours=49)
)
"""A reconciliation a day, which may take an hour; late after one that is missing, red after two."""


def build_reconciliation(
    runbook: Runbook, reports_url: str = "", repair_tries: int = 3
) -> dg.AssetsDefinition:
    """The asset with its four checks; it lists and reads records, and leaves a report.

    Of some folders, others each day, it reads the data files too. ``reports_url`` is where the
    lake's reports are served, if they are.
    """
    reports = Reports(runbook, reports_url)

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
        description=(
            "Source, raw and lake compared folder by folder, by records and listings; each day the "
            "data files of some folders are read too.\n\n"
            "Open this first: red_and_flagged says which folders are not green, why, and what to "
            "do; report has all 512 with every check. The heat maps run from 00 top left to FF "
            "bottom right."
        ),
        check_specs=[
            dg.AssetCheckSpec(
                COMPLETE,
                asset=RECONCILIATION,
                description="All 512 folders are copied, structured and add up.",
                # A daily job with red folders is a red job; what it found is stored all the same.
                blocking=True,
            ),
            dg.AssetCheckSpec(
                EXPECTED,
                asset=RECONCILIATION,
                description="Only the 512 folders are below the source's prefix.",
            ),
            dg.AssetCheckSpec(
                GIVEN_UP,
                asset=RECONCILIATION,
                description="No folder is red that the schedule repair_daily does not try again.",
            ),
            dg.AssetCheckSpec(
                RULE,
                asset=RECONCILIATION,
                description=(judge_need.__doc__ or "").split("\n", 1)[0],
            ),
        ],
    )
    def reconciliation(
        context: dg.AssetExecutionContext, reconciler: ReconcilerResource
    ) -> dg.MaterializeResult:  # type: ignore[type-arg]  # Dagster reads the bare annotation
        allow_run_retries(context)
        started = time.monotonic()
        engine = configured(reconciler, context)
        with told_as_failure(context):
            compared = list(engine.run(ALL_FOLDERS, context.run_id))
            unexpected = engine.unexpected()
        earlier = earlier_outcomes(reconciler.stores.lake(), reconciler.stores.on_silence)
        folders = compared_with_siblings(compared, last_listed(earlier))
        summary = Summary.of(folders)
        now = datetime.now(UTC)
        proves = reconciled(folders, summary, now)
        finding, _ = judge_grant(
            context.instance,
            reconciler.stores.raw(),
            [proves, *history(context.instance, RECONCILIATION)],
            reachable=engine.with_source or None,
            now=now,
            grace=timedelta(days=reconciler.grace_days),
            on_silence=reconciler.stores.on_silence,
        )
        outcome = outcome_of(
            folders,
            summary,
            unexpected,
            at=now,
            run_id=context.run_id,
            with_source=engine.with_source,
        )
        if all(
            cause.reason is not Reason.NOT_COMPARED for each in folders for cause in each.causes
        ):
            forbid_run_retries(context)  # what it finds does not pass by looking again
        state = state_now(context.instance, RECONCILIATION, outcome, now)
        left = reports.leave(reconciler.stores, outcome, folders, earlier, context.log)
        for observation in observations(folders, outcome, earlier):
            context.log_event(observation)
        report_checks(context, RECONCILIATION, folders, runbook, now)
        return dg.MaterializeResult(
            metadata={
                "red_and_flagged": told_first(outcome.folders, runbook),
                **reports.metadata(left),
                **metadata(folders, summary, outcome),
                **orphaned_files(folders, reconciler.show_object_names),
                **({"source_access": engine.ended} if engine.ended else {}),
                PROVES: kept(proves),
                SCHEDULED_REPAIRS: kept_state(state),
                "seconds": time.monotonic() - started,
            },
            check_results=[
                check_complete(outcome, runbook, reports.metadata(left)),
                check_expected(outcome, runbook),
                check_given_up(state, repair_tries, runbook),
                check_need(finding, runbook),
            ],
        )

    return reconciliation


def metadata(
    folders: Sequence[FolderReconciled], summary: Summary, outcome: ReconciliationOutcome
) -> dict[str, Any]:
    """What the asset's page shows, the most wanted first."""
    states = {each.folder: each.state for each in folders}
    return {
        "folders_red": outcome.red,
        RED_FOLDERS: _table(outcome, State.RED),
        "repair_folders_takes": f"folders: [{', '.join(words_for(_red(outcome)))}]",
        "folders_yellow": outcome.yellow,
        "yellow_folders": _table(outcome, State.YELLOW),
        "checkout_00_to_FF": _squares(heat_map(states, OrderType.CHECKOUT)),
        "fulfillment_00_to_FF": _squares(heat_map(states, OrderType.FULFILLMENT)),
        "flagged_folders": flagged(folders),
        "red_reasons": red_reasons(summary.red),
        "folders_complete": summary.complete,
        "objects": summary.objects,
        "bytes": summary.total_bytes,
        "dagster/row_count": summary.rows,
        "quarantined": sum(summary.quarantined.values()),
        **{f"quarantined_{reason}": count for reason, count in summary.quarantined.items()},
        "nested": summary.nested,
        "rescued_values": summary.rescued_values,
        "escaped_names": summary.escaped,
    }


def last_red(instance: dg.DagsterInstance) -> tuple[Folder, ...] | None:
    """The folders that were red at the last reconciliation; None if none is known."""
    records = instance.fetch_materializations(RECONCILIATION, limit=1).records
    if not records or records[0].asset_materialization is None:
        return None
    table = records[0].asset_materialization.metadata.get(RED_FOLDERS)
    if not isinstance(table, dg.TableMetadataValue):
        return None
    return tuple(Folder.parse(str(record.data["folder"])) for record in table.records)


def _red(outcome: ReconciliationOutcome) -> list[Folder]:
    return [Folder.parse(each.folder) for each in outcome.folders if each.state == State.RED]


def orphaned_files(folders: Iterable[FolderReconciled], show_names: bool = False) -> dict[str, Any]:
    """How many files of the lake no record names, and the first of them."""
    orphans = [orphan for each in folders for orphan in each.lake.orphans]
    if not orphans:
        return {"orphaned_files": 0}
    named = shown_some(orphans, _MOST_ORPHANS, show_names)
    listed = "\n".join([*named, "", "All of them: checkout-assets orphans list"])
    return {
        "orphaned_files": len(orphans),
        "orphaned_files_listed": dg.MetadataValue.text(listed),
    }


def flagged(folders: Iterable[FolderReconciled]) -> dict[str, list[str]]:
    """Check name to the folders it warns of."""
    by_check: dict[str, list[str]] = {}
    for each in sorted(folders, key=lambda each: each.folder):
        for check in each.flags:
            by_check.setdefault(check, []).append(each.folder.name)
    return by_check


def red_reasons(folders: Iterable[FolderReconciled]) -> dict[str, list[str]]:
    """Code of a reason to the folders that it makes red."""
    by_code: dict[str, list[str]] = {}
    for each in folders:
        for cause in each.causes:
            if cause.reason.state is State.RED:
                by_code.setdefault(cause.reason.code, []).append(each.folder.name)
    return by_code


def check_complete(
    outcome: ReconciliationOutcome, runbook: Runbook, report: Mapping[str, Any]
) -> dg.AssetCheckResult:
    """Red if a single folder is; its description names them, and counts those that are flagged."""
    names = [each.folder for each in outcome.folders if each.state == State.RED]
    more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
    red = f" Red: {', '.join(names[:_MOST_NAMED])}{more}." if names else ""
    return dg.AssetCheckResult(
        check_name=COMPLETE,
        passed=not names and outcome.is_complete,
        severity=dg.AssetCheckSeverity.ERROR,
        description=(
            f"{of_folders(outcome.complete, len(ALL_FOLDERS))} complete.{red}"
            f"{in_number(outcome.yellow, _FLAGGED) if outcome.yellow else ''}"
            f" {_read_deep(outcome)}"
        ),
        metadata={
            "folders_complete": outcome.complete,
            "folders_red": outcome.red,
            "folders_yellow": outcome.yellow,
            **report,
            "runbook": runbook.line(COMPLETE),
            "red_folders": _table(outcome, State.RED),
            "yellow_folders": _table(outcome, State.YELLOW),
        },
    )


def check_expected(outcome: ReconciliationOutcome, runbook: Runbook) -> dg.AssetCheckResult:
    """Warns of a 513th folder or a loose object, by names that may be shown."""
    unexpected = outcome.unexpected
    told = ", ".join(unexpected[:_MOST_NAMED])
    nothing = "Only the 512 folders." if outcome.with_source else "The source was not listed."
    return dg.AssetCheckResult(
        check_name=EXPECTED,
        passed=not unexpected,
        severity=dg.AssetCheckSeverity.WARN,
        description=(f"{len(unexpected):,} unexpected: {told}." if unexpected else nothing),
        metadata={"unexpected": len(unexpected), "runbook": runbook.line(EXPECTED)},
    )


def _read_deep(outcome: ReconciliationOutcome) -> str:
    """Which folders' files were read, not only listed."""
    if not outcome.read_deep:
        return "No data file was read, only listed."
    named = ", ".join(outcome.read_deep)
    return f"Data files were read deep, every byte, in {named}; elsewhere they were listed."


def _table(outcome: ReconciliationOutcome, state: State) -> dg.TableMetadataValue:
    return folder_table(each for each in outcome.folders if each.state == state)


def _squares(text: str) -> dg.MarkdownMetadataValue:
    """A code block: under 1,000 characters the UI shows it without a click."""
    return dg.MetadataValue.md(f"```\n{text}\n```")
