"""The demo's storage of runs: Dagster's SQLite storage with persistent connections."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import sqlalchemy as db

from checkout_assets.demo.dagster_internals import ConfigurableClassData, SqliteRunStorage
from checkout_assets.demo.pooled_sqlite import pooled_engine


class PooledSqliteRunStorage(SqliteRunStorage):
    """Stores runs in a SQLite database over pooled connections."""

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> "PooledSqliteRunStorage":
        """The storage that dagster.yaml configures; Dagster's own method returns its own class."""
        return cls.from_local(inst_data=inst_data, **config_value)

    @cached_property
    def _engine(self) -> db.Engine:
        return pooled_engine(self._conn_string)

    @contextmanager
    def connect(self) -> Iterator[db.Connection]:
        """A transaction on a pooled connection; Dagster's storage runs every statement in one."""
        with self._engine.connect() as connection, connection.begin():
            yield connection

    def dispose(self) -> None:
        """Close the connections."""
        super().dispose()
        self._engine.dispose()
