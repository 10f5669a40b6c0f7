"""The checks of ``reconciliation`` on all folders: each is complete, and there is nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from checkout_assets.assets.reconciliation_page import RECONCILIATION, folders_in
from checkout_assets.assets.runbook import Runbook
from checkout_assets.assets.scheduled_repairs import GIVEN_UP
from checkout_assets.domain.access.need import RULE, judge_need
from checkout_assets.domain.compaction.comparing import TableCompared, worst_of
from checkout_assets.domain.counting import in_number, of_folders
from checkout_assets.domain.folders import ALL_FOLDERS
from checkout_assets.domain.reconciliation import State
from checkout_assets.domain.reporting.analysts_tables import CHECK as TABLES
from checkout_assets.domain.reporting.listings import told_listings
from checkout_assets.domain.reporting.outcome import ReconciliationOutcome

COMPLETE, EXPECTED = "all_folders_complete", "nothing_unexpected_at_the_source"
_FLAGGED = " # folder[|s] [is|are] flagged."
_MOST_NAMED = 20

CHECKS = (
    dg.AssetCheckSpec(
        COMPLETE,
        asset=RECONCILIATION,
        description="All 512 folders are copied, structured and add up.",
        # A daily job with red folders fails; its results are stored all the same.
        blocking=True,
    ),
    dg.AssetCheckSpec(
        EXPECTED,
        asset=RECONCILIATION,
        description="Only the 512 folders are below the source's prefix.",
    ),
    dg.AssetCheckSpec(
        TABLES,
        asset=RECONCILIATION,
        description="The analysts' tables, if they were made, hold the rows of the publication "
        "records; it warns of stale and missing months.",
        blocking=True,
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
)


def check_complete(
    outcome: ReconciliationOutcome, runbook: Runbook, report: Mapping[str, Any]
) -> dg.AssetCheckResult:
    """The check fails if a folder is red; it names red folders, and counts flagged ones."""
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
            f" {' '.join(filter(None, [told_listings(outcome), _read_deep(outcome)]))}"
        ),
        metadata={
            "folders_complete": outcome.complete,
            "folders_red": outcome.red,
            "folders_yellow": outcome.yellow,
            **report,
            "runbook": runbook.line(COMPLETE),
            "red_folders": folders_in(State.RED, outcome),
            "yellow_folders": folders_in(State.YELLOW, outcome),
        },
    )


def check_expected(outcome: ReconciliationOutcome, runbook: Runbook) -> dg.AssetCheckResult:
    """The check warns of other folders and of objects beside them, by displayable names."""
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


def check_analysts_tables(tables: Sequence[TableCompared], runbook: Runbook) -> dg.AssetCheckResult:
    """The check fails if a table has lost rows or has others; it warns of months to compact."""
    state = worst_of(tables)
    severe = state is State.RED
    return dg.AssetCheckResult(
        check_name=TABLES,
        passed=state is State.GREEN,
        severity=dg.AssetCheckSeverity.ERROR if severe else dg.AssetCheckSeverity.WARN,
        description=" ".join(each.sentence for each in tables),
        metadata={"runbook": runbook.line(TABLES)},
    )


def _read_deep(outcome: ReconciliationOutcome) -> str:
    """A sentence that says which folders' files were read, not only listed."""
    if not outcome.read_deep:
        return "No data file was read, only listed."
    named = ", ".join(outcome.read_deep)
    return f"Data files were read deep, every byte, in {named}; elsewhere they were listed."
