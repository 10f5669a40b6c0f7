"""Waiting for a call that cannot be interrupted, such as boto3's, no longer than it is wanted."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from time import monotonic
from typing import TypeVar

_T = TypeVar("_T")
_LOOK_SECONDS = 0.1


class InterruptedCopyError(Exception):
    """The copy was cancelled, or the time was up, before the call had returned."""


def interruptibly(
    work: Callable[[], _T], cancelled: threading.Event, longest_seconds: float = float("inf")
) -> _T:
    """Return what ``work`` returns, or raise what it raises.

    Raises InterruptedCopyError as soon as ``cancelled`` is set or the time is up. The thread that
    does the work is left behind then: it keeps no process from ending.
    """
    until = monotonic() + longest_seconds
    if cancelled.is_set():
        raise InterruptedCopyError
    future: Future[_T] = Future()
    threading.Thread(target=_do, args=(work, future), name="interruptible", daemon=True).start()
    while not wait([future], _LOOK_SECONDS).done:
        if cancelled.is_set() or monotonic() > until:
            raise InterruptedCopyError
    return future.result()


def _do(work: Callable[[], _T], future: "Future[_T]") -> None:
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)
