"""The progress of a copy: bars on a terminal, a line per minute elsewhere."""

import threading
from dataclasses import dataclass
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING

from checkout_assets.cli.console import say, terminal
from checkout_assets.domain.counting import byte_size, counted, of_folders
from checkout_assets.domain.folders import Folder
from checkout_assets.engines.copying.progress import NoProgress
from checkout_assets.engines.silence import SilenceLines, silence_of

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_REDRAWS_A_SECOND = 4
_MINUTE, _HOUR = 60, 3600


@dataclass(slots=True)
class _Count:
    """The objects of one folder: expected (0 if unknown), and so far."""

    expected: int = 0
    objects: int = 0
    size: int = 0


class Counts:
    """The counts of all folders, and the estimates from them."""

    def __init__(self, folders: int) -> None:
        self._folders = folders
        self._under_way: dict[Folder, _Count] = {}
        self._ended = 0
        self._ended_objects = 0
        self._objects = self._size = self._copied = 0
        self._began = monotonic()
        self.silent_seconds = 0.0

    def begin(self, folder: Folder, expected: int) -> None:
        """Record that a folder has begun."""
        self._under_way[folder] = _Count(expected)

    def add(self, folder: Folder, objects: int, size: int, copied: int) -> None:
        """Add objects of a folder that are in raw."""
        count = self._under_way.setdefault(folder, _Count())
        count.objects += objects
        count.size += size
        self._objects += objects
        self._size += size
        self._copied += copied

    def end(self, folder: Folder) -> None:
        """Record that a folder has ended."""
        count = self._under_way.pop(folder, _Count())
        self._ended += 1
        self._ended_objects += count.objects

    @property
    def ended(self) -> int:
        """The number of folders that have ended."""
        return self._ended

    @property
    def rate(self) -> float:
        """Objects per second since the start."""
        return self._objects / max(monotonic() - self._began, 1e-9)

    def remaining_seconds(self) -> float | None:
        """The estimated remaining time; None while the number of objects is unknown.

        A folder is expected to have as many objects as last time, or else the average of others.
        """
        under_way = self._under_way.values()
        known = [count.expected for count in under_way if count.expected]
        if self._ended_objects:
            typical = self._ended_objects / self._ended
        else:
            typical = sum(known) / len(known) if known else 0.0
        if not typical or not self._objects:
            return None
        left = sum(max(0.0, (count.expected or typical) - count.objects) for count in under_way)
        waiting = self._folders - self._ended - len(self._under_way)
        return (left + waiting * typical) / self.rate

    def line(self) -> str:
        """All counts as one line."""
        left = self.remaining_seconds()
        return (
            f"{of_folders(self._ended, self._folders)} done, {counted(self._objects, 'object')} "
            f"({self._copied:,} copied), {byte_size(self._size)}, {self.rate:,.0f}/s"
            + ("" if left is None else f", about {_duration(left)} left")
            + (f"; {silence_of(self.silent_seconds)}" if self.silent_seconds else "")
        )

    def lines(self) -> list[str]:
        """A line per folder in progress."""
        return [
            f"{folder}: "
            + (f"{count.objects:,} of about " if count.expected else "")
            + f"{counted(count.expected or count.objects, 'object')}, {byte_size(count.size)}"
            for folder, count in sorted(self._under_way.items())
        ]


class Bars(NoProgress):
    """A CopyProgress that draws a bar for all folders, and a line per folder in progress."""

    def __init__(self, folders: int) -> None:
        self._folders = folders
        self._counts = Counts(folders)
        self._lock = threading.Lock()
        self._drawn = 0.0
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> "Bars":
        from rich.progress import BarColumn, Progress, TextColumn

        self._progress = Progress(
            TextColumn("copying"),
            BarColumn(),
            TextColumn("{task.fields[told]}", markup=False),
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

    def on_folder_begun(self, folder: Folder, expected: int) -> None:
        with self._lock:
            self._counts.begin(folder, expected)

    def on_objects(self, folder: Folder, objects: int, size: int, copied: int) -> None:
        with self._lock:
            self._counts.add(folder, objects, size, copied)
            now = monotonic()
            if now - self._drawn >= 1 / _REDRAWS_A_SECOND:
                self._drawn = now
                self._draw()

    def on_folder(self, folder: Folder, error: str) -> None:  # noqa: ARG002
        with self._lock:
            self._counts.end(folder)
            self._draw()

    def on_silence(self, seconds: float) -> None:
        with self._lock:
            self._counts.silent_seconds = seconds
            self._draw()

    def _draw(self) -> None:
        if self._progress is None or self._task is None:
            return
        told = "\n".join([self._counts.line(), *self._counts.lines()])
        self._progress.update(self._task, completed=self._counts.ended, told=told)


class Lines(NoProgress):
    """A CopyProgress for logs: one report per ``every_seconds``."""

    def __init__(self, folders: int, every_seconds: float = 60.0) -> None:
        self._counts = Counts(folders)
        self._every = every_seconds
        self._lock = threading.Lock()
        self._told = monotonic()
        self._silence = SilenceLines(self._say_counts, every_seconds)

    def __enter__(self) -> "Lines":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Do nothing."""

    def on_folder_begun(self, folder: Folder, expected: int) -> None:
        with self._lock:
            self._counts.begin(folder, expected)

    def on_objects(self, folder: Folder, objects: int, size: int, copied: int) -> None:
        lines: list[str] = []
        with self._lock:
            self._counts.add(folder, objects, size, copied)
            if monotonic() - self._told > self._every:
                self._told = monotonic()
                lines = [self._counts.line(), *(f"  {line}" for line in self._counts.lines())]
        for line in lines:
            say(line)

    def on_folder(self, folder: Folder, error: str) -> None:  # noqa: ARG002
        with self._lock:
            self._counts.end(folder)

    def on_silence(self, seconds: float) -> None:
        """Report silence at once, then as often as the counts."""
        with self._lock:
            self._counts.silent_seconds = seconds
        self._silence(seconds)

    def _say_counts(self, _: str) -> None:
        """Print the line of all counts, which includes S3's silence."""
        with self._lock:
            line = self._counts.line()
        say(line)


def _duration(seconds: float) -> str:
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{seconds / _MINUTE:.0f} min"
    return f"{seconds / _HOUR:.1f} h"
