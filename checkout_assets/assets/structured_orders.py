"""The asset ``structured_orders``: each folder's documents as rows of the tables."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from checkout_assets.assets.folder_run import FolderEvents
from checkout_assets.assets.partitions import FOLDERS, OWNERS
from checkout_assets.assets.raw_orders import RAW_ORDERS
from checkout_assets.assets.uris import absolute_uri
from checkout_assets.domain.anomalies import (
    DEFAULT_ALLOWANCE,
    FolderAllowance,
    structured_rules,
)
from spark_jobs.contract.keys import quarantine_prefix, table_prefix
from spark_jobs.contract.order_types import OrderType
from spark_jobs.contract.publication import SCHEMA_VERSION
from spark_jobs.contract.totals import StructureTotals
from spark_jobs.schema import table_columns

if TYPE_CHECKING:
    from checkout_assets.engines.structuring.spark_engine import StructuredFolder

STRUCTURED_ORDERS = dg.AssetKey("structured_orders")


def structured_spec(lake_uri: str) -> dg.AssetSpec:
    """Build the asset's spec."""
    return dg.AssetSpec(
        STRUCTURED_ORDERS,
        deps=[RAW_ORDERS],
        partitions_def=FOLDERS,
        skippable=True,
        group_name="migration",
        owners=OWNERS,
        kinds={"spark", "parquet"},
        tags={"layer": "lake"},
        metadata={
            "dagster/column_schema": column_schema(OrderType.FULFILLMENT),
            "dagster/uri": absolute_uri(lake_uri),
        },
        code_version=f"schema-{SCHEMA_VERSION}",
        description=(
            "Every document of raw as one row of the tables checkout and fulfillment, by YEAR, "
            "MONTH and DAY; what is not an order is in quarantine with its bytes.\n\n"
            "A partition is a folder. It is materialized if and only if the number of documents "
            "equals rows plus quarantine and its files are published. A check counts as passed "
            "when it passes for all 512 folders; one that warns names its folders under Partitions."
        ),
    )


def describe_structured(
    structured: "StructuredFolder",
    allowance: FolderAllowance = DEFAULT_ALLOWANCE,
    lake_uri: str = "",
) -> FolderEvents:
    """Return Dagster's events for a folder that was structured, or was not."""
    totals = structured.totals
    folder = structured.folder
    metadata: dict[str, Any] = {
        **_counts(totals),
        "files": structured.files,
        "bytes_read": totals.total_bytes,
        "seconds": structured.seconds,
        "attempts": structured.attempts,
        "run_id": structured.run_id,
        "table": _path(lake_uri, table_prefix(folder.order_type.table)),
        "quarantine": _path(lake_uri, quarantine_prefix(folder.name)),
    }
    if structured.host:
        metadata["cluster"] = structured.host
    return FolderEvents(metadata, [rule.judge(totals) for rule in structured_rules(allowance)])


def _path(lake_uri: str, key: str) -> dg.PathMetadataValue:
    return dg.MetadataValue.path(absolute_uri(lake_uri, key))


def _counts(totals: StructureTotals) -> dict[str, Any]:
    """Return the counts of the folder's documents, the most important first."""
    return {
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
        "unknown_fields": dg.MetadataValue.json(totals.unknown_fields),
        "card_numbers": sum(totals.card_numbers.values()),
        "dated_by_creation": totals.dated_by_creation,
        "implausible_dates": sum(totals.implausible_dates.values()),
        "emptied": totals.emptied,
        "vanished_rows": totals.vanished_rows,
    }


def column_schema(order_type: OrderType) -> dg.TableSchema:
    """Return the columns of a table; checkout lacks two that only fulfillment documents have."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(column.name, column.ddl, description=column.meaning)
            for column in table_columns(order_type.table)
        ]
    )
