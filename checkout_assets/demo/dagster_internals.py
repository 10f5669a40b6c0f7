"""Private parts of Dagster that the demo needs, with the reasons.

Dagster has no public way to run a backfill in one process without its daemon, and none to change
how its SQLite storage connects and stores batches of events (what comes from its storage).
"""

from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS
from dagster._core.execution.backfill import (
    BULK_ACTION_TERMINAL_STATUSES,
    BulkActionStatus,
    PartitionBackfill,
)
from dagster._core.launcher.sync_in_memory_run_launcher import SyncInMemoryRunLauncher
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.run_coordinator import DefaultRunCoordinator
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log import (
    ConsolidatedSqliteEventLogStorage,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.backfill import execute_backfill_iteration

__all__ = [
    "ASSET_CHECK_EVENTS",
    "ASSET_EVENTS",
    "BULK_ACTION_TERMINAL_STATUSES",
    "SQLITE_BUSY_TIMEOUT_SECONDS",
    "AssetCheckExecutionRecordStatus",
    "AssetCheckExecutionsTable",
    "BulkActionStatus",
    "ConsolidatedSqliteEventLogStorage",
    "DefaultRunCoordinator",
    "InProcessCodeLocationOrigin",
    "InProcessWorkspaceLoadTarget",
    "LoadableTargetOrigin",
    "PartitionBackfill",
    "SqlEventLogStorageTable",
    "SyncInMemoryRunLauncher",
    "WorkspaceProcessContext",
    "execute_backfill_iteration",
]  # fmt: skip
