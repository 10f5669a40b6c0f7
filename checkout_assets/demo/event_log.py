"""The demo's event log: Dagster's SQLite storage with a persistent engine.

Dagster's own storage creates an engine and a connection per statement. A new engine has no compiled
statements, so each of the thousands of events of a backfill compiles three again, and each check's
event looks up its table in the schema. It also stores the events of a batch one by one, each in two
transactions.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from threading import local
from typing import Any

import dagster as dg
import sqlalchemy as db

from checkout_assets.demo.dagster_internals import (
    ASSET_CHECK_EVENTS,
    ASSET_EVENTS,
    SQLITE_BUSY_TIMEOUT_SECONDS,
    AssetCheckExecutionRecordStatus,
    AssetCheckExecutionsTable,
    ConsolidatedSqliteEventLogStorage,
    SqlEventLogStorageTable,
)

_Values = dict[str, Any]
_INSERT = SqlEventLogStorageTable.insert()
"""Its values are parameters, so that the statement is compiled once."""

_PLAN = AssetCheckExecutionsTable.insert()
_PLANNED = AssetCheckExecutionsTable.c
_EVALUATED = AssetCheckExecutionsTable.update().where(
    _PLANNED.asset_key == db.bindparam("of_asset"),
    _PLANNED.check_name == db.bindparam("of_check"),
    _PLANNED.run_id == db.bindparam("of_run"),
    _PLANNED.partition == db.bindparam("of_partition"),
)
"""Turns the row of a planned check into that of its result; the values are parameters, too."""


class PooledSqliteEventLogStorage(ConsolidatedSqliteEventLogStorage):
    """Stores the events of all runs in one SQLite database over pooled connections.

    A batch of events is one transaction.
    """

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

    @cached_property
    def _storing(self) -> local:
        """The connection on which this thread is storing events."""
        return local()

    @contextmanager
    def _connect(self) -> Iterator[db.Connection]:
        """A transaction on a pooled connection, or the one in which events are being stored.

        Dagster's storage runs every statement in one.
        """
        storing = getattr(self._storing, "connection", None)
        if storing is not None:
            yield storing
            return
        with self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def _one_transaction(self) -> Iterator[db.Connection]:
        """Commit everything together that this thread stores in the body."""
        with self._connect() as connection:
            before = getattr(self._storing, "connection", None)
            self._storing.connection = connection
            try:
                yield connection
            finally:
                self._storing.connection = before

    def has_table(self, table_name: str) -> bool:
        """Whether the table exists; tables are never dropped, so True is remembered."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        """Store all of the events or none."""
        with self._one_transaction():
            for event in events:
                self.store_event(event)

    def store_event(self, event: dg.EventLogEntry) -> None:
        """Store an event with what Dagster derives from it, in one transaction."""
        told = event.dagster_event
        with self._one_transaction() as connection:
            row = self._event_to_row(event)
            event_id = connection.execute(_INSERT, row).lastrowid
            if told and told.event_type in ASSET_EVENTS and told.asset_key:
                self._store_asset_event_tags(connection, [event], [event_id])
                self._store_asset_event(connection, event, event_id)
            if told and told.event_type in ASSET_CHECK_EVENTS:
                self._store_check(connection, event, row, event_id)

    def _store_check(
        self, connection: db.Connection, event: dg.EventLogEntry, row: _Values, event_id: int
    ) -> None:
        """Store a planned check or its result; unplanned results are stored in Dagster's own way.

        ``row`` has the event as text, which both tables store, so that it is built only once.
        """
        told = event.get_dagster_event()
        of_check = {
            "evaluation_event": row["event"],
            "evaluation_event_timestamp": row["timestamp"],
            "evaluation_event_storage_id": event_id,
        }
        if told.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED:
            connection.execute(_PLAN, [of_check | each for each in _planned(told, event.run_id)])
            return
        result = of_check | _result(told, event.run_id)
        if connection.execute(_EVALUATED, result).rowcount != 1:
            self.store_asset_check_event(event, event_id)

    def _has_asset_key_index_cols_on_connection(self, _: db.Connection) -> bool:
        """True: the demo's database has the newer columns of the table of assets.

        Dagster's own method reads the table's definition for each event of an asset.
        """
        return True

    def dispose(self) -> None:
        """Close the connections."""
        super().dispose()  # type: ignore[no-untyped-call]
        self._engine.dispose()


def _planned(told: dg.DagsterEvent, run_id: str) -> list[_Values]:
    """The rows of a planned check, one per partition."""
    planned = told.asset_check_planned_data
    subset = planned.partitions_subset
    return [
        {
            "asset_key": planned.asset_key.to_string(),
            "check_name": planned.check_name,
            "partition": partition,
            "run_id": run_id,
            "execution_status": AssetCheckExecutionRecordStatus.PLANNED.value,
        }
        for partition in (subset.get_partition_keys() if subset else [None])
    ]


def _result(told: dg.DagsterEvent, run_id: str) -> _Values:
    """The values that turn a planned check's row into that of its result."""
    evaluation = told.asset_check_evaluation_data
    target = evaluation.target_materialization_data
    status = AssetCheckExecutionRecordStatus
    return {
        "of_asset": evaluation.asset_key.to_string(),
        "of_check": evaluation.check_name,
        "of_run": run_id,
        "of_partition": evaluation.partition,
        "execution_status": (status.SUCCEEDED if evaluation.passed else status.FAILED).value,
        "materialization_event_storage_id": target.storage_id if target else None,
    }


def _without_disk_sync(connection: Any, _: object) -> None:
    """Commit without fsync: only a power failure can lose the last commits."""
    connection.execute("PRAGMA synchronous=NORMAL")
