"""The asset ``structured_orders``: each folder's documents as rows of the tables."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg

from checkout_assets.assets.folder_run import FolderReport, FolderRun
from checkout_assets.assets.partitions import FOLDERS, OWNERS, folder_checks
from checkout_assets.assets.raw_orders import RAW_ORDERS
from checkout_assets.assets.runbook import Runbook
from checkout_assets.domain.anomalies import (
    DEFAULT_ALLOWANCE,
    STRUCTURED_RULES,
    QuarantineAllowance,
    structured_rules,
)
from checkout_assets.domain.folders import Folder
from checkout_assets.resources.engines import StructureEngineResource
from spark_jobs.contract.keys import quarantine_prefix, table_prefix
from spark_jobs.contract.order_types import OrderType
from spark_jobs.schema import table_columns

if TYPE_CHECKING:
    from checkout_assets.engines.structuring.spark_engine import StructuredFolder

STRUCTURED_ORDERS = dg.AssetKey("structured_orders")

POOL = "structure"
"""Limited by the instance, see docs/deploy/dagster.yaml: each run of it may be a cluster."""


def build_structured_orders(
    folders_per_run: int,
    runbook: Runbook,
    lake_uri: str = "",
    allowance: QuarantineAllowance = DEFAULT_ALLOWANCE,
) -> dg.AssetsDefinition:
    """The asset, whose backfills run ``folders_per_run`` folders in one Spark job."""

    @dg.multi_asset(
        name="structured_orders",
        specs=[
            dg.AssetSpec(
                STRUCTURED_ORDERS,
                deps=[RAW_ORDERS],
                partitions_def=FOLDERS,
                skippable=True,
                group_name="migration",
                owners=OWNERS,
                kinds={"spark", "parquet"},
                tags={"layer": "lake"},
                description=(
                    "Every document of raw as one row of the tables checkout and fulfillment, by "
                    "YEAR, MONTH and DAY; what is no order lies in quarantine with its bytes.\n\n"
                    "A partition is a folder. It is materialized if and only if the number of "
                    "documents equals rows plus quarantine and its files are published."
                ),
                metadata={"dagster/column_schema": column_schema(), "dagster/uri": lake_uri},
            )
        ],
        check_specs=folder_checks(STRUCTURED_ORDERS, STRUCTURED_RULES),
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.multi_run(folders_per_run),
        op_tags={"engine": "structure"},
        pool=POOL,
    )
    def structured_orders(
        context: dg.AssetExecutionContext, structure_engine: StructureEngineResource
    ) -> Iterator[Any]:
        folders = [Folder.parse(key) for key in context.partition_keys]
        run = FolderRun(context.op_execution_context, STRUCTURED_ORDERS, runbook)
        run.execute(structure_engine, folders, partial(describe_structured, allowance=allowance))
        yield from ()  # the run has told Dagster all; a yield would add blank events

    return structured_orders


def describe_structured(
    structured: "StructuredFolder", allowance: QuarantineAllowance = DEFAULT_ALLOWANCE
) -> FolderReport:
    """What Dagster shows of a folder that was structured, or was not."""
    totals = structured.totals
    metadata: dict[str, Any] = {
        "dagster/partition_row_count": totals.rows,
        "documents": totals.documents,
        "quarantined": totals.quarantined_documents,
        **{f"quarantined_{reason}": count for reason, count in totals.quarantined.items()},
        "nested": totals.nested,
        "decoded": sum(totals.decoded.values()),
        **{f"decoded_{form}": count for form, count in totals.decoded.items()},
        "rescued_rows": totals.rescued_rows,
        "rescued_values": totals.rescued_values,
        "redacted": sum(totals.redacted.values()),
        "redacted_paths": dg.MetadataValue.json(totals.redacted),
        "cleaned": sum(totals.cleaned.values()),
        "cleaned_paths": dg.MetadataValue.json(totals.cleaned),
        "card_numbers": sum(totals.card_numbers.values()),
        "dated_by_creation": totals.dated_by_creation,
        "emptied": totals.emptied,
        "vanished_rows": totals.vanished_rows,
        "files": structured.files,
        "bytes_read": totals.total_bytes,
        "seconds": structured.seconds,
        "attempts": structured.attempts,
        "run_id": structured.run_id,
        "table": dg.MetadataValue.path(table_prefix(structured.folder.order_type.table)),
        "quarantine": dg.MetadataValue.path(quarantine_prefix(structured.folder.name)),
    }
    if structured.cluster:
        metadata["cluster"] = structured.cluster
    return FolderReport(metadata, [rule.judge(totals) for rule in structured_rules(allowance)])


def column_schema() -> dg.TableSchema:
    """The columns of both tables; checkout lacks the two that only fulfillment documents have."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(column.name, column.ddl, description=column.meaning)
            for column in table_columns(OrderType.FULFILLMENT.table)
        ]
    )
