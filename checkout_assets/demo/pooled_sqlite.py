"""Persistent connections to a SQLite database of the demo.

Dagster's own storages create an engine and a connection per statement, and a new engine has no
compiled statements.
"""

from typing import Any

import sqlalchemy as db

from checkout_assets.demo.dagster_internals import SQLITE_BUSY_TIMEOUT_SECONDS


def pooled_engine(url: str) -> db.Engine:
    """An engine that keeps its connections and compiled statements."""
    engine = db.create_engine(url, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})
    db.event.listen(engine, "connect", _without_disk_sync)
    return engine


def _without_disk_sync(connection: Any, _: object) -> None:
    """Commit without fsync: only a power failure can lose the last commits."""
    connection.execute("PRAGMA synchronous=NORMAL")
