"""Cancellable waiting for calls that cannot be interrupted, such as boto3's.

A cancelled call goes on in a daemon thread, which does not keep the process from ending.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from functools import partial
from time import monotonic
from typing import TypeVar

_A = TypeVar("_A")
_T = TypeVar("_T")
_LOOK_SECONDS = 0.1


class InterruptedCopyError(Exception):
    """The copy was cancelled, or the time limit passed, before the call returned."""


def interruptibly(
    work: Callable[[], _T], cancelled: threading.Event, longest_seconds: float = float("inf")
) -> _T:
    """Return the result of ``work``, or raise its exception.

    Raises InterruptedCopyError as soon as ``cancelled`` is set or ``longest_seconds`` have passed.
    """
    until = monotonic() + longest_seconds
    if cancelled.is_set():
        raise InterruptedCopyError
    future: Future[_T] = Future()
    future.set_running_or_notify_cancel()
    threading.Thread(target=_do, args=(work, future), name="interruptible", daemon=True).start()
    while not wait([future], _LOOK_SECONDS).done:
        if cancelled.is_set() or monotonic() > until:
            raise InterruptedCopyError
    return future.result()


def begin_all(
    work: Callable[[_A], _T], items: Iterable[_A], threads: int, name: str
) -> "list[Future[_T]]":
    """Do the work for all items on ``threads`` threads; work that has not begun can be cancelled.

    Unlike with an executor, the process does not wait for the threads when it ends.
    """
    futures: list[tuple[_A, Future[_T]]] = [(item, Future()) for item in items]
    left = deque(futures)
    for number in range(min(threads, len(futures))):
        threading.Thread(
            target=_do_all, args=(work, left), name=f"{name}-{number}", daemon=True
        ).start()
    return [future for _, future in futures]


def _do_all(work: Callable[[_A], _T], left: "deque[tuple[_A, Future[_T]]]") -> None:
    while left:
        try:
            item, future = left.popleft()
        except IndexError:  # another thread was faster
            return
        if future.set_running_or_notify_cancel():
            _do(partial(work, item), future)


def _do(work: Callable[[], _T], future: "Future[_T]") -> None:
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)
