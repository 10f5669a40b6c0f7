"""Run a real Dagster backfill in this process, without daemon or webserver.

Dagster has no public way to do so; these internals are why its version is bound to one minor.
"""

import logging
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from dagster._core.execution.backfill import (
    BULK_ACTION_TERMINAL_STATUSES,
    BulkActionStatus,
    PartitionBackfill,
)
from dagster._core.launcher.sync_in_memory_run_launcher import SyncInMemoryRunLauncher
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.run_coordinator import DefaultRunCoordinator
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.backfill import execute_backfill_iteration

from checkout_assets.domain.errors import MigrationError

LOCATION = "checkout_assets"
"""The code location's name in workspace.yaml: the UI shows these runs as its own."""

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@contextmanager
def in_process_workspace(instance: dg.DagsterInstance) -> Iterator[WorkspaceProcessContext]:
    """The definitions, loaded once and run in this process."""
    origin = InProcessCodeLocationOrigin(
        loadable_target_origin=LoadableTargetOrigin(
            executable_path=sys.executable, module_name="checkout_assets.definitions"
        ),
        location_name=LOCATION,
    )
    with WorkspaceProcessContext(instance, InProcessWorkspaceLoadTarget(origin)) as workspace:
        yield workspace


def run_backfill(workspace: WorkspaceProcessContext, asset: dg.AssetKey, title: str) -> bool:
    """Backfill every partition of one asset; returns whether all its runs succeeded."""
    instance = workspace.instance
    backfill = PartitionBackfill.from_asset_partitions(
        backfill_id=uuid.uuid4().hex[:8],
        asset_graph=workspace.create_request_context().asset_graph,
        partition_names=None,
        asset_selection=[asset],
        backfill_timestamp=time.time(),
        tags={"demo": "true"},
        dynamic_partitions_store=instance,
        all_partitions=True,
        title=title,
        description=None,
        run_config=QUIET,
    )
    instance.add_backfill(backfill)
    logger = logging.getLogger(__name__)
    while True:
        for error in execute_backfill_iteration(workspace, logger):
            if error is not None:
                raise MigrationError(f"The backfill broke: {error.message.strip()}")
        current = instance.get_backfill(backfill.backfill_id)
        if current is not None and current.status in BULK_ACTION_TERMINAL_STATUSES:
            return current.status is BulkActionStatus.COMPLETED_SUCCESS


@contextmanager
def synchronous_runs(instance: dg.DagsterInstance) -> Iterator[None]:
    """Runs start at once in this process instead of being queued for a daemon."""
    launcher, coordinator = SyncInMemoryRunLauncher(), DefaultRunCoordinator()
    launcher.register_instance(instance)
    coordinator.register_instance(instance)
    kept = instance._run_launcher, instance._run_coordinator
    instance._run_launcher, instance._run_coordinator = launcher, coordinator
    try:
        yield
    finally:
        instance._run_launcher, instance._run_coordinator = kept
