"""When a worker must stop: deadline, missing listener, signal, or Spot interruption."""

import json
import signal
import threading
import urllib.request
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from time import monotonic
from types import FrameType, TracebackType

from checkout_assets.domain.counting import in_number
from checkout_assets.domain.displayable import displayable
from checkout_assets.engines.worker.reports import WorkerOutcome

_LOOK_SECONDS = 1.0
_SPOT_LOOK_SECONDS = 5.0
_METADATA_SECONDS = 2.0
_TOKEN_LIVES_SECONDS = "60"


class Stopped(BaseException):
    """The copying must stop now; raised in the main thread, as a KeyboardInterrupt is."""

    def __init__(self, outcome: WorkerOutcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome
        self.reason = reason


Reason = Callable[[], Stopped | None]
"""Called every second; returns why to stop now, or None."""


def after_deadline(deadline: datetime) -> Reason:
    """Return a reason that applies from that time on."""

    def look() -> Stopped | None:
        if datetime.now(UTC) < deadline:
            return None
        return Stopped(
            WorkerOutcome.DEADLINE, f"The deadline, {deadline:%Y-%m-%dT%H:%M:%SZ}, has come."
        )

    return look


def after_silence(silent_seconds: Callable[[], float], limit_seconds: float) -> Reason:
    """Return a reason that applies once no listener was there for that long."""

    def look() -> Stopped | None:
        if silent_seconds() < limit_seconds:
            return None
        told = in_number(
            round(limit_seconds / 60), "No run has followed the reports for # minute[|s]."
        )
        return Stopped(WorkerOutcome.UNHEARD, told)

    return look


class SpotNotice:
    """The reason to stop after AWS's notice that it interrupts this Spot instance in two minutes.

    A rebalance recommendation is not a reason: copying loses nothing by continuing until the
    notice. Without instance metadata there is no reason either.
    """

    def __init__(self, metadata_url: str, look_seconds: float = _SPOT_LOOK_SECONDS) -> None:
        self._url = metadata_url.rstrip("/")
        self._look_seconds = look_seconds
        self._looked = float("-inf")
        # Instance metadata are never behind a proxy.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def __call__(self) -> Stopped | None:
        """Return the reason, if any; sends a request at most every five seconds."""
        if monotonic() - self._looked < self._look_seconds:
            return None
        self._looked = monotonic()
        try:
            action = json.loads(self._ask())["action"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return Stopped(
            WorkerOutcome.INTERRUPTED,
            f"AWS takes the Spot instance back (action {displayable(str(action))}).",
        )

    def _ask(self) -> bytes:
        token = self._open(
            "PUT",
            "latest/api/token",
            {"X-aws-ec2-metadata-token-ttl-seconds": _TOKEN_LIVES_SECONDS},
        ).decode("ascii")
        headers = {"X-aws-ec2-metadata-token": token}
        return self._open("GET", "latest/meta-data/spot/instance-action", headers)

    def _open(self, method: str, path: str, headers: dict[str, str]) -> bytes:
        asked = urllib.request.Request(f"{self._url}/{path}", headers=headers, method=method)
        with self._opener.open(asked, timeout=_METADATA_SECONDS) as answer:
            data: bytes = answer.read(65536)
        return data


class Stopper:
    """Raises Stopped in the main thread for the first reason, or SIGTERM; a context manager.

    The main thread must enter and leave it; after ``over`` nothing is raised any more.
    """

    def __init__(self, reasons: Sequence[Reason], look_seconds: float = _LOOK_SECONDS) -> None:
        self._reasons = reasons
        self._look_seconds = look_seconds
        self._found: Stopped | None = None
        self._over = False
        self._left = threading.Event()
        # Held while the main thread is signalled, so none is sent after the handler is removed.
        self._signalling = threading.Lock()
        self._thread = threading.Thread(target=self._look, name="stop", daemon=True)

    def __enter__(self) -> "Stopper":
        self._main = threading.get_ident()
        self._before = signal.signal(signal.SIGTERM, self._on_signal)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over = True
        with self._signalling:
            self._left.set()
        signal.signal(signal.SIGTERM, self._before)

    def over(self) -> None:
        """Declare the work done: from now on there is nothing to stop."""
        self._over = True

    def _on_signal(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if not self._over:
            self._over = True  # the engine's own ending must not be stopped as well
            raise self._found or Stopped(
                WorkerOutcome.INTERRUPTED, "A signal has ended the copying."
            )

    def _look(self) -> None:
        while not self._left.wait(self._look_seconds):
            self._found = next((stop for look in self._reasons if (stop := look())), None)
            if self._found is not None:
                with self._signalling:
                    if not self._left.is_set():
                        signal.pthread_kill(self._main, signal.SIGTERM)
                return
