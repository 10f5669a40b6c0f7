"""Private parts of Dagster that its storages need, with the reasons.

Dagster has no public way to change how its storages connect and store batches of events.
"""

from dagster._core.event_api import EventLogCursor
from dagster._core.events import ASSET_CHECK_EVENTS, ASSET_EVENTS
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log import SqlEventLogStorage, SqlEventLogStorageTable
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, AssetKeyTable
from dagster._serdes import ConfigurableClassData

__all__ = [
    "ASSET_CHECK_EVENTS",
    "ASSET_EVENTS",
    "AssetCheckExecutionRecordStatus",
    "AssetCheckExecutionsTable",
    "AssetKeyTable",
    "ConfigurableClassData",
    "EventLogCursor",
    "SqlEventLogStorage",
    "SqlEventLogStorageTable",
]
