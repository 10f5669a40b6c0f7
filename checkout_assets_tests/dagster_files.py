"""Dagster instances on SQLite whose empty databases are made once for many tests."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg

_QUIET = {"telemetry": {"enabled": False}}


class DagsterFiles:
    """Instances that begin with a copy of the same empty databases.

    Dagster creates its databases by all its migrations, which takes more than most tests do.
    """

    def __init__(self, directory: Path) -> None:
        self._empty = directory
        with dg.DagsterInstance.local_temp(str(directory), overrides=_QUIET):
            pass

    @contextmanager
    def instance(self, directory: Path, **overrides: Any) -> Iterator[dg.DagsterInstance]:
        """The instance of this directory; an empty one if the directory has none."""
        if not (directory / "history").exists():
            shutil.copytree(self._empty, directory, dirs_exist_ok=True)
        settings = {**_QUIET, **overrides}
        with dg.DagsterInstance.local_temp(str(directory), overrides=settings) as instance:
            yield instance
