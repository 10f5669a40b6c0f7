"""The demo's event log: Dagster's SQLite storage with persistent connections.

In Dagster's own storage each event of an asset first fails to insert the asset, and each check's
event looks up its table in the schema.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property

import dagster as dg
import sqlalchemy as db

from checkout_assets.demo.dagster_internals import ConsolidatedSqliteEventLogStorage
from checkout_assets.demo.pooled_sqlite import pooled_engine
from checkout_assets.storage.dagster_internals import AssetKeyTable, SqlEventLogStorageTable
from checkout_assets.storage.event_batches import BatchedEventLogStorage, Stored

_INSERT = SqlEventLogStorageTable.insert()
"""Its values are parameters, so that the statement is compiled once."""

_ASSET = AssetKeyTable.insert()
_ASSET_SEEN = AssetKeyTable.update().where(AssetKeyTable.c.asset_key == db.bindparam("of_asset"))


class PooledSqliteEventLogStorage(BatchedEventLogStorage, ConsolidatedSqliteEventLogStorage):
    """Stores the events of all runs in one SQLite database over pooled connections."""

    @cached_property
    def _engine(self) -> db.Engine:
        return pooled_engine(self._conn_string)

    @contextmanager
    def _connection(self) -> Iterator[db.Connection]:
        """A transaction on a pooled connection; Dagster's storage runs every statement in one."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    _transaction = _connection

    def _insert(
        self, connection: db.Connection, events: Sequence[dg.EventLogEntry]
    ) -> list[Stored]:
        """Insert the events in two statements; after the first one no other process can write."""
        rows = [self._event_to_row(event) for event in events]
        first = connection.execute(_INSERT, rows[0]).lastrowid
        stored = [
            Stored(first + place, event, row)
            for place, (event, row) in enumerate(zip(events, rows, strict=True))
        ]
        if stored[1:]:
            connection.execute(_INSERT, [each.row | {"id": each.id} for each in stored[1:]])
        return stored

    def _store_asset_event(
        self, conn: db.Connection, event: dg.EventLogEntry, event_id: int
    ) -> None:
        """Update the asset's row, or insert it.

        Dagster's own method inserts first: an error for every event of an asset but the first.
        """
        values = self._get_asset_entry_values(event, event_id, has_asset_key_index_cols=True)
        key = event.get_dagster_event().asset_key
        if not values or key is None:
            return
        asset = key.to_string()
        if not conn.execute(_ASSET_SEEN, values | {"of_asset": asset}).rowcount:
            conn.execute(_ASSET, values | {"asset_key": asset})

    def dispose(self) -> None:
        """Close the connections."""
        super().dispose()  # type: ignore[no-untyped-call]
        self._engine.dispose()
