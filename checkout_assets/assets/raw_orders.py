"""The asset ``raw_orders``: the copy of each folder, byte for byte, under safe keys."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg

from checkout_assets.assets.folder_run import FolderReport, FolderRun
from checkout_assets.assets.partitions import FOLDERS
from checkout_assets.domain.anomalies import RAW_RULES, Finding
from checkout_assets.domain.folders import Folder
from checkout_assets.resources.engines import LocalCopyEngine

if TYPE_CHECKING:
    from checkout_assets.engines.copying.engine import FolderCopied

RAW_ORDERS = dg.AssetKey("raw_orders")


def build_raw_orders(folders_per_run: int, runbook_url: str) -> dg.AssetsDefinition:
    """The asset, whose backfills run ``folders_per_run`` folders in one engine call."""

    @dg.multi_asset(
        name="raw_orders",
        specs=[
            dg.AssetSpec(
                RAW_ORDERS,
                partitions_def=FOLDERS,
                skippable=True,
                group_name="migration",
                owners=["team:data-platform"],
                kinds={"s3", "json"},
                description=(
                    "Order documents copied from the source bucket, byte for byte.\n\n"
                    "A partition is a folder. It is materialized if and only if every object of "
                    "it was copied and an independent listing of raw agreed."
                ),
                tags={"layer": "raw"},
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(
                rule.name, asset=RAW_ORDERS, partitions_def=FOLDERS, description=rule.description
            )
            for rule in RAW_RULES
        ],
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.multi_run(folders_per_run),
        op_tags={"engine": "copy"},
    )
    def raw_orders(
        context: dg.AssetExecutionContext, copy_engine: LocalCopyEngine
    ) -> Iterator[Any]:
        folders = [Folder.parse(key) for key in context.partition_keys]
        run = FolderRun(context.op_execution_context, RAW_ORDERS, runbook_url)
        run.execute(copy_engine.engine(), folders, describe_copied)
        # A generator that yields nothing: Dagster would add blank events of its own.
        yield from ()

    return raw_orders


def describe_copied(copied: "FolderCopied") -> FolderReport:
    """What Dagster shows of a copied folder."""
    findings: list[Finding] = [rule.judge(copied.facts) for rule in RAW_RULES]
    return FolderReport(metadata=_metadata(copied), findings=findings)


def _metadata(copied: "FolderCopied") -> dict[str, Any]:
    return {}
