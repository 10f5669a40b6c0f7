"""Dagster's storage in PostgreSQL, over connections that are kept.

The storage of dagster-postgres opens a connection for each statement. To open one takes the server
a process and both sides some milliseconds of CPU for the password, which is most of what it costs
to store an event.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import dagster as dg
import sqlalchemy as db
from dagster_postgres import DagsterPostgresStorage, PostgresEventLogStorage
from dagster_postgres.utils import (
    create_pg_engine,
    get_token_provider_from_config,
    pg_url_from_config,
)

from checkout_assets.storage.dagster_internals import (
    ConfigurableClassData,
    SqlEventLogStorageTable,
)
from checkout_assets.storage.event_batches import BatchedEventLogStorage, Stored

_INSERT = SqlEventLogStorageTable.insert().returning(
    SqlEventLogStorageTable.c.id, sort_by_parameter_order=True
)
_KEPT = 1
"""Connections that a process keeps: a host has some 20 processes, a server 100 connections."""

_KEPT_SECONDS = 300
"""After this time a connection is replaced, because networks drop idle ones without a word."""


class BatchedPostgresEventLogStorage(BatchedEventLogStorage, PostgresEventLogStorage):
    """Stores a batch of events in PostgreSQL in one transaction."""

    def _connection(self) -> AbstractContextManager[db.Connection]:
        return PostgresEventLogStorage._connect(self)

    @contextmanager
    def _transaction(self) -> Iterator[db.Connection]:
        with self._connection() as connection:
            together = connection.execution_options(isolation_level="READ COMMITTED")
            with together.begin():
                yield together

    def _insert(
        self, connection: db.Connection, events: Sequence[dg.EventLogEntry]
    ) -> list[Stored]:
        rows = [self._event_to_row(event) for event in events]
        ids = connection.execute(_INSERT, rows).scalars().all()
        return [Stored(*each) for each in zip(ids, events, rows, strict=True)]

    def dispose(self) -> None:
        """Close the connections, which the storages of runs and schedules share."""
        super().dispose()
        self._engine.dispose()


class PooledPostgresStorage(DagsterPostgresStorage):
    """Keeps Dagster's runs, events and schedules in PostgreSQL over pooled connections."""

    def __init__(
        self,
        postgres_url: str,
        should_autocreate_tables: bool = True,
        inst_data: ConfigurableClassData | None = None,
        token_provider: Any = None,
    ) -> None:
        super().__init__(postgres_url, should_autocreate_tables, inst_data, token_provider)
        self._event_log_storage = BatchedPostgresEventLogStorage(
            postgres_url, should_autocreate_tables=False, token_provider=token_provider
        )
        engine = _keeping_engine(postgres_url, token_provider)
        for each in (self._run_storage, self._event_log_storage, self._schedule_storage):
            each._engine = engine  # no public method lets storages share an engine

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "PooledPostgresStorage":
        """The storage that dagster.yaml configures; Dagster's own method returns its own class."""
        return cls(
            pg_url_from_config(config_value),
            config_value.get("should_autocreate_tables", True),
            inst_data,
            get_token_provider_from_config(config_value),
        )


def _keeping_engine(url: str, token_provider: Any) -> db.Engine:
    """An engine that keeps connections, and replaces those that a restart of the server closed.

    A thread never waits for a connection: more of them are opened, and closed after use.
    """
    return create_pg_engine(
        url,
        token_provider,
        isolation_level="AUTOCOMMIT",
        pool_size=_KEPT,
        max_overflow=-1,
        pool_recycle=_KEPT_SECONDS,
        pool_pre_ping=True,
    )
