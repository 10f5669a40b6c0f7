"""Delayed work, all on one thread."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from heapq import heappop, heappush
from itertools import count
from pathlib import Path
from typing import Callable, List, Optional, Tuple

_LOG = logging.getLogger(__name__)


class Later:
    """Calls functions after a delay, or at once after ``hurry``."""

    def __init__(self) -> None:
        self._due: List[Tuple[float, int, Callable[[], None]]] = []
        self._number = count()
        self._changed = threading.Condition()
        self._hurry = self._closed = self._over = False
        self._thread: Optional[threading.Thread] = None

    def begin(self) -> None:
        """Start the thread now; raises RuntimeError if this machine starts no more threads.

        After this, ``call`` cannot raise that error.
        """
        with self._changed:
            self._start()

    def call(self, seconds: float, work: Callable[[], None]) -> None:
        """Call ``work`` after ``seconds``; once closed, at once and on the calling thread.

        An exception that it raises is logged and does not affect other work.
        """
        with self._changed:
            over = self._over
            if not over:
                self._start()
                heappush(self._due, (time.monotonic() + seconds, next(self._number), work))
                self._changed.notify()
        if over:
            _do(work)

    def hurry(self) -> None:
        """Call all waiting work now, and later work without delay."""
        with self._changed:
            self._hurry = True
            self._changed.notify()

    def do_all(self) -> None:
        """Call all waiting work now."""
        with self._changed:
            self._due = [(0.0, number, work) for _, number, work in sorted(self._due)]
            self._changed.notify()

    def close(self) -> None:
        """Call all waiting work now, and end the thread."""
        with self._changed:
            self._hurry = self._closed = True
            thread = self._thread
            self._over = thread is None
            self._changed.notify()
        if thread not in {None, threading.current_thread()}:
            assert thread is not None
            thread.join()

    def _start(self) -> None:
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="later", daemon=True)
            thread.start()
            self._thread = thread

    def _run(self) -> None:
        while True:
            work = self._next()
            if work is None:
                return
            _do(work)

    def _next(self) -> Optional[Callable[[], None]]:
        with self._changed:
            while True:
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is not None and (wait <= 0 or self._hurry):
                    return heappop(self._due)[2]
                if self._closed and not self._due:
                    self._over = True
                    return None
                self._changed.wait(wait)


def _do(work: Callable[[], None]) -> None:
    try:
        work()
    except Exception as fault:  # must not affect other work
        report_fault(fault)


def report_fault(fault: Exception) -> None:
    """Log a callback's exception by type and place: its text may quote untrusted content."""
    last = traceback.extract_tb(fault.__traceback__)[-1]
    where = f"{Path(last.filename).name}, line {last.lineno}"
    _LOG.error("%s in %s: a fault of the program, please report it.", type(fault).__name__, where)
