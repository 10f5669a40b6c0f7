"""The state of scheduled repairs in Dagster's instance, and reconciliation's check of them.

A reconciliation stores the state in its metadata; the runs that the schedule has launched since are
added to it.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import dagster as dg

from checkout_assets.assets.reconciliation_page import last_metadata
from checkout_assets.assets.retries import permanently_failed
from checkout_assets.assets.runbook import Runbook
from checkout_assets.domain.counting import counted, in_number
from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.folders import Folder, select_folders, words_for
from checkout_assets.domain.reporting.outcome import ReconciliationOutcome
from checkout_assets.domain.reporting.scheduled_repairs import (
    RepairState,
    ScheduledRepair,
    given_up,
    state_after,
)
from spark_jobs.contract.record_format import RecordError, read_record, write_record

REPAIR_JOB, REPAIR_OP = "repair_folders", "repair"
BY_SCHEDULE = {"checkout_assets/launched_by": "repair_daily"}
"""The tag of runs by the schedule, which count as tries."""

GIVEN_UP = "no_folder_given_up"
SCHEDULED_REPAIRS = "scheduled_repairs"
"""The metadata entry with the state."""

_MOST_NAMED = 20


def kept_state(state: RepairState) -> dg.JsonMetadataValue:
    """The state as a metadata value."""
    return dg.MetadataValue.json(json.loads(write_record(state)))


def last_state(instance: dg.DagsterInstance) -> RepairState | None:
    """The state that the last reconciliation stored; None if there is none or it is unreadable."""
    entry = last_metadata(instance).get(SCHEDULED_REPAIRS)
    if not isinstance(entry, dg.JsonMetadataValue):
        return None
    try:
        return read_record(RepairState, json.dumps(entry.value).encode())
    except RecordError:
        return None


def state_now(
    instance: dg.DagsterInstance, outcome: ReconciliationOutcome, now: datetime
) -> RepairState:
    """The state after a reconciliation that is not stored yet."""
    before = last_state(instance)
    runs = launched_since(instance, before.instant if before else None)
    return state_after(outcome, before, [_repair(instance, run) for run in runs], now)


def launched_since(instance: dg.DagsterInstance, since: datetime | None) -> Sequence[dg.DagsterRun]:
    """All runs that the schedule has launched since that time; with None, all at any time."""
    return instance.get_runs(dg.RunsFilter(tags=BY_SCHEDULE, created_after=since))


def _repair(instance: dg.DagsterInstance, run: dg.DagsterRun) -> ScheduledRepair:
    return ScheduledRepair(
        frozenset(folders_asked(run)),
        frozenset(folder.name for folder in permanently_failed(instance, run.run_id)),
        is_repeat=run.parent_run_id is not None,
    )


def folders_asked(run: dg.DagsterRun) -> Iterable[str]:
    """The folders that a run of the repair job names; none if its config cannot be read."""
    ops: Any = run.run_config.get("ops", {})
    words = ops.get(REPAIR_OP, {}).get("config", {}).get("folders", [])
    try:
        return [folder.name for folder in select_folders(words)]
    except UsageError:
        return []


def check_given_up(state: RepairState, most_tries: int, runbook: Runbook) -> dg.AssetCheckResult:
    """The check fails if the schedule has given up a red folder; the description says why."""
    permanent = set(state.permanent)
    tried = [name for name in given_up(state, most_tries) if name not in permanent]
    told = [
        *_told(tried, f"after {counted(most_tries, 'repair')} by repair_daily"),
        *_told(permanent, "because [its|their] repair failed permanently"),
    ]
    return dg.AssetCheckResult(
        check_name=GIVEN_UP,
        passed=not told,
        severity=dg.AssetCheckSeverity.ERROR,
        description=" ".join(told) or "repair_daily has given up no folder.",
        metadata={
            "given_up": len(tried) + len(permanent),
            "failed_permanently": len(permanent),
            "runbook": runbook.line(GIVEN_UP),
        },
    )


def _told(names: Iterable[str], why: str) -> list[str]:
    words = words_for(map(Folder.parse, names))
    if not words:
        return []
    count = len(select_folders(words))
    more = f" and {len(words) - _MOST_NAMED:,} more" if len(words) > _MOST_NAMED else ""
    named = f"{', '.join(words[:_MOST_NAMED])}{more}"
    sentence = f"# folder[|s] [is|are] still red {why}, and [is|are] not tried again: "
    return [in_number(count, sentence) + f"{named}."]
