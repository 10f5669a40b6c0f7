"""Years of daily reconciliations, inserted in bulk: rows that the product stored, repeated."""

import re
import sqlite3
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from checkout_assets.assets.rechecked_folders import is_new_month

CHANGED_PER_DAY = 5
"""Results of folders' checks that change from a day to the next one: a guess, on the high side."""

_TABLES = ("event_logs", "asset_check_executions", "asset_event_tags")
_TIMESTAMP = re.compile(r'"timestamp": [0-9.]+')
_Row = Mapping[str, Any]


@dataclass(frozen=True)
class Stored:
    """The rows that one run stored, by table: those of folders' checks, and all others."""

    run_id: str
    of_folders: Mapping[str, Sequence[_Row]]
    others: Mapping[str, Sequence[_Row]]


@dataclass(frozen=True)
class Years:
    """The runs to repeat: a reconciliation without news, and a month's first one."""

    daily: Stored
    monthly: Stored

    def insert(self, home: Path, days: int) -> int:
        """Store a reconciliation for each of so many days before now; returns the events."""
        start = datetime.now(UTC) - timedelta(days=days)
        with closing(sqlite3.connect(events_of(home))) as events, events:
            events.execute("PRAGMA synchronous = off")
            writer = _Writer(events)
            with closing(sqlite3.connect(runs_of(home))) as runs, runs:
                for day in range(days):
                    at = start + timedelta(days=day)
                    full = not day or is_new_month(at - timedelta(days=1), at)
                    run_id = str(uuid.uuid4())
                    writer.repeat(self.daily.others, self.daily.run_id, run_id, at)
                    due = self.monthly.of_folders if full else self._changed(day)
                    writer.repeat(due, self.monthly.run_id, run_id, at)
                    _repeat_run(runs, self.daily.run_id, run_id, at)
            return writer.inserted

    def _changed(self, day: int) -> Mapping[str, Sequence[_Row]]:
        """The rows of some checks of some folders, others each day."""
        checks = self.monthly.of_folders["asset_check_executions"]
        first = day * CHANGED_PER_DAY
        chosen = [checks[number % len(checks)] for number in range(first, first + CHANGED_PER_DAY)]
        ids = {row["evaluation_event_storage_id"] for row in chosen}
        events = [row for row in self.monthly.of_folders["event_logs"] if row["id"] in ids]
        return {"event_logs": events, "asset_check_executions": chosen}


def stored(home: Path, run_id: str) -> Stored:
    """Read the rows of a run."""
    with closing(sqlite3.connect(events_of(home))) as events:
        found = {
            "event_logs": _rows(events, "event_logs", "run_id = ?", run_id),
            "asset_check_executions": _rows(events, "asset_check_executions", "run_id = ?", run_id),
        }
        tags = _rows(
            events,
            "asset_event_tags",
            "event_id IN (SELECT id FROM event_logs WHERE run_id = ?)",
            run_id,
        )
    checks = found["asset_check_executions"]
    ids = {row["evaluation_event_storage_id"] for row in checks if row["partition"]}
    of_folders = {
        "event_logs": [row for row in found["event_logs"] if row["id"] in ids],
        "asset_check_executions": [row for row in checks if row["partition"]],
    }
    others = {
        "event_logs": [row for row in found["event_logs"] if row["id"] not in ids],
        "asset_check_executions": [row for row in checks if not row["partition"]],
        "asset_event_tags": tags,
    }
    return Stored(run_id, of_folders, others)


def events_of(home: Path) -> Path:
    """The database of an instance's events."""
    (found,) = home.rglob("event_log.db")
    return found


def runs_of(home: Path) -> Path:
    """The database of an instance's runs."""
    (found,) = home.rglob("runs.db")
    return found


class _Writer:
    """Inserts rows again with new ids, another run and another time."""

    def __init__(self, events: sqlite3.Connection) -> None:
        self._events = events
        self._next = {
            table: 1 + (events.execute(f"SELECT max(id) FROM {table}").fetchone()[0] or 0)
            for table in _TABLES
        }
        self.inserted = 0

    def repeat(
        self, tables: Mapping[str, Sequence[_Row]], run_id: str, other: str, at: datetime
    ) -> None:
        """Insert these rows of a run as rows of the ``other`` one."""
        moved_to: dict[int, int] = {}
        for table in _TABLES:
            rows = [self._moved(table, row, moved_to) for row in tables.get(table, ())]
            _insert(self._events, table, [_of_run(row, run_id, other, at) for row in rows])
        self.inserted += len(moved_to)

    def _moved(self, table: str, row: _Row, moved_to: dict[int, int]) -> dict[str, Any]:
        number = self._next[table]
        self._next[table] += 1
        if table == "event_logs":
            moved_to[row["id"]] = number
        named = ("event_id", "evaluation_event_storage_id")
        events = {name: moved_to.get(row[name], row[name]) for name in named if name in row}
        return {**row, **events, "id": number}


def _of_run(row: _Row, run_id: str, other: str, at: datetime) -> _Row:
    """The row of another run at another time; its event is JSON that says both."""
    times = ("timestamp", "evaluation_event_timestamp", "create_timestamp", "event_timestamp")
    now = f'"timestamp": {at.timestamp()}'
    texts = {
        name: _TIMESTAMP.sub(now, value.replace(run_id, other))
        for name, value in row.items()
        if isinstance(value, str)
    }
    return {**row, **texts, **{name: _sqlite(at) for name in times if row.get(name)}}


def _repeat_run(runs: sqlite3.Connection, run_id: str, other: str, at: datetime) -> None:
    for table in ("runs", "run_tags"):
        rows = _rows(runs, table, "run_id = ?", run_id)
        (first,) = runs.execute(f"SELECT max(id) FROM {table}").fetchone() or (0,)
        _insert(
            runs,
            table,
            [
                {**_of_run(row, run_id, other, at), "id": (first or 0) + 1 + number}
                for number, row in enumerate(rows)
            ],
        )


def _rows(connection: sqlite3.Connection, table: str, where: str, value: str) -> list[_Row]:
    cursor = connection.execute(
        f"SELECT * FROM {table} WHERE {where} ORDER BY id",
        [value],
    )
    columns = [each[0] for each in cursor.description]
    return [dict(zip(columns, row, strict=True)) for row in cursor]


def _insert(connection: sqlite3.Connection, table: str, rows: Iterable[_Row]) -> None:
    """Insert rows that have the same columns."""
    rows = list(rows)
    if not rows:
        return
    places = ", ".join("?" * len(rows[0]))
    connection.executemany(
        f"INSERT INTO {table} ({', '.join(rows[0])}) VALUES ({places})",
        [list(row.values()) for row in rows],
    )


def _sqlite(at: datetime) -> str:
    return at.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
