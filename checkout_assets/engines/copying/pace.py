"""The limit of concurrent requests, adapted to what S3 accepts while the copy runs."""

import threading
from collections.abc import Callable
from time import monotonic

START = 64
_LEAST = 16
_MODEST = 256
_DECREASE = 0.7
_SECONDS_BETWEEN_DECREASES = 1.0
_SHARE_WAITED_FOR = 4
_SMOOTHING = 0.02
_FORGETTING = 0.000002
_BACKLOG = 2
"""Requests that may be started per request in flight; the others wait for a connection."""

_GIVE_UP_AFTER_SECONDS = 90.0
_GIVE_UP_AFTER_FAILURES = 20


class RequestPace:
    """Limits concurrent requests; shared by all folders of a run. ``on_limit`` gets each new limit.

    The limit doubles with each round of responses until S3 asks to slow down. That multiplies it by
    0.7, and from then on it grows by one per round. Above 256 it does not grow while responses take
    more than twice the shortest observed time: then requests only wait for each other. It is
    ``hopeless`` if all requests have failed for a minute and a half.
    """

    def __init__(self, most: int, on_limit: Callable[[int], None] = lambda _: None) -> None:
        self._most = most
        self._on_limit = on_limit
        self._limit = 0.0
        self._under_way = self._waiting = 0
        self._doubling = True
        self._decreased = 0.0
        self._seconds = self._best_seconds = 0.0
        self._failing_since: float | None = None
        self._failures = 0
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._set_limit(min(most, START))

    @property
    def limit(self) -> int:
        """Requests that may be under way at once."""
        return int(self._limit)

    @property
    def hopeless(self) -> bool:
        """Whether S3 has returned only failures for so long that further requests are useless."""
        since = self._failing_since
        return (
            since is not None
            and self._failures >= _GIVE_UP_AFTER_FAILURES
            and monotonic() - since > _GIVE_UP_AFTER_SECONDS
        )

    def begin(self) -> None:
        """Wait until one more request may start, or may at least wait for a connection."""
        with self._lock:
            if self._under_way >= int(self._limit) * _BACKLOG:
                self._waiting += 1
                # Waking up per response would cost more than the request itself.
                while self._under_way > self._low_water():
                    self._changed.wait()
                self._waiting -= 1
            self._under_way += 1

    def succeeded(self, seconds: float = 0.0) -> None:
        """Record a request that S3 served, including a request that it refused permanently.

        ``seconds`` is how long the response took, if that is known.
        """
        with self._lock:
            self._failing_since = None
            self._failures = 0
            if seconds:
                self._note(seconds)
            # Only a limit that is reached shows whether S3 accepts more.
            used = self._under_way * 2 >= self._limit
            if used and self._limit < self._most and self._is_worth_more():
                step = 1.0 if self._doubling else 1.0 / self._limit
                self._set_limit(min(self._most, self._limit + step))
            self._ended()

    def failed(self) -> None:
        """Record a transient failure, and slow down."""
        with self._lock:
            now = monotonic()
            self._failing_since = self._failing_since or now
            self._failures += 1
            if now - self._decreased > _SECONDS_BETWEEN_DECREASES:
                self._decreased = now
                self._doubling = False
                self._set_limit(max(_LEAST, self._limit * _DECREASE))
            self._ended()

    def _low_water(self) -> int:
        limit = int(self._limit)
        return limit * _BACKLOG - max(1, limit // _SHARE_WAITED_FOR)

    def _is_worth_more(self) -> bool:
        return self._limit < _MODEST or self._seconds <= self._best_seconds * 2

    def _note(self, seconds: float) -> None:
        """Track the response time and its minimum; the minimum slowly rises."""
        if not self._seconds:
            self._seconds = self._best_seconds = seconds
        self._seconds += (seconds - self._seconds) * _SMOOTHING
        if self._seconds < self._best_seconds:
            self._best_seconds = self._seconds
        else:
            self._best_seconds += (self._seconds - self._best_seconds) * _FORGETTING

    def _set_limit(self, limit: float) -> None:
        before, self._limit = int(self._limit), limit
        if int(limit) != before:
            self._on_limit(int(limit))

    def _ended(self) -> None:
        self._under_way -= 1
        if self._waiting and self._under_way <= self._low_water():
            self._changed.notify_all()
