"""The assets ``checkout_orders`` and ``fulfillment_orders``: the analysts' tables, by month.

One step for both, so that a run over some months starts Spark once.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from checkout_assets.assets.failed_months import month_failure
from checkout_assets.assets.folder_run import configured, told_as_failure
from checkout_assets.assets.order_table_checks import TABLE_CHECKS, UP_TO_DATE, check_tables
from checkout_assets.assets.partitions import OWNERS
from checkout_assets.assets.retries import allow_run_retries, forbid_run_retries
from checkout_assets.assets.runbook import Runbook
from checkout_assets.assets.structured_orders import STRUCTURED_ORDERS
from checkout_assets.assets.uris import absolute_uri
from checkout_assets.domain.compaction.months import Month
from checkout_assets.domain.counting import part_of
from checkout_assets.engines.compacting.iceberg_schema import described_columns
from checkout_assets.resources.order_tables import OrderTablesResource
from spark_jobs.contract.keys import analysts_table_prefix
from spark_jobs.contract.order_types import OrderType

if TYPE_CHECKING:
    from checkout_assets.engines.compacting.committing import MonthCompacted

_MOST_NAMED = 12


class CompactMonthsConfig(dg.Config):
    """What the launchpad may say of a run over months."""

    rewrite: bool = Field(
        default=False,
        description="Write all months of the run again, also those that are up to date: for the "
        "months that the check analysts_tables_exact names.",
    )


def order_table_key(order_type: OrderType) -> dg.AssetKey:
    """Return the key of an analysts' table's asset, such as ``checkout_orders``."""
    return dg.AssetKey(f"{order_type.table}_orders")


def monthly_partitions(first_month: str) -> dg.MonthlyPartitionsDefinition:
    """Return the partitions from the first month to the current one, which is included."""
    return dg.MonthlyPartitionsDefinition(start_date=f"{first_month}-01", end_offset=1)


def build_order_tables(runbook: Runbook, first_month: str, lake_uri: str) -> dg.AssetsDefinition:
    """Build both assets and their checks; a backfill of any range of months is one run.

    Each run reads all publication records and starts Spark, so several runs would take longer. The
    months of a run end one by one: what a failed run has committed stays.
    """
    partitions = monthly_partitions(first_month)

    @dg.multi_asset(
        name="compact_months",
        specs=[_spec(order_type, partitions, lake_uri) for order_type in OrderType],
        check_specs=[
            dg.AssetCheckSpec(name, asset=order_table_key(order_type), description=description)
            for order_type in OrderType
            for name, description in TABLE_CHECKS.items()
        ],
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.single_run(),
        op_tags={"engine": "compact"},
    )
    def compact_months(
        context: dg.AssetExecutionContext,
        config: CompactMonthsConfig,
        order_tables: OrderTablesResource,
    ) -> Iterator[Any]:
        allow_run_retries(context)
        step = _Step(context, order_tables, runbook)
        yield from step.compact(config.rewrite)
        yield from step.check(Month.parse(first_month))
        step.raise_for_failed()

    return compact_months


class _Step:
    """One run of the step, over the tables and checks that are selected.

    Checks may be selected without their table: then nothing is compacted.
    """

    def __init__(
        self,
        context: dg.AssetExecutionContext,
        order_tables: OrderTablesResource,
        runbook: Runbook,
    ) -> None:
        self._context = context
        self._runbook = runbook
        self._engine = configured(order_tables, context.op_execution_context)
        self._first_run = context.run.root_run_id or context.run_id
        self._run_id = self._first_run if order_tables.attaches_again else context.run_id
        self._failed: list[MonthCompacted] = []
        self._asked = 0

    def compact(self, rewrite: bool) -> Iterator[Any]:
        """Compact the run's months of the selected tables, and report each to Dagster."""
        selected = self._context.selected_asset_keys
        tables = [each for each in OrderType if order_table_key(each) in selected]
        if not tables:
            return
        months = [month_of_partition(each) for each in self._context.partition_keys]
        self._asked = len(months) * len(tables)
        keys = {each.table: order_table_key(each) for each in tables}
        with self._told():
            asked = dict.fromkeys(tables, months)
            for ended in self._engine.run(asked, self._run_id, rewrite=rewrite):
                yield from self._report(keys[ended.contents.table], ended)

    def check(self, first: Month) -> Iterator[dg.AssetCheckResult]:
        """Judge all months of the tables whose checks are selected."""
        selected = self._context.selected_asset_check_keys
        for order_type in OrderType:
            key = order_table_key(order_type)
            if not any(check.asset_key == key for check in selected):
                continue
            with self._told():
                months = self._engine.status(order_type)
            for result in check_tables(key, months, first, self._runbook):
                if dg.AssetCheckKey(key, str(result.check_name)) in selected:
                    yield result

    def raise_for_failed(self) -> None:
        """Raise dg.Failure that names the months that failed; do nothing if there are none."""
        failed = self._failed
        if not failed:
            return
        transient = all(each.failure is not None and each.failure.transient for each in failed)
        if not transient:
            forbid_run_retries(self._context)
        some = failed[:_MOST_NAMED]
        named = ", ".join(f"{each.contents.table} {each.contents.month}" for each in some)
        raise dg.Failure(
            description=f"{part_of(len(failed), self._asked, 'month', ' failed')}: {named}",
            metadata={"runbook": self._runbook.line(UP_TO_DATE)},
            allow_retries=transient,
        )

    def _told(self) -> AbstractContextManager[None]:
        return told_as_failure(self._context.op_execution_context)

    def _report(self, key: dg.AssetKey, ended: "MonthCompacted") -> Iterator[Any]:
        """Report a month: of a single partition as the step's result, else as an event."""
        partition = partition_of_month(ended.contents.month)
        if ended.error:
            self._context.log.error(ended.error)
            self._failed.append(ended)
            self._context.log_event(month_failure(key, partition, ended, self._first_run))
        elif self._context.has_partition_key:
            yield dg.MaterializeResult(asset_key=key, metadata=_metadata(ended))
        else:
            self._context.log_event(
                dg.AssetMaterialization(key, partition=partition, metadata=_metadata(ended))
            )


