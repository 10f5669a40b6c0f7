"""How many requests are under way at once: as many as S3 takes, found out as the copy goes."""

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
"""Requests that may be begun for each that may be under way: the rest waits for a connection."""

_GIVE_UP_AFTER_SECONDS = 90.0
_GIVE_UP_AFTER_FAILURES = 20


class RequestPace:
    """Lets requests begin; shared by all folders of a run. ``on_limit`` hears of each new limit.

    The limit doubles with each round of answers until S3 asks to slow down, which takes it to 0.7
    of itself; from then on it grows by one a round. Above 256 it does not grow while answers take
    more than twice as long as they did at best: then requests only wait for each other. If nothing
    at all has succeeded for a minute and a half of failures, it is ``hopeless``.
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
        """Whether S3 has answered nothing but failures for so long that asking on is no use."""
        since = self._failing_since
        return (
            since is not None
            and self._failures >= _GIVE_UP_AFTER_FAILURES
            and monotonic() - since > _GIVE_UP_AFTER_SECONDS
        )

    def begin(self) -> None:
        """Wait until one more request may begin, or at least wait for a connection."""
        with self._lock:
            if self._under_way >= int(self._limit) * _BACKLOG:
                self._waiting += 1
                # Waking for each single answer would cost more than the request itself.
                while self._under_way > self._low_water():
                    self._changed.wait()
                self._waiting -= 1
            self._under_way += 1

    def succeeded(self, seconds: float = 0.0) -> None:
        """A request has ended and S3 has served it, be it by a refusal that is final.

        ``seconds`` is how long its answer took, if that is known.
        """
        with self._lock:
            self._failing_since = None
            self._failures = 0
            if seconds:
                self._note(seconds)
            # Only a limit that is made use of says anything about how much more S3 takes.
            used = self._under_way * 2 >= self._limit
            if used and self._limit < self._most and self._is_worth_more():
                step = 1.0 if self._doubling else 1.0 / self._limit
                self._set_limit(min(self._most, self._limit + step))
            self._ended()

    def failed(self) -> None:
        """A request has ended in a failure that may pass: go slower."""
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
        """Follow the time that answers take, and the least it has been; that one slowly rises."""
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
