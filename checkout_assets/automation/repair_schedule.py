"""The schedule that repairs red folders: off by default, one run per day, limited retries."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import dagster as dg

from checkout_assets.assets.dagster_internals import backfills_under_way, unfinished_runs
from checkout_assets.assets.partitions import FOLDERS, partition_range_of
from checkout_assets.assets.raw_orders import RAW_ORDERS
from checkout_assets.assets.scheduled_repairs import (
    BY_SCHEDULE,
    REPAIR_OP,
    last_state,
    launched_since,
)
from checkout_assets.assets.structured_orders import STRUCTURED_ORDERS
from checkout_assets.automation.repair import RepairConfig
from checkout_assets.domain.counting import counted
from checkout_assets.domain.folders import FOLDER_NAMES, Folder, words_for
from checkout_assets.domain.reporting.scheduled_repairs import RepairState, next_repair

_OLDEST = timedelta(hours=36)
"""An older reconciliation does not show which folders are red now."""

_TOUCHED = {RAW_ORDERS, STRUCTURED_ORDERS}
_OF_ACCESS = {"grant_access", "revoke_access"}


def build_repair_daily(
    job: dg.JobDefinition, most_tries: int, most_folders: int
) -> dg.ScheduleDefinition:
    """Build the schedule: ``most_folders`` per day, each ``most_tries`` times while it is red."""

    @dg.schedule(
        name="repair_daily",
        job=job,
        cron_schedule="0 6-11 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description=(
            "Once per day, at the first full hour from 06:00 to 11:00 UTC at which nothing else is "
            "at work: repair the red folders that running again may help, at most "
            f"{counted(most_folders, 'folder')} per day and each {counted(most_tries, 'time')} "
            "while it stays red. Off until somebody turns it on."
        ),
    )
    def repair_daily(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        instance, at = context.instance, context.scheduled_execution_time
        state = last_state(instance)
        if state is None or at - state.instant > _OLDEST:
            return dg.SkipReason("No reconciliation of the last 36 hours says what is red.")
        busy = _busy(instance)
        why = _why_not_now(instance, state, busy)
        if why:
            return dg.SkipReason(why)
        folders = next_repair(state, most_tries, most_folders, busy or ())
        if not folders:
            return dg.SkipReason("No red folder is left that a repair by schedule may help.")
        return _requested(folders, state, at)

    return repair_daily


def _requested(folders: list[Folder], state: RepairState, at: datetime) -> dg.RunRequest:
    """Return one run request; its key keeps Dagster from launching a second one on that day."""
    config = RepairConfig(folders=list(words_for(folders)), copy_them=state.with_source)
    return dg.RunRequest(
        run_key=f"{at:%Y-%m-%d}",
        run_config=dg.RunConfig(ops={REPAIR_OP: config}),
        tags=BY_SCHEDULE,
    )


def _why_not_now(instance: dg.DagsterInstance, state: RepairState, busy: set[str] | None) -> str:
    """Return why nothing is repaired now; empty if a repair may start."""
    if launched_since(instance, state.instant):
        return "The folders were not reconciled since the last repair by this schedule."
    if busy is None:
        return "A run is queued or at work that may change any folder, or that reconciles."
    if backfills_under_way(instance, _TOUCHED):
        return "A backfill is under way."
    return ""


def _busy(instance: dg.DagsterInstance) -> set[str] | None:
    """Return the folders of queued and running runs; None if a run's folders are unknown."""
    found: set[str] = set()
    for run in unfinished_runs(instance):
        folders = _folders_of(run)
        if folders is None:
            return None
        found.update(folders)
    return found


def _folders_of(run: dg.DagsterRun) -> Iterable[str] | None:
    """Return the folders that a run changes: none, its partitions, or None if unknown."""
    if run.job_name in _OF_ACCESS:
        return ()
    asked = partition_range_of(run)
    if asked is None or not set(asked) <= set(FOLDER_NAMES):
        return None
    return FOLDERS.get_partition_keys_in_range(dg.PartitionKeyRange(*asked))
