"""The external asset ``source_orders``: the folders that are copied."""

import dagster as dg

from checkout_assets.assets.partitions import FOLDERS, OWNERS
from checkout_assets.assets.uris import absolute_uri

SOURCE_ORDERS = dg.AssetKey("source_orders")


def source_spec(source_uri: str) -> dg.AssetSpec:
    """The source: the same 512 partitions, written by the live platform."""
    return dg.AssetSpec(
        SOURCE_ORDERS,
        partitions_def=FOLDERS,
        group_name="migration",
        owners=OWNERS,
        kinds={"s3", "json"},
        tags={"layer": "source"},
        metadata={"dagster/uri": absolute_uri(source_uri)},
        description=(
            "The 512 folders of order documents that everything is copied from. Nothing here "
            "writes to it.\n\n"
            "Every reconciliation records what it listed; a folder whose number of objects "
            "changed since the last one is recorded by itself."
        ),
    )
