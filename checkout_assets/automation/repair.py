"""The job ``repair_folders``: copy and structure any list of folders in one run.

A Dagster range cannot skip keys, so retrying scattered folders by partition would cost a run each.
"""

from collections.abc import Sequence
from functools import partial

import dagster as dg
from pydantic import Field

from checkout_assets.assets.folder_run import FolderRun, raise_for_failed
from checkout_assets.assets.raw_orders import RAW_ORDERS, describe_copied
from checkout_assets.assets.runbook import Runbook
from checkout_assets.assets.structured_orders import POOL, STRUCTURED_ORDERS, describe_structured
from checkout_assets.domain.anomalies import DEFAULT_ALLOWANCE, QuarantineAllowance
from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.folders import Folder, select_folders
from checkout_assets.resources.engines import CopyEngineResource, StructureEngineResource


class RepairConfig(dg.Config):
    """Which folders to repair, and how far."""

    folders: list[str] = Field(
        description="names or ranges: 00_CheckoutOrder, E9_FulfillmentOrder..ED_FulfillmentOrder"
    )
    copy_them: bool = Field(default=True, description="copy what is missing or different")
    structure_them: bool = Field(default=True, description="structure what is copied")


def _chosen(words: Sequence[str]) -> tuple[Folder, ...]:
    try:
        return select_folders(words)
    except UsageError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from None


def build_repair_folders(
    runbook: Runbook, allowance: QuarantineAllowance = DEFAULT_ALLOWANCE
) -> dg.JobDefinition:
    """The job; every folder is reported by its partition of the assets."""

    describe = partial(describe_structured, allowance=allowance)

    @dg.op(
        description="Copy and structure the named folders, each reported by its partition.",
        # It may launch a cluster, so it is counted with the runs that do.
        pool=POOL,
    )
    def repair(
        context: dg.OpExecutionContext,
        config: RepairConfig,
        copy_engine: CopyEngineResource,
        structure_engine: StructureEngineResource,
    ) -> None:
        folders = _chosen(config.folders)
        failed = {}
        if config.copy_them:
            run = FolderRun(context, RAW_ORDERS, runbook)
            failed = run.attempt(copy_engine, folders, describe_copied)
        if config.structure_them:
            copied = [folder for folder in folders if folder not in failed]
            run = FolderRun(context, STRUCTURED_ORDERS, runbook)
            failed |= run.attempt(structure_engine, copied, describe)
        raise_for_failed(failed, len(folders), runbook)

    @dg.job(
        description=(
            "Copy and structure any list of folders in one engine call each; folders that fail "
            "do not fail their neighbours."
        ),
        tags={"engine": "repair"},
        executor_def=dg.in_process_executor,
    )
    def repair_folders() -> None:
        repair()

    return repair_folders
