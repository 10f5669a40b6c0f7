"""The asset ``raw_orders``: the copy of each folder, byte for byte, under safe keys."""

from typing import TYPE_CHECKING, Any

import dagster as dg

from checkout_assets.assets.folder_run import FolderEvents
from checkout_assets.assets.partitions import FOLDERS, OWNERS
from checkout_assets.assets.source_orders import SOURCE_ORDERS
from checkout_assets.assets.uris import absolute_uri
from checkout_assets.domain.anomalies import RAW_RULES
from spark_jobs.contract.completion import CompletionRecord
from spark_jobs.contract.keys import manifest_part_key
from spark_jobs.contract.words import ObjectKind, Status

if TYPE_CHECKING:
    from checkout_assets.engines.copying.engine import FolderCopied

RAW_ORDERS = dg.AssetKey("raw_orders")


def raw_spec(raw_uri: str) -> dg.AssetSpec:
    """Build the asset's spec."""
    return dg.AssetSpec(
        RAW_ORDERS,
        deps=[SOURCE_ORDERS],
        partitions_def=FOLDERS,
        skippable=True,
        group_name="migration",
        owners=OWNERS,
        kinds={"s3", "json"},
        tags={"layer": "raw"},
        metadata={"dagster/uri": absolute_uri(raw_uri)},
        code_version=f"manifest-{CompletionRecord.FORMAT_VERSION}",
        description=(
            "Every object of the source, copied byte for byte under safe keys.\n\n"
            "A partition is a folder. It is materialized if and only if all its objects were "
            "copied and an independent listing of raw agreed. A check counts as passed when it "
            "passes for all 512 folders; one that warns names its folders under Partitions."
        ),
    )


def describe_copied(copied: "FolderCopied", raw_uri: str = "") -> FolderEvents:
    """Return Dagster's events for a folder that was copied, or was not."""
    facts = copied.facts
    metadata: dict[str, Any] = {
        "objects": facts.in_raw,
        "bytes": facts.total_bytes,
        "documents": facts.kind(ObjectKind.DOCUMENT),
        "nested": facts.kind(ObjectKind.NESTED),
        "side_objects": facts.kind(ObjectKind.SIDE),
        "copied": facts.status(Status.COPIED),
        "present": facts.status(Status.PRESENT),
        "vanished": facts.status(Status.VANISHED),
        "newer": facts.newer,
        "escaped_names": facts.escaped,
        "missing_on_source": facts.missing_on_source,
        "uncompared": facts.uncompared,
        "seconds": copied.seconds,
    }
    if copied.record is not None:
        record = copied.record
        metadata["copy_id"] = record.copy_id
        metadata["manifest"] = dg.MetadataValue.path(
            absolute_uri(raw_uri, manifest_part_key(record.folder, record.copy_id, ""))
        )
    if copied.host:
        metadata |= {"attempts": copied.attempts, "instance": copied.host}
    return FolderEvents(metadata, [rule.judge(facts) for rule in RAW_RULES])
