"""Reporting that S3 is silent, so that a process that waits for it does not look idle."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spark_jobs.stores import S3Store, Store

OnSilence = Callable[[float], None]
"""Called with the seconds for which S3 has not answered requests; with 0 once that is over."""

_WORTH_TELLING_SECONDS = 10.0
_SECONDS_BETWEEN_LOOKS = 1.0
_SECONDS_BETWEEN_LINES = 60.0


def ignore_silence(_: float) -> None:
    """An OnSilence that does nothing."""


def silence_of(seconds: float) -> str:
    """The clause about S3's silence for all messages."""
    return f"S3 has been silent for {seconds:.0f} s"


class SilenceLines:
    """An OnSilence for logs: reports at once, then every ``every_seconds``.

    ``tell`` is called with ``silence_of``.
    """

    def __init__(
        self,
        tell: Callable[[str], None],
        every_seconds: float = _SECONDS_BETWEEN_LINES,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._tell = tell
        self._every = every_seconds
        self._clock = clock
        self._told: float | None = None

    def __call__(self, seconds: float) -> None:
        now = self._clock()
        if not seconds:
            self._told = None
        elif self._told is None or now - self._told > self._every:
            self._told = now
            self._tell(silence_of(seconds))


class BotoEar:
    """Records when boto3 clients last heard from S3."""

    def __init__(self, *clients: Any) -> None:
        self.last_heard = 0.0
        for client in clients:
            client.meta.events.register("response-received.s3", self._hear)

    def _hear(self, response_dict: object = None, **_: object) -> None:
        if response_dict is not None:
            self.last_heard = monotonic()

    def heard(self) -> float:
        """The monotonic time of the last response; 0 before that."""
        return self.last_heard


class StoreEar:
    """Records when stores last heard from S3 through either transport; directories never do."""

    def __init__(self, *stores: "Store | None") -> None:
        from spark_jobs.stores.s3 import S3Store

        in_s3: list[S3Store] = [each for each in stores if isinstance(each, S3Store)]
        self._transports = [each.crt() for each in in_s3]
        self._boto = BotoEar(*(each.client for each in in_s3))

    def heard(self) -> float:
        """The monotonic time of S3's last data; 0 before that."""
        return max(self._boto.heard(), *(each.last_heard for each in self._transports), 0.0)


class Asking:
    """Whether any thread waits for S3."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._askers = 0

    def waits(self) -> bool:
        """Whether a body of ``asks`` is running."""
        return self._askers > 0

    @contextmanager
    def asks(self) -> Iterator[None]:
        """Mark the body as waiting for S3."""
        with self._lock:
            self._askers += 1
        try:
            yield
        finally:
            with self._lock:
                self._askers -= 1


class SilenceWatch:
    """Reports, every second, for how long S3 has been silent; a context manager.

    ``last_heard`` returns the monotonic time of S3's last data, ``waits`` whether a request is
    waiting for S3.
    """

    def __init__(
        self,
        on_silence: OnSilence,
        last_heard: Callable[[], float],
        waits: Callable[[], bool] = lambda: True,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._on_silence = on_silence
        self._last_heard = last_heard
        self._waits = waits
        self._clock = clock
        self._since = clock()
        self._told = False
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_on, name="silence", daemon=True)

    def look(self) -> None:
        """Compare the time of S3's last data with the clock."""
        now = self._clock()
        if not self._waits():
            self._since = now
        silent = now - max(self._since, self._last_heard())
        if silent >= _WORTH_TELLING_SECONDS:
            self._told = True
            self._on_silence(silent)
        elif self._told:
            self._told = False
            self._on_silence(0.0)

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
            self._on_silence(0.0)

    def _look_on(self) -> None:
        while not self._over.wait(_SECONDS_BETWEEN_LOOKS):
            with suppress(Exception):  # a failed report is repeated a second later
                self.look()


@contextmanager
def listening_to(store: "S3Store", on_silence: OnSilence) -> Iterator["S3Store"]:
    """Report silence while the body only uses this store, through boto3."""
    with SilenceWatch(on_silence, BotoEar(store.client).heard):
        yield store
