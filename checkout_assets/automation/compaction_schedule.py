"""The job that compacts months, and the schedule that requests it: off by default."""

from collections.abc import Iterable, Iterator

import dagster as dg

from checkout_assets.assets.dagster_internals import backfills_under_way, unfinished_runs
from checkout_assets.assets.order_tables import (
    month_of_partition,
    monthly_partitions,
    order_table_key,
    partition_of_month,
)
from checkout_assets.assets.partitions import RANGE_END, RANGE_START, partition_range_of
from checkout_assets.domain.compaction.months import Month, month_ranges, months_between
from checkout_assets.domain.errors import MigrationError
from checkout_assets.resources.order_tables import OrderTablesResource
from spark_jobs.contract.order_types import OrderType
from spark_jobs.stores import StoreError

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
            "are left out. Off until somebody turns it on."
        ),
    )
    def compact_stale_months(
        context: dg.ScheduleEvaluationContext, order_tables: OrderTablesResource
    ) -> list[dg.RunRequest] | dg.SkipReason:
        instance, at = context.instance, context.scheduled_execution_time
        backfills = backfills_under_way(instance)
        if any(_TABLES & set(each.asset_selection or _TABLES) for each in backfills):
            return dg.SkipReason("A backfill of the analysts' tables is under way.")
        try:
            due = set(_due_months(order_tables))
        except (MigrationError, StoreError) as error:
            if error.failure is None or not error.failure.transient:
                raise
            return dg.SkipReason(str(error))
        keys = partitions.get_partition_keys(current_time=at)
        months = due & set(map(month_of_partition, keys)) - _busy_months(unfinished_runs(instance))
        if not months:
            return dg.SkipReason("No month is stale or missing that no run is at.")
        return [_requested(first, last, f"{at:%Y-%m-%d}") for first, last in month_ranges(months)]

    return compact_stale_months


def _due_months(order_tables: OrderTablesResource) -> Iterator[Month]:
    """Yield the months that are stale or missing in one of the tables."""
    engine = order_tables.engine()
    for order_type in OrderType:
        for month, status in engine.status(order_type).items():
            if status.state.is_due:
                yield month


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
