"""The external assets of the two tables that ``structured_orders`` publishes into."""

import dagster as dg

from checkout_assets.assets.partitions import OWNERS
from checkout_assets.assets.structured_orders import STRUCTURED_ORDERS, column_schema
from checkout_assets.assets.uris import absolute_uri
from spark_jobs.contract.keys import table_prefix
from spark_jobs.contract.order_types import OrderType

_DATABASE = "consumable_tables"


def table_key(order_type: OrderType) -> dg.AssetKey:
    """The key of a table's asset, such as ``consumable_tables/checkout``."""
    return dg.AssetKey([_DATABASE, order_type.table])


def table_spec(order_type: OrderType, lake_uri: str) -> dg.AssetSpec:
    """A table with its name, its place and its columns."""
    return dg.AssetSpec(
        table_key(order_type),
        deps=[STRUCTURED_ORDERS],
        group_name="migration",
        owners=OWNERS,
        kinds={"parquet", "table"},
        tags={"layer": "lake"},
        metadata={
            "dagster/table_name": f"{_DATABASE}.{order_type.table}",
            "dagster/column_schema": column_schema(order_type),
            "dagster/uri": absolute_uri(lake_uri, table_prefix(order_type.table)),
        },
        description=(
            f"One row per {order_type} document, by YEAR, MONTH and DAY. structured_orders "
            "publishes its files; every reconciliation records how many rows the publication "
            "records name."
        ),
    )
