"""Watching a copy: bars on a terminal, a line a folder elsewhere."""

import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING

from checkout_assets.cli.console import byte_size, say, terminal
from checkout_assets.domain.folders import Folder
from checkout_assets.engines.copying.progress import NoProgress

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_REDRAWS_A_SECOND = 4


class Bars(NoProgress):
    """A CopyProgress that draws one bar for the folders, with objects, bytes and rate."""

    def __init__(self, folders: int) -> None:
        self._folders = folders
        self._lock = threading.Lock()
        self._objects = self._bytes = self._copied = 0
        self._began = self._drawn = time.monotonic()
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> "Bars":
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self._progress = Progress(
            TextColumn("copying"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("folders, {task.fields[told]}", markup=False),
            TimeRemainingColumn(),
            console=terminal(),
            transient=True,
            refresh_per_second=_REDRAWS_A_SECOND,
        )
        self._task = self._progress.add_task("copy", total=self._folders, told="listing")
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._progress is not None:
            self._progress.stop()

    def on_objects(
        self,
        folder: Folder,  # noqa: ARG002
        objects: int,
        size: int,
        copied: int,
    ) -> None:
        """See CopyProgress."""
        with self._lock:
            self._objects += objects
            self._copied += copied
            self._bytes += size
            now = time.monotonic()
            if now - self._drawn < 1 / _REDRAWS_A_SECOND:
                return
            self._drawn = now
        self._draw()

    def on_folder(self, folder: Folder, error: str) -> None:  # noqa: ARG002
        """See CopyProgress."""
        self._draw(advance=1)

    def _draw(self, advance: int = 0) -> None:
        if self._progress is None or self._task is None:
            return
        rate = self._objects / max(time.monotonic() - self._began, 1e-9)
        told = f"{self._objects:,} objects, {byte_size(self._bytes)}, {rate:,.0f}/s"
        self._progress.update(self._task, advance=advance, told=told)


class Lines(NoProgress):
    """A CopyProgress for logs: a line when a folder ends badly, and a sign of life a minute."""

    def __init__(self, folders: int, every_seconds: float = 60.0) -> None:
        self._folders = folders
        self._every = every_seconds
        self._lock = threading.Lock()
        self._objects = self._ended = 0
        self._told = time.monotonic()

    def __enter__(self) -> "Lines":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to end."""

    def on_objects(
        self,
        folder: Folder,  # noqa: ARG002
        objects: int,
        size: int,  # noqa: ARG002
        copied: int,  # noqa: ARG002
    ) -> None:
        """See CopyProgress."""
        with self._lock:
            self._objects += objects
            due = time.monotonic() - self._told > self._every
            if due:
                self._told = time.monotonic()
        if due:
            say(f"{self._ended} of {self._folders} folders done, {self._objects:,} objects so far")

    def on_folder(self, folder: Folder, error: str) -> None:  # noqa: ARG002
        """See CopyProgress."""
        with self._lock:
            self._ended += 1
