"""Run a real Dagster backfill in this process, without daemon or webserver."""

import logging
import sys
import time
import uuid
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg

from checkout_assets.assets.folder_run import engine_seconds
from checkout_assets.demo.dagster_internals import (
    BULK_ACTION_TERMINAL_STATUSES,
    BulkActionStatus,
    DefaultRunCoordinator,
    InProcessCodeLocationOrigin,
    InProcessWorkspaceLoadTarget,
    LoadableTargetOrigin,
    NoOpComputeLogManager,
    PartitionBackfill,
    SyncInMemoryRunLauncher,
    WorkspaceProcessContext,
    execute_backfill_iteration,
)
from checkout_assets.domain.errors import MigrationError

LOCATION = "checkout_assets"
"""The code location's name in workspace.yaml, so that the UI shows these runs."""

_MOST_PARTITIONS = 10_000

_LOGGER = logging.Logger(__name__, logging.CRITICAL + 1)
"""A silent logger: Dagster logs tracebacks of errors that it also returns."""

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class InProcessDagster:
    """Dagster's instance and the definitions; all runs are in this process."""

    def __init__(self, workspace: WorkspaceProcessContext) -> None:
        self._workspace = workspace
        self._instance = workspace.instance

    @staticmethod
    def key(asset: str) -> dg.AssetKey:
        """An asset's key by its name."""
        return dg.AssetKey(asset)

    def backfill(self, assets: Sequence[dg.AssetKey], title: str) -> bool:
        """Backfill every partition of these assets; returns whether all its runs succeeded."""
        backfill = PartitionBackfill.from_asset_partitions(
            backfill_id=uuid.uuid4().hex[:8],
            asset_graph=self._workspace.create_request_context().asset_graph,
            partition_names=None,
            asset_selection=assets,
            backfill_timestamp=time.time(),
            tags={"demo": "true"},
            dynamic_partitions_store=self._instance,
            all_partitions=True,
            title=title,
            description=None,
            run_config=QUIET,
        )
        self._instance.add_backfill(backfill)
        while True:
            for error in execute_backfill_iteration(self._workspace, _LOGGER):
                if error is not None:
                    raise MigrationError(
                        f"The backfill failed: {_first_line(error.message)}. Its databases are in "
                        f"{self._instance.root_directory}."
                    )
            current = self._instance.get_backfill(backfill.backfill_id)
            if current is not None and current.status in BULK_ACTION_TERMINAL_STATUSES:
                return current.status is BulkActionStatus.COMPLETED_SUCCESS

    def materialized(self, assets: Iterable[dg.AssetKey]) -> int:
        """The number of materialized partitions of these assets together."""
        return sum(len(self._instance.get_materialized_partitions(asset)) for asset in assets)

    def partitions(self, assets: Iterable[dg.AssetKey]) -> int:
        """The number of partitions of these assets together."""
        graph = self._workspace.create_request_context().asset_graph
        known = [graph.get(asset).partitions_def for asset in assets]
        return sum(each.get_num_partitions() for each in known if each)

    def sums(self, asset: dg.AssetKey, *names: str) -> dict[str, int]:
        """The sums of these entries in the metadata of an asset's newest materializations."""
        newest = self._instance.fetch_materializations(asset, limit=self.partitions([asset]))
        made = [each.asset_materialization for each in newest.records]
        return {name: sum(_count(each.metadata[name]) for each in made if each) for name in names}

    def reconcile(self) -> dict[str, Any]:
        """Materialize ``reconciliation`` and return its metadata."""
        from checkout_assets.definitions import defs

        ended = defs.resolve_job_def("reconcile").execute_in_process(
            instance=self._instance, run_config=QUIET, raise_on_error=False
        )
        (materialization,) = ended.asset_materializations_for_node("reconciliation")
        return {name: _plain(value) for name, value in materialization.metadata.items()}

    def engine_seconds(self, asset: dg.AssetKey) -> float:
        """The seconds that all runs so far spent in the asset's engine."""
        return sum(engine_seconds(run, asset) for run in self._instance.get_runs())


def _count(value: dg.MetadataValue[Any]) -> int:
    assert isinstance(value, dg.IntMetadataValue)
    return value.value or 0


def _first_line(message: str) -> str:
    return next(iter(message.strip().splitlines()), "Dagster did not say why").removesuffix(".")


def _plain(value: dg.MetadataValue[Any]) -> Any:
    """A metadata value as Python; a table as its rows."""
    if isinstance(value, dg.TableMetadataValue):
        return [dict(record.data) for record in value.records]
    return value.value


@contextmanager
def in_process_dagster() -> Iterator[InProcessDagster]:
    """The instance of DAGSTER_HOME with the definitions loaded once, in this process."""
    origin = InProcessCodeLocationOrigin(
        loadable_target_origin=LoadableTargetOrigin(
            executable_path=sys.executable, module_name="checkout_assets.definitions"
        ),
        location_name=LOCATION,
    )
    with (
        _quiet_warnings(),
        dg.DagsterInstance.get() as instance,
        _synchronous_runs(instance),
        WorkspaceProcessContext(instance, InProcessWorkspaceLoadTarget(origin)) as workspace,
    ):
        yield InProcessDagster(workspace)


@contextmanager
def _quiet_warnings() -> Iterator[None]:
    """Suppress Dagster's warnings about its own code, which do not concern users of the demo."""
    with warnings.catch_warnings():
        # About its own coroutines, when a run starts inside the backfill's event loop.
        warnings.simplefilter("ignore", RuntimeWarning)
        # About a parameter of sensors that its own decorator passes.
        warnings.simplefilter("ignore", dg.BetaWarning)
        yield


@contextmanager
def _synchronous_runs(instance: dg.DagsterInstance) -> Iterator[None]:
    """Start runs at once in this process instead of queueing them for a daemon.

    What they print is not captured, which takes four processes per run: it goes to the terminal.
    """
    replaced: dict[str, Any] = {
        "_run_launcher": SyncInMemoryRunLauncher(),
        "_run_coordinator": DefaultRunCoordinator(),
        "_compute_log_manager": NoOpComputeLogManager(),
    }
    kept = {name: getattr(instance, name) for name in replaced}
    for name, each in replaced.items():
        each.register_instance(instance)
        setattr(instance, name, each)
    try:
        yield
    finally:
        for name, each in kept.items():
            setattr(instance, name, each)
