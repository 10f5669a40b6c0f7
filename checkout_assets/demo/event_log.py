"""The demo's event log: Dagster's SQLite storage with persistent connections.

Dagster's own storage stores the events of a batch one by one, each in several transactions; each
event of an asset first fails to insert the asset, each check's event looks up its table in the
schema, and a materialization that has just been stored is read again for the folder's checks.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from threading import local
from typing import Any

import dagster as dg
import sqlalchemy as db

from checkout_assets.demo.dagster_internals import (
    ASSET_CHECK_EVENTS,
    ASSET_EVENTS,
    AssetCheckExecutionRecordStatus,
    AssetCheckExecutionsTable,
    AssetKeyTable,
    ConsolidatedSqliteEventLogStorage,
    EventLogCursor,
    SqlEventLogStorageTable,
)
from checkout_assets.demo.pooled_sqlite import pooled_engine

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

_PLANNING = frozenset({dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED})
_ASSET = AssetKeyTable.insert()
_ASSET_SEEN = AssetKeyTable.update().where(AssetKeyTable.c.asset_key == db.bindparam("of_asset"))


class PooledSqliteEventLogStorage(ConsolidatedSqliteEventLogStorage):
    """Stores the events of all runs in one SQLite database over pooled connections.

    A batch of events is one transaction.
    """

    @cached_property
    def _engine(self) -> db.Engine:
        return pooled_engine(self._conn_string)

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
        """Store all of the events, with what Dagster derives from them, or none."""
        with self._one_transaction() as connection:
            stored = self._insert(connection, events)
            self._store_of_assets(connection, stored)
            self._store_of_checks(connection, stored)
        self._storing.newest = _materialization(stored[-1])

    def store_event(self, event: dg.EventLogEntry) -> None:
        """Store an event with what Dagster derives from it, in one transaction."""
        self.store_event_batch([event])

    def _insert(
        self, connection: db.Connection, events: Sequence[dg.EventLogEntry]
    ) -> "list[_Stored]":
        """Insert the events in two statements; after the first one no other process can write."""
        rows = [self._event_to_row(event) for event in events]
        first = connection.execute(_INSERT, rows[0]).lastrowid
        stored = [
            _Stored(first + place, event, row)
            for place, (event, row) in enumerate(zip(events, rows, strict=True))
        ]
        if stored[1:]:
            connection.execute(_INSERT, [each.row | {"id": each.id} for each in stored[1:]])
        return stored

    def _store_of_assets(self, connection: db.Connection, stored: "Sequence[_Stored]") -> None:
        """Store tags, and in an asset's row the last event of each type, which is what stays."""
        of_assets = [each for each in stored if each.is_of(ASSET_EVENTS) and each.row["asset_key"]]
        self._store_asset_event_tags(
            connection, [each.event for each in of_assets], [each.id for each in of_assets]
        )
        last = {(each.row["asset_key"], each.row["dagster_event_type"]): each for each in of_assets}
        for each in sorted(last.values(), key=lambda each: each.id):
            self._store_asset_event(connection, each.event, each.id)

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

    def _store_of_checks(self, connection: db.Connection, stored: "Sequence[_Stored]") -> None:
        """Store planned checks and results; unplanned results are stored in Dagster's own way."""
        checks = [each for each in stored if each.is_of(ASSET_CHECK_EVENTS)]
        planned = [row for each in checks if each.is_of(_PLANNING) for row in each.planned()]
        if planned:
            connection.execute(_PLAN, planned)
        results = [each for each in checks if not each.is_of(_PLANNING)]
        if results and self._evaluate(connection, results) != len(results):
            for each in results:
                if self._evaluate(connection, [each]) != 1:
                    self.store_asset_check_event(each.event, each.id)

    @staticmethod
    def _evaluate(connection: db.Connection, results: "Sequence[_Stored]") -> int:
        """Turn planned rows into those of results; returns how many were planned."""
        return connection.execute(_EVALUATED, [each.result() for each in results]).rowcount

    def fetch_materializations(
        self,
        records_filter: dg.AssetKey | dg.AssetRecordsFilter,
        limit: int,
        cursor: str | None = None,
        ascending: bool = False,
    ) -> dg.EventRecordsResult:
        """The materializations; the one that this thread has just stored is not read again.

        A folder's checks ask for it: the newest one of the folder.
        """
        newest: dg.EventLogRecord | None = getattr(self._storing, "newest", None)
        one = limit == 1 and cursor is None and not ascending
        if one and newest is not None and _is_of(newest, records_filter):
            after = EventLogCursor.from_storage_id(newest.storage_id).to_string()
            return dg.EventRecordsResult([newest], after, has_more=True)
        return super().fetch_materializations(records_filter, limit, cursor, ascending)

    def dispose(self) -> None:
        """Close the connections."""
        super().dispose()  # type: ignore[no-untyped-call]
        self._engine.dispose()


@dataclass(frozen=True, slots=True)
class _Stored:
    """An event, its row and the row's id.

    The row has the event as text, which the table of checks stores too, so that it is built once.
    """

    id: int
    event: dg.EventLogEntry
    row: _Values

    def is_of(self, types: Collection[dg.DagsterEventType]) -> bool:
        """Whether it is Dagster's event of one of these types."""
        return self.event.dagster_event_type in types

    def planned(self) -> list[_Values]:
        """The rows of a planned check, one per partition."""
        planned = self.event.get_dagster_event().asset_check_planned_data
        subset = planned.partitions_subset
        return [
            {
                **self._of_check(),
                "asset_key": planned.asset_key.to_string(),
                "check_name": planned.check_name,
                "partition": partition,
                "run_id": self.event.run_id,
                "execution_status": AssetCheckExecutionRecordStatus.PLANNED.value,
            }
            for partition in (subset.get_partition_keys() if subset else [None])
        ]

    def result(self) -> _Values:
        """The values that turn a planned check's row into that of its result."""
        evaluation = self.event.get_dagster_event().asset_check_evaluation_data
        target = evaluation.target_materialization_data
        status = AssetCheckExecutionRecordStatus
        return {
            **self._of_check(),
            "of_asset": evaluation.asset_key.to_string(),
            "of_check": evaluation.check_name,
            "of_run": self.event.run_id,
            "of_partition": evaluation.partition,
            "execution_status": (status.SUCCEEDED if evaluation.passed else status.FAILED).value,
            "materialization_event_storage_id": target.storage_id if target else None,
        }

    def _of_check(self) -> _Values:
        return {
            "evaluation_event": self.row["event"],
            "evaluation_event_timestamp": self.row["timestamp"],
            "evaluation_event_storage_id": self.id,
        }


def _materialization(stored: _Stored) -> dg.EventLogRecord | None:
    """The event as a record, if it is a materialization."""
    if stored.event.asset_materialization is None:
        return None
    return dg.EventLogRecord(storage_id=stored.id, event_log_entry=stored.event)


def _is_of(
    materialization: dg.EventLogRecord, records_filter: dg.AssetKey | dg.AssetRecordsFilter
) -> bool:
    """Whether the filter asks only for this materialization's partition."""
    told = materialization.asset_materialization
    if told is None or told.partition is None:
        return False
    return records_filter == dg.AssetRecordsFilter(
        asset_key=told.asset_key, asset_partitions=[told.partition]
    )