def month_of_partition(key: str) -> Month:
    """Return the month of a partition key, which is its first day."""
    return Month.parse(key[: len("2018-10")])


def partition_of_month(month: Month) -> str:
    """Return the key of a month's partition, which is its first day."""
    return f"{month}-01"


def _spec(
    order_type: OrderType, partitions: dg.MonthlyPartitionsDefinition, lake_uri: str
) -> dg.AssetSpec:
    return dg.AssetSpec(
        order_table_key(order_type),
        deps=[dg.AssetDep(STRUCTURED_ORDERS, partition_mapping=dg.AllPartitionMapping())],
        partitions_def=partitions,
        skippable=True,
        group_name="analysts",
        owners=OWNERS,
        kinds={"iceberg", "spark"},
        tags={"layer": "lake"},
        metadata={
            "dagster/table_name": f"orders.{order_type.table}",
            "dagster/column_schema": dg.TableSchema(
                columns=[
                    dg.TableColumn(name, ddl, description=meaning)
                    for name, ddl, meaning in described_columns(order_type.table)
                ]
            ),
            "dagster/uri": absolute_uri(lake_uri, analysts_table_prefix(order_type.table)),
        },
        description=(
            f"One row per {order_type} document as an Apache Iceberg table, by month of the "
            "order's date, in few and large files. Made from the published files of "
            "structured_orders; a month that is up to date is left as it is."
        ),
    )


def _metadata(ended: "MonthCompacted") -> Mapping[str, Any]:
    contents = ended.contents
    return {
        "dagster/partition_row_count": contents.rows,
        "found": ended.before.value,
        "folders": len(contents.folders),
        "files_before": len(contents.files),
        "bytes_before": contents.size,
        "files_written": ended.files,
        "bytes_written": ended.size,
        "times_without_zone": sum(ended.unstated.values()),
        "seconds": ended.seconds,
    }
