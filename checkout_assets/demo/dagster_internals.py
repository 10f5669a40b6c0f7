"""Private parts of Dagster that the demo needs, with the reasons.

Dagster has no public way to run a backfill in one process without its daemon, and none to change
how its SQLite storage connects (what comes from its storage).
"""

from dagster._core.execution.backfill import (
    BULK_ACTION_TERMINAL_STATUSES,
    BulkActionStatus,
    PartitionBackfill,
)
from dagster._core.launcher.sync_in_memory_run_launcher import SyncInMemoryRunLauncher
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.run_coordinator import DefaultRunCoordinator
from dagster._core.storage.event_log import ConsolidatedSqliteEventLogStorage
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.backfill import execute_backfill_iteration
from dagster._serdes import ConfigurableClassData

__all__ = [
    "BULK_ACTION_TERMINAL_STATUSES",
    "SQLITE_BUSY_TIMEOUT_SECONDS",
    "BulkActionStatus",
    "ConfigurableClassData",
    "ConsolidatedSqliteEventLogStorage",
    "DefaultRunCoordinator",
    "InProcessCodeLocationOrigin",
    "InProcessWorkspaceLoadTarget",
    "LoadableTargetOrigin",
    "NoOpComputeLogManager",
    "PartitionBackfill",
    "SqliteRunStorage",
    "SyncInMemoryRunLauncher",
    "WorkspaceProcessContext",
    "execute_backfill_iteration",
]  # fmt: skip
