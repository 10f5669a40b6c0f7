"""The demo's event log: Dagster's SQLite storage, with an engine that is kept.

Dagster's own makes an engine and a connection per statement. A new engine has no compiled
statements, so each of the thousands of events of a backfill compiles three again, and each check's
event looks into the schema for its table.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import sqlalchemy as db

from checkout_assets.demo.dagster_internals import (
    SQLITE_BUSY_TIMEOUT_SECONDS,
    ConsolidatedSqliteEventLogStorage,
)


class PooledSqliteEventLogStorage(ConsolidatedSqliteEventLogStorage):
    """Stores the events of all runs in one SQLite database over pooled connections."""

    @cached_property
    def _engine(self) -> db.Engine:
        engine = db.create_engine(
            self._conn_string, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS}
        )
        db.event.listen(engine, "connect", _without_disk_sync)
        return engine

    @cached_property
    def _tables(self) -> set[str]:
        return set()

    @contextmanager
    def _connect(self) -> Iterator[db.Connection]:
        """A transaction on a pooled connection; Dagster's storage runs every statement in one."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    def has_table(self, table_name: str) -> bool:
        """Whether the table exists; tables are never dropped, so a yes is remembered."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def dispose(self) -> None:
        """Close the connections."""
        super().dispose()  # type: ignore[no-untyped-call]
        self._engine.dispose()


def _without_disk_sync(connection: Any, _: object) -> None:
    """Commit without fsync: a killed process loses nothing, a power cut the last commits."""
    connection.execute("PRAGMA synchronous=NORMAL")
