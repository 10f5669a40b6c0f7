"""Store a batch of events in one transaction, whichever database Dagster's storage uses.

Dagster's own storages store the events of a batch one by one, each in several transactions, and
read a materialization that has just been stored again for the folder's checks.
"""

from abc import abstractmethod
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from threading import local
from typing import Any

import dagster as dg
import sqlalchemy as db

from checkout_assets.storage.dagster_internals import (
    ASSET_CHECK_EVENTS,
    ASSET_EVENTS,
    AssetCheckExecutionRecordStatus,
    AssetCheckExecutionsTable,
    EventLogCursor,
    SqlEventLogStorage,
    SqlEventLogStorageTable,
)

Values = dict[str, Any]
"""A row by its columns."""

_NEWEST = db.select(db.func.max(SqlEventLogStorageTable.c.id))

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


class BatchedEventLogStorage(SqlEventLogStorage):
    """Stores a batch of events in one transaction.

    Comes before one of Dagster's own storages among the bases of a class.
    """

    @abstractmethod
    def _connection(self) -> AbstractContextManager[db.Connection]:
        """A connection for Dagster's own statements."""

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[db.Connection]:
        """A connection whose statements are committed together at the end."""

    @abstractmethod
    def _insert(
        self, connection: db.Connection, events: Sequence[dg.EventLogEntry]
    ) -> "list[Stored]":
        """Insert the events in as few statements as possible."""

    @cached_property
    def _tables(self) -> set[str]:
        return set()

    @cached_property
    def _storing(self) -> local:
        """The connection on which this thread is storing events."""
        return local()

    @contextmanager
    def _connect(self) -> Iterator[db.Connection]:
        """A connection, or the one on which this thread is storing events."""
        storing = getattr(self._storing, "connection", None)
        if storing is not None:
            yield storing
            return
        with self._connection() as connection:
            yield connection

    @contextmanager
    def _one_transaction(self) -> Iterator[db.Connection]:
        """Commit everything together that this thread stores in the body."""
        with self._transaction() as connection:
            self._storing.connection = connection
            try:
                yield connection
            finally:
                self._storing.connection = None

    def has_table(self, table_name: str) -> bool:
        """Whether the table exists; tables are never dropped, so True is remembered."""
        if table_name not in self._tables:
            with self._connect() as connection:
                if db.inspect(connection).has_table(table_name):
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

    def _store_of_assets(self, connection: db.Connection, stored: "Sequence[Stored]") -> None:
        """Store tags, and in an asset's row the last event of each type, which is what stays.

        The assets are in the same order in each batch, because two transactions that lock the same
        rows in different orders wait for each other.
        """
        of_assets = [each for each in stored if each.is_of(ASSET_EVENTS)]
        self._store_asset_event_tags(
            connection, [each.event for each in of_assets], [each.id for each in of_assets]
        )
        last = {(each.row["asset_key"], each.row["dagster_event_type"]): each for each in of_assets}
        for each in sorted(last.values(), key=lambda each: (each.row["asset_key"], each.id)):
            self._storing.of_asset = each
            self._store_asset_event(connection, each.event, each.id)

    def _get_asset_entry_values(
        self, event: dg.EventLogEntry, event_id: int, has_asset_key_index_cols: bool
    ) -> Values:
        """The values of the asset's row; a materialization's text is that of its own row.

        Dagster's own method builds it again.
        """
        stored: Stored | None = getattr(self._storing, "of_asset", None)
        if stored is None or stored.event is not event or event.asset_materialization is None:
            return super()._get_asset_entry_values(event, event_id, has_asset_key_index_cols)
        values: Values = {"last_materialization": stored.record(), "last_run_id": event.run_id}
        if has_asset_key_index_cols:
            values["last_materialization_timestamp"] = datetime.fromtimestamp(event.timestamp, UTC)
        return values

    def _store_of_checks(self, connection: db.Connection, stored: "Sequence[Stored]") -> None:
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
    def _evaluate(connection: db.Connection, results: "Sequence[Stored]") -> int:
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

        A folder's checks ask for it: the newest one of the folder. If anything was stored since, by
        any process, it is read.
        """
        newest: dg.EventLogRecord | None = getattr(self._storing, "newest", None)
        one = limit == 1 and cursor is None and not ascending
        if one and newest and _is_of(newest, records_filter) and self._is_newest_event(newest):
            after = EventLogCursor.from_storage_id(newest.storage_id).to_string()
            return dg.EventRecordsResult([newest], after, has_more=True)
        return super().fetch_materializations(records_filter, limit, cursor, ascending)

    def _is_newest_event(self, record: dg.EventLogRecord) -> bool:
        with self._connect() as connection:
            newest: int = connection.execute(_NEWEST).scalar_one()
        return newest == record.storage_id


@dataclass(frozen=True, slots=True)
class Stored:
    """An event, its row and the row's id.

    The row has the event as text, which the table of checks stores too, so that it is built once.
    """

    id: int
    event: dg.EventLogEntry
    row: Values

    def is_of(self, types: Collection[dg.DagsterEventType]) -> bool:
        """Whether it is Dagster's event of one of these types."""
        return self.event.dagster_event_type in types

    def record(self) -> str:
        """The event with its id as text, as Dagster builds it of an EventLogRecord."""
        told = f'"event_log_entry": {self.row["event"]}, "storage_id": {self.id}'
        return f'{{"__class__": "EventLogRecord", {told}}}'

    def planned(self) -> list[Values]:
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

    def result(self) -> Values:
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

    def _of_check(self) -> Values:
        return {
            "evaluation_event": self.row["event"],
            "evaluation_event_timestamp": self.row["timestamp"],
            "evaluation_event_storage_id": self.id,
        }


def _materialization(stored: Stored) -> dg.EventLogRecord | None:
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
