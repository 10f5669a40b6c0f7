"""Work to be done some seconds from now, on one thread for all of it."""

from __future__ import annotations

import threading
import time
from heapq import heappop, heappush
from itertools import count
from typing import Callable, List, Optional, Tuple


class Later:
    """Calls what it is given when its time comes, or at once when it is told to hurry."""

    def __init__(self) -> None:
        self._due: List[Tuple[float, int, Callable[[], None]]] = []
        self._number = count()
        self._changed = threading.Condition()
        self._hurry = self._closed = False
        self._thread: Optional[threading.Thread] = None

    def call(self, seconds: float, work: Callable[[], None]) -> None:
        """Call ``work`` after that many seconds; it must not raise."""
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="later", daemon=True)
                self._thread.start()
            heappush(self._due, (time.monotonic() + seconds, next(self._number), work))
            self._changed.notify()

    def hurry(self) -> None:
        """From now on nothing waits for its time."""
        with self._changed:
            self._hurry = True
            self._changed.notify()

    def close(self) -> None:
        """Do what is left at once, and end."""
        with self._changed:
            self._hurry = self._closed = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while True:
            work = self._next()
            if work is None:
                return
            work()

    def _next(self) -> Optional[Callable[[], None]]:
        with self._changed:
            while True:
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is not None and (wait <= 0 or self._hurry):
                    return heappop(self._due)[2]
                if self._closed and not self._due:
                    return None
                self._changed.wait(wait)
