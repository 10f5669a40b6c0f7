"""Noticing that S3 is silent: a copy that waits for answers must not look as if it did nothing."""

import threading
from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import Any

from checkout_assets.engines.copying.progress import CopyProgress

_WORTH_TELLING_SECONDS = 10.0
_SECONDS_BETWEEN_LOOKS = 1.0


class BotoEar:
    """Notes when boto3 clients hear from S3."""

    def __init__(self, *clients: Any) -> None:
        self.last_heard = 0.0
        for client in clients:
            client.meta.events.register("response-received.s3", self._hear)

    def _hear(self, response_dict: object = None, **_: object) -> None:
        if response_dict is not None:
            self.last_heard = monotonic()

    def heard(self) -> float:
        """The monotonic instant of the last answer; 0 before that."""
        return self.last_heard


class SilenceWatch:
    """Tells the progress, every second, for how long S3 has said nothing; a context manager.

    ``last_heard`` is the monotonic instant of S3's last sign of life, ``waits`` whether anything
    is wanted from it.
    """

    def __init__(
        self,
        progress: CopyProgress,
        last_heard: Callable[[], float],
        waits: Callable[[], bool],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._progress = progress
        self._last_heard = last_heard
        self._waits = waits
        self._clock = clock
        self._since = clock()
        self._told = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="silence", daemon=True)

    def look(self) -> None:
        """Compare S3's last sign of life with the clock."""
        now = self._clock()
        if not self._waits():
            self._since = now
        silent = now - max(self._since, self._last_heard())
        if silent >= _WORTH_TELLING_SECONDS:
            self._told = True
            self._progress.on_silence(silent)
        elif self._told:
            self._told = False
            self._progress.on_silence(0.0)

    def __enter__(self) -> "SilenceWatch":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        if self._told:
            self._progress.on_silence(0.0)

    def _look_on(self) -> None:
        while not self._over.wait(_SECONDS_BETWEEN_LOOKS):
            self.look()
