"""The step that copies and structures folders: ``raw_orders`` and ``structured_orders`` together.

With one step for both, Dagster runs any selection of them, for one folder or a range, as one run,
and a backfill of both in as few runs as possible. With a step for each, its daemon would launch
runs of the second as folders of the first are finished, a few at a time, each with a cluster.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Any

import dagster as dg

from checkout_assets.assets.folder_run import FolderRun, raise_for_failed
from checkout_assets.assets.partitions import folder_checks
from checkout_assets.assets.raw_orders import RAW_ORDERS, describe_copied, raw_spec
from checkout_assets.assets.retries import allow_run_retries, failed_for_good
from checkout_assets.assets.runbook import Runbook
from checkout_assets.assets.structured_orders import (
    STRUCTURED_ORDERS,
    describe_structured,
    structured_spec,
)
from checkout_assets.domain.anomalies import (
    DEFAULT_ALLOWANCE,
    RAW_RULES,
    STRUCTURED_RULES,
    FolderAllowance,
)
from checkout_assets.domain.folders import Folder
from checkout_assets.resources.engines import CopyEngineResource, StructureEngineResource

POOL = "migrate"
"""The pool of all runs that may launch machines; the instance's dagster.yaml limits it."""


class Migration:
    """Copies, structures, or does both, and reports each folder to Dagster."""

    def __init__(
        self,
        runbook: Runbook,
        allowance: FolderAllowance = DEFAULT_ALLOWANCE,
        raw_uri: str = "",
        lake_uri: str = "",
    ) -> None:
        self._runbook = runbook
        self._raw_uri = raw_uri
        self._lake_uri = lake_uri
        self._describe_copied = partial(describe_copied, raw_uri=raw_uri)
        self._describe_structured = partial(
            describe_structured, allowance=allowance, lake_uri=lake_uri
        )

    def specs(self) -> list[dg.AssetSpec]:
        """The specs of both assets."""
        return [raw_spec(self._raw_uri), structured_spec(self._lake_uri)]

    def run(
        self,
        context: dg.OpExecutionContext,
        folders: Sequence[Folder],
        copy_engine: CopyEngineResource | None,
        structure_engine: StructureEngineResource | None,
    ) -> "Iterator[dg.MaterializeResult[Any]]":
        """Yield the results that were not logged; raise dg.Failure with the failed folders.

        Folders that could not be copied are not structured. An engine that is None is skipped. If
        Dagster retries a run by itself, permanent failures are not retried.
        """
        allow_run_retries(context)
        before = failed_for_good(context)
        failed = {folder: before[folder] for folder in folders if folder in before}
        if copy_engine is not None:
            left = [folder for folder in folders if folder not in failed]
            run = FolderRun(context, RAW_ORDERS, self._runbook)
            copied = run.attempt(copy_engine, left, self._describe_copied)
            failed |= copied.failed
            yield from copied.results
        if structure_engine is not None:
            left = [folder for folder in folders if folder not in failed]
            run = FolderRun(context, STRUCTURED_ORDERS, self._runbook)
            structured = run.attempt(structure_engine, left, self._describe_structured)
            failed |= structured.failed
            yield from structured.results
        raise_for_failed(context, failed, len(folders), self._runbook)


def build_migration(migration: Migration, folders_per_run: int) -> dg.AssetsDefinition:
    """Build both assets; their backfills take ``folders_per_run`` folders per run."""

    @dg.multi_asset(
        name="migrate_folders",
        specs=migration.specs(),
        check_specs=[
            *folder_checks(RAW_ORDERS, RAW_RULES),
            *folder_checks(STRUCTURED_ORDERS, STRUCTURED_RULES),
        ],
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.multi_run(folders_per_run),
        op_tags={"engine": "migrate"},
        pool=POOL,
    )
    def migrate_folders(
        context: dg.AssetExecutionContext,
        copy_engine: CopyEngineResource,
        structure_engine: StructureEngineResource,
    ) -> Iterator[Any]:
        selected = _selected(context)
        yield from migration.run(
            context.op_execution_context,
            [Folder.parse(key) for key in context.partition_keys],
            copy_engine if RAW_ORDERS in selected else None,
            structure_engine if STRUCTURED_ORDERS in selected else None,
        )

    return migrate_folders


def _selected(context: dg.AssetExecutionContext) -> AbstractSet[dg.AssetKey]:
    """Return the assets to materialize; raises dg.Failure if only checks are selected."""
    selected: AbstractSet[dg.AssetKey] = context.selected_asset_keys
    if not selected:
        raise dg.Failure(
            description=(
                "A folder's checks are judged when it is copied or structured, and cannot run "
                "alone: materialize the folder again, or reconciliation, which judges all 512."
            ),
            allow_retries=False,
        )
    return selected
