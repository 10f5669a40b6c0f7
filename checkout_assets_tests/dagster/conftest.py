"""A temporary Dagster instance, and access to what it has stored."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run

from checkout_assets.assets.migration import Migration, build_migration
from checkout_assets.assets.runbook import Runbook
from checkout_assets.domain.folders import FOLDER_NAMES
from checkout_assets_tests.dagster.engines import OddCopyEngine, OddStructureEngine
from checkout_assets_tests.dagster_files import DagsterFiles

FIRST_16 = list(FOLDER_NAMES[:16])
RUNBOOK = Runbook("http://127.0.0.1/runbook.html")
MIGRATION = build_migration(Migration(RUNBOOK), 32)


class Dagster:
    """Runs assets over a range of folders and returns what the instance has stored."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance

    def run(
        self,
        assets: str,
        engines: Mapping[str, Any],
        folders: list[str] | None = None,
        migration: dg.AssetsDefinition = MIGRATION,
    ) -> dg.ExecuteInProcessResult:
        """One ranged run of assets, by their names, as a backfill makes it."""
        chosen = folders or FIRST_16
        tags = {
            "dagster/asset_partition_range_start": chosen[0],
            "dagster/asset_partition_range_end": chosen[-1],
        }
        return self.materialize(assets, engines, migration, tags=tags)

    def materialize(
        self,
        assets: str,
        engines: Mapping[str, Any],
        migration: dg.AssetsDefinition = MIGRATION,
        others: Sequence[dg.AssetsDefinition] = (),
        **options: Any,
    ) -> dg.ExecuteInProcessResult:
        """Any run of assets, by their names."""
        return dg.materialize(
            [migration, *others],
            selection=assets.split(),
            instance=self.instance,
            resources={
                "copy_engine": OddCopyEngine.of(),
                "structure_engine": OddStructureEngine.of(),
                **engines,
            },
            raise_on_error=False,
            **options,
        )

    def repeat(
        self,
        first_run_id: str,
        copy_engine: OddCopyEngine,
        tags: Mapping[str, str],
        folders: Sequence[str] = FIRST_16,
    ) -> dg.DagsterRun:
        """A run of ``raw_orders`` over these folders that repeats another; as it ended."""
        job = (
            dg.Definitions(
                assets=[MIGRATION],
                resources={"copy_engine": copy_engine, "structure_engine": OddStructureEngine.of()},
                executor=dg.in_process_executor,
            )
            .resolve_implicit_global_asset_job_def()
            .get_subset(asset_selection={dg.AssetKey("raw_orders")})
        )
        of_range = {
            "dagster/asset_partition_range_start": folders[0],
            "dagster/asset_partition_range_end": folders[-1],
        }
        run = self.instance.create_run_for_job(
            job, tags={**of_range, **tags}, root_run_id=first_run_id, parent_run_id=first_run_id
        )
        execute_run(InMemoryJob(job), run, self.instance)
        ended = self.instance.get_run_by_id(run.run_id)
        assert ended is not None
        return ended

    def materialized(self, asset: str) -> set[str]:
        return set(self.instance.get_materialized_partitions(dg.AssetKey(asset)))

    def materializations(self, asset: str) -> list[dg.AssetMaterialization]:
        records = self.instance.fetch_materializations(dg.AssetKey(asset), limit=1000).records
        return [record.asset_materialization for record in records if record.asset_materialization]

    def checks(self, asset: str, name: str) -> dict[str, Any]:
        """The latest evaluation of a check, by partition."""
        key = dg.AssetCheckKey(dg.AssetKey(asset), name)
        records = self.instance.event_log_storage.get_asset_check_execution_history(key, limit=1000)
        found = {}
        for record in reversed(records):
            if record.event is not None and record.event.dagster_event is not None:
                data: Any = record.event.dagster_event.event_specific_data
                if hasattr(data, "passed"):
                    found[data.partition] = data
        return found

    def failure(self, result: dg.ExecuteInProcessResult, step: str = "migrate_folders") -> Any:
        """The step's failure data as the UI shows it."""
        (event,) = [
            entry.dagster_event
            for entry in self.instance.all_logs(result.run_id)
            if entry.dagster_event and entry.dagster_event.is_step_failure
        ]
        assert event.step_key == step
        return event.step_failure_data.user_failure_data


@pytest.fixture
def in_memory() -> Iterator[Dagster]:
    """An instance that writes no file, and retries failed runs."""
    retries = {"run_retries": {"enabled": True, "max_retries": 2}}
    with dg.DagsterInstance.ephemeral(settings=retries) as instance:
        yield Dagster(instance)


@pytest.fixture
def dagster(tmp_path: Path, dagster_files: DagsterFiles) -> Iterator[Dagster]:
    """A real instance, on SQLite in a temporary directory."""
    with dagster_files.instance(tmp_path) as instance:
        yield Dagster(instance)
