"""A real process of ``tables compact`` that is held where a phase begins, to be killed or to go on.

The process runs this module: it has the command's own code, a double of Spark's session, and at one
place a pause that lasts until the file ``go`` is there.
"""

import inspect
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from checkout_assets_tests.in_process_spark import InProcessSpark

ROOT = Path(__file__).resolve().parents[2]
LONG = 240
_REACHED, _GO = "reached", "go"


class HeldCompaction:
    """``tables compact`` on a lake, as a process of its own that waits where ``phase`` begins."""

    def __init__(self, lake: str, phase: str, directory: Path) -> None:
        directory.mkdir()
        self._directory = directory
        self._log = directory / "log"
        with self._log.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __spec__.name, phase, str(directory)],
                env={**os.environ, "PYTHONPATH": str(ROOT), "CHECKOUT_LAKE_URI": lake},
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def told(self) -> str:
        """All that was printed so far."""
        return self._log.read_text(errors="replace")

    def wait_until_held(self) -> None:
        deadline = time.monotonic() + LONG
        while not (self._directory / _REACHED).exists():
            assert self._process.poll() is None, self.told
            assert time.monotonic() < deadline, self.told
            time.sleep(0.01)

    def kill(self) -> None:
        """Kill -9: no handler runs."""
        self._process.send_signal(signal.SIGKILL)
        assert self._process.wait(LONG) == -signal.SIGKILL, self.told

    def go_on(self) -> None:
        (self._directory / _GO).touch()

    def end(self) -> int:
        """The exit code."""
        return self._process.wait(LONG)

    def discard(self) -> None:
        self._process.kill()
        self._process.wait(LONG)


@dataclass(frozen=True)
class Pause:
    """Holds the process at the n-th call of a function whose arguments show ``of``."""

    owner: Any
    name: str
    number: int = 1
    of: str = ""
    after: bool = False

    def plant(self, directory: Path) -> None:
        does, calls = getattr(self.owner, self.name), 0

        def held(*arguments: Any, **named: Any) -> Any:
            nonlocal calls
            is_one = self.of in repr(arguments)
            calls += is_one
            here = is_one and calls == self.number
            if here and not self.after:
                _hold(directory)
            result = does(*arguments, **named)
            if here and self.after:
                _hold(directory)
            return result

        is_static = isinstance(inspect.getattr_static(self.owner, self.name), staticmethod)
        setattr(self.owner, self.name, staticmethod(held) if is_static else held)


def _hold(directory: Path) -> None:
    (directory / _REACHED).touch()
    while not (directory / _GO).exists():
        time.sleep(0.01)


def phases() -> dict[str, Pause]:
    """Where a compaction is held; the names say what has happened and what has not."""
    from pyiceberg.catalog.sql import SqlCatalog
    from sqlalchemy.orm import Session

    from checkout_assets.engines.compacting import engine
    from checkout_assets.engines.compacting.orders_table import OrdersTable
    from spark_jobs.compaction import reading, run

    return {
        "planned, before the reading": Pause(run, "compact_part"),
        "reading": Pause(reading, "_proved", 2, after=True),
        "writing, before the rename": Pause(os, "replace", of="/data/"),
        "written, before the record of the month": Pause(run, "compact_part", after=True),
        "recorded, before the commit": Pause(OrdersTable, "replace"),
        "committing, manifests written": Pause(SqlCatalog, "commit_table"),
        "committing, metadata written": Pause(SqlCatalog, "_write_metadata", after=True),
        "committing, in the catalog's transaction": Pause(Session, "commit"),
        "committed, before the clean-up": Pause(OrdersTable, "replace", after=True),
        "cleaning, snapshots expired": Pause(engine, "expire_snapshots", after=True),
        "cleaning, one file removed": Pause(Path, "unlink", of="/orders/", after=True),
    }


class _LongAfter(datetime):
    """A clock that is a month ahead, so that a clean-up finds something to remove."""

    @classmethod
    def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz or UTC) + timedelta(days=30)


def main() -> int:
    """Plant the pause, then run the command."""
    from checkout_assets.cli import main as command_line
    from checkout_assets.cli import tables
    from checkout_assets.engines.structuring.session import LocalSpark

    phase, directory = sys.argv[1], Path(sys.argv[2])
    LocalSpark.session = lambda _: InProcessSpark()  # type: ignore[assignment, return-value]
    if phase.startswith("cleaning"):
        tables.datetime = _LongAfter  # type: ignore[misc]
    phases()[phase].plant(directory)
    return command_line.run(["tables", "compact"])


if __name__ == "__main__":
    sys.exit(main())
