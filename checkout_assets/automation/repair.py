"""The job ``repair_folders``: copy and structure any list of folders in one run.

A Dagster range cannot skip keys, so retrying scattered folders by partition would cost a run each.
"""

from collections.abc import Sequence

import dagster as dg
from pydantic import Field

from checkout_assets.assets.migration import POOL, Migration
from checkout_assets.assets.runbook import Runbook
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
    runbook: Runbook,
    allowance: QuarantineAllowance = DEFAULT_ALLOWANCE,
    raw_uri: str = "",
    lake_uri: str = "",
) -> dg.JobDefinition:
    """The job; every folder is reported by its partition of the assets."""

    migration = Migration(runbook, allowance, raw_uri, lake_uri)

    @dg.op(
        description="Copy and structure the named folders, each reported by its partition.",
        # It may launch machines, so it is counted with the runs that do.
        pool=POOL,
    )
    def repair(
        context: dg.OpExecutionContext,
        config: RepairConfig,
        copy_engine: CopyEngineResource,
        structure_engine: StructureEngineResource,
    ) -> None:
        told = migration.run(
            context,
            _chosen(config.folders),
            copy_engine if config.copy_them else None,
            structure_engine if config.structure_them else None,
        )
        for _ in told:
            pass  # a job has no partition: its run has told Dagster already

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
