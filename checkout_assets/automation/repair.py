"""The job ``repair_folders``: copy and structure any list of folders in one run.

A Dagster range cannot skip keys, so retrying scattered folders by partition would cost a run each.
"""

from collections.abc import Sequence

import dagster as dg
from pydantic import Field

from checkout_assets.assets.migration import POOL, Migration
from checkout_assets.assets.reconciliation_page import last_red
from checkout_assets.assets.scheduled_repairs import REPAIR_JOB, REPAIR_OP
from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.folders import Folder, select_folders, words_for
from checkout_assets.resources.engines import CopyEngineResource, StructureEngineResource

RED = "red"
"""Stands for all folders that were red at the last reconciliation."""


class RepairConfig(dg.Config):
    """Which folders to repair, and how far."""

    folders: list[str] = Field(
        default=[RED],
        description="names, ranges and red: 00_CheckoutOrder, "
        "E9_FulfillmentOrder..ED_FulfillmentOrder; red means the folders that were red at the "
        "last reconciliation",
    )
    copy_them: bool = Field(default=True, description="copy what is missing or different")
    structure_them: bool = Field(default=True, description="structure what is copied")


def _chosen(instance: dg.DagsterInstance, asked: Sequence[str]) -> tuple[Folder, ...]:
    """Return the requested folders; none if ``red`` was requested alone and no folder is red."""
    named = [each for each in asked if each != RED]
    try:
        red = _red(instance) if RED in asked else ()
        if asked and not named and not red:
            return ()
        return select_folders([*named, *words_for(red)])
    except UsageError as error:
        raise dg.Failure(description=str(error), allow_retries=False) from None


def _red(instance: dg.DagsterInstance) -> tuple[Folder, ...]:
    red = last_red(instance)
    if red is None:
        raise UsageError(
            "No reconciliation says which folders are red: materialize reconciliation first, or "
            "name folders."
        )
    return red


_DESCRIPTION = (
    "Copy and structure any list of folders in one engine call each; folders that fail do not "
    "affect the others."
)
_IN_LAUNCHPAD = dg.RunConfig(ops={REPAIR_OP: RepairConfig()})
"""The Launchpad's initial config."""


def build_repair_folders(migration: Migration) -> dg.JobDefinition:
    """Build the job; every folder is reported by its partition of the assets."""

    @dg.op(
        name=REPAIR_OP,
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
        folders = _chosen(context.instance, config.folders)
        if not folders:
            context.log.info("No folder was red at the last reconciliation: nothing to repair.")
            return
        copying = copy_engine if config.copy_them else None
        structuring = structure_engine if config.structure_them else None
        for _ in migration.run(context, folders, copying, structuring):
            pass  # a job has no partition: the events were logged already

    @dg.job(
        name=REPAIR_JOB,
        description=_DESCRIPTION,
        tags={"engine": "repair"},
        config=_IN_LAUNCHPAD,
        executor_def=dg.in_process_executor,
    )
    def repair_folders() -> None:
        repair()

    return repair_folders
