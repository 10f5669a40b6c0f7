"""The job that compacts months, and the schedule that requests it: off by default."""

from collections.abc import Iterable, Sequence

import dagster as dg

from checkout_assets.assets.dagster_internals import backfills_under_way, unfinished_runs
from checkout_assets.assets.failed_months import months_given_up
from checkout_assets.assets.order_tables import (
    month_of_partition,
    monthly_partitions,
    order_table_key,
    partition_of_month,
)
from checkout_assets.assets.partitions import RANGE_END, RANGE_START, partition_range_of
from checkout_assets.domain.compaction.months import Month, month_ranges, months_between
from checkout_assets.domain.counting import in_number
from checkout_assets.domain.errors import MigrationError
from checkout_assets.resources.order_tables import OrderTablesResource
from spark_jobs.contract.order_types import OrderType
from spark_jobs.stores import StoreError

_MOST_TRIES = 3
"""Runs in which a month may fail with transient errors."""

_MOST_NAMED = 12
_TABLES = frozenset(map(order_table_key, OrderType))

compact_months_job = dg.define_asset_job(
    "compact_analysts_tables",
    selection=dg.AssetSelection.assets(*_TABLES),
    description="Bring months of the analysts' tables up to date; only stale and missing months "
    "are written.",
    tags={"engine": "compact"},
)


def build_compact_stale_months(first_month: str) -> dg.ScheduleDefinition:
    """Build the schedule; ``first_month`` is that of the partitions."""
    partitions = monthly_partitions(first_month)

    @dg.schedule(
        name="compact_stale_months",
        job=compact_months_job,
        cron_schedule="0 3 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description=(
            "Every day at 03:00 UTC: compact the months of the analysts' tables that are stale or "
            "missing, a run per range of months without a gap. Months of queued and running runs "
            "are left out, and those that failed permanently or in three runs, until a folder of "
            "theirs is structured again. Off until somebody turns it on."
        ),
    )
    def compact_stale_months(
        context: dg.ScheduleEvaluationContext, order_tables: OrderTablesResource
    ) -> list[dg.RunRequest] | dg.SkipReason:
        instance, at = context.instance, context.scheduled_execution_time
        if backfills_under_way(instance, _TABLES):
            return dg.SkipReason("A backfill of the analysts' tables is under way.")
        try:
            due, left_out = _due_months(instance, order_tables)
        except (MigrationError, StoreError) as error:
            if error.failure is None or not error.failure.transient:
                raise
            return dg.SkipReason(str(error))
        keys = partitions.get_partition_keys(current_time=at)
        months = due & set(map(month_of_partition, keys)) - _busy_months(unfinished_runs(instance))
        if not months:
            return dg.SkipReason(f"No month is stale or missing that no run is at.{left_out}")
        if left_out:
            context.log.warning(left_out.strip())
        return [_requested(first, last, f"{at:%Y-%m-%d}") for first, last in month_ranges(months)]

    return compact_stale_months


def _due_months(
    instance: dg.DagsterInstance, order_tables: OrderTablesResource
) -> tuple[set[Month], str]:
    """Return the months that are stale or missing in a table, and a sentence on those given up."""
    engine = order_tables.engine()
    due: set[Month] = set()
    told: list[str] = []
    for order_type in OrderType:
        found = engine.status(order_type).items()
        own = {partition_of_month(month): each for month, each in found if each.state.is_due}
        hopeless = months_given_up(instance, order_table_key(order_type), own, _MOST_TRIES)
        due.update(map(month_of_partition, own.keys() - hopeless))
        told += [f"{order_type.table} {month_of_partition(each)}" for each in sorted(hopeless)]
    return due, _told_given_up(told)


def _told_given_up(months: Sequence[str]) -> str:
    if not months:
        return ""
    more = f" and {len(months) - _MOST_NAMED:,} more" if len(months) > _MOST_NAMED else ""
    named = f"{', '.join(months[:_MOST_NAMED])}{more}"
    failed = in_number(len(months), " # month[|s] failed before and [is|are] not tried again")
    return f"{failed} until a folder of the month is structured again: {named}."


def _busy_months(runs: Iterable[dg.DagsterRun]) -> set[Month]:
    """Return the months of the runs that compact."""
    busy: set[Month] = set()
    for run in runs:
        asked = partition_range_of(run)
        if asked and _TABLES & _assets_of(run):
            busy.update(months_between(*map(month_of_partition, asked)))
    return busy


def _assets_of(run: dg.DagsterRun) -> frozenset[dg.AssetKey]:
    """Return the assets that a run was asked for; a job's own if none were chosen."""
    own = _TABLES if run.job_name == compact_months_job.name else frozenset()
    return frozenset(run.asset_selection or own)


def _requested(first: Month, last: Month, day: str) -> dg.RunRequest:
    """Return a run's request; its key keeps Dagster from launching it twice on that day."""
    return dg.RunRequest(
        run_key=f"{day} {first}..{last}",
        tags={RANGE_START: partition_of_month(first), RANGE_END: partition_of_month(last)},
    )
