"""How a copy reports progress; called from many threads, so implementations are thread-safe."""

import time
from typing import Protocol

from checkout_assets.domain.folders import Folder
from checkout_assets.engines.silence import OnSilence

_SECONDS_BETWEEN_TELLINGS = 0.25
_OBJECTS_BETWEEN_LOOKS = 64


class CopyProgress(Protocol):
    """Receives the progress events of a copy."""

    def on_folder_begun(self, folder: Folder, expected: int) -> None:
        """A folder's copy began; it had ``expected`` objects last time, 0 if unknown."""

    def on_objects(self, folder: Folder, objects: int, size: int, copied: int) -> None:
        """``objects`` more, of ``size`` bytes in all, are in raw; this copy wrote ``copied``."""

    def on_folder(self, folder: Folder, error: str) -> None:
        """A folder has ended; ``error`` is a sentence if it is not complete."""

    def on_silence(self, seconds: float) -> None:
        """S3 has not answered for that long despite open requests; 0 once it answers again."""


class NoProgress:
    """Discards progress events."""

    def on_folder_begun(self, folder: Folder, expected: int) -> None:
        """Discard the event."""

    def on_objects(self, folder: Folder, objects: int, size: int, copied: int) -> None:
        """Discard the event."""

    def on_folder(self, folder: Folder, error: str) -> None:
        """Discard the event."""

    def on_silence(self, seconds: float) -> None:
        """Discard the event."""


class Both:
    """Passes the events of a copy to two receivers."""

    def __init__(self, one: CopyProgress, other: CopyProgress) -> None:
        self._watchers = (one, other)

    def on_folder_begun(self, folder: Folder, expected: int) -> None:
        for watcher in self._watchers:
            watcher.on_folder_begun(folder, expected)

    def on_objects(self, folder: Folder, objects: int, size: int, copied: int) -> None:
        for watcher in self._watchers:
            watcher.on_objects(folder, objects, size, copied)

    def on_folder(self, folder: Folder, error: str) -> None:
        for watcher in self._watchers:
            watcher.on_folder(folder, error)

    def on_silence(self, seconds: float) -> None:
        for watcher in self._watchers:
            watcher.on_silence(seconds)


class SilenceOnly(NoProgress):
    """Passes on only that S3 is silent."""

    def __init__(self, on_silence: OnSilence) -> None:
        self._on_silence = on_silence

    def on_silence(self, seconds: float) -> None:
        self._on_silence(seconds)


class Teller:
    """Collects one folder's events, so that reporting costs nothing per object."""

    def __init__(self, progress: CopyProgress, folder: Folder) -> None:
        self._progress = progress
        self._folder = folder
        self._objects = self._size = self._copied = 0
        self._told = time.monotonic()

    def add(self, size: int, copied: bool) -> None:
        """Add one more object that is in raw."""
        self._objects += 1
        self._size += size
        self._copied += copied
        if self._objects % _OBJECTS_BETWEEN_LOOKS == 0:
            now = time.monotonic()
            if now - self._told > _SECONDS_BETWEEN_TELLINGS:
                self._told = now
                self.tell()

    def tell(self) -> None:
        """Report what was collected."""
        if self._objects:
            self._progress.on_objects(self._folder, self._objects, self._size, self._copied)
        self._objects = self._size = self._copied = 0
