"""The asset ``raw_orders``: the copy of each folder, byte for byte, under safe keys."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg

from checkout_assets.assets.folder_run import FolderReport, FolderRun
from checkout_assets.assets.partitions import FOLDERS, OWNERS, folder_checks
from checkout_assets.assets.runbook import Runbook
from checkout_assets.domain.anomalies import RAW_RULES
from checkout_assets.domain.folders import Folder
from checkout_assets.resources.engines import CopyEngineResource
from spark_jobs.contract.keys import manifest_part_key
from spark_jobs.contract.words import ObjectKind, Status

if TYPE_CHECKING:
    from checkout_assets.engines.copying.engine import FolderCopied

RAW_ORDERS = dg.AssetKey("raw_orders")

POOL = "copy"
"""Limited by the instance, see docs/deploy/dagster.yaml: each run of it may be an EC2 instance."""


def build_raw_orders(
    folders_per_run: int, runbook: Runbook, raw_uri: str = ""
) -> dg.AssetsDefinition:
    """The asset, whose backfills run ``folders_per_run`` folders in one engine call."""

    @dg.multi_asset(
        name="raw_orders",
        specs=[
            dg.AssetSpec(
                RAW_ORDERS,
                partitions_def=FOLDERS,
                skippable=True,
                group_name="migration",
                owners=OWNERS,
                kinds={"s3", "json"},
                tags={"layer": "raw"},
                metadata={"dagster/uri": raw_uri},
                description=(
                    "Every object of the source, copied byte for byte under safe keys.\n\n"
                    "A partition is a folder. It is materialized if and only if all its objects "
                    "were copied and an independent listing of raw agreed."
                ),
            )
        ],
        check_specs=folder_checks(RAW_ORDERS, RAW_RULES),
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.multi_run(folders_per_run),
        op_tags={"engine": "copy"},
        pool=POOL,
    )
    def raw_orders(
        context: dg.AssetExecutionContext, copy_engine: CopyEngineResource
    ) -> Iterator[Any]:
        folders = [Folder.parse(key) for key in context.partition_keys]
        run = FolderRun(context.op_execution_context, RAW_ORDERS, runbook)
        run.execute(copy_engine, folders, describe_copied)
        yield from ()  # the run has told Dagster all; a yield would add blank events

    return raw_orders


def describe_copied(copied: "FolderCopied") -> FolderReport:
    """What Dagster shows of a folder that was copied, or was not."""
    from checkout_assets.engines.ec2.results import FolderCopiedOnEc2

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
            manifest_part_key(record.folder, record.copy_id, "")
        )
    if isinstance(copied, FolderCopiedOnEc2):
        metadata["attempts"] = copied.attempts
        if copied.instance:
            metadata["instance"] = copied.instance
    return FolderReport(metadata, [rule.judge(facts) for rule in RAW_RULES])
