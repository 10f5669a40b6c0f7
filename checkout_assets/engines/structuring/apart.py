"""Run an iterator on a thread of its own, so that the main thread stays free for signals."""

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

_T = TypeVar("_T")

_LOOK_SECONDS = 0.2
_ENDS_WITHIN = 30
"""Seconds to wait for a cancelled thread; a publication that is under way is finished."""


@dataclass(frozen=True, slots=True)
class _Item(Generic[_T]):
    value: _T


@dataclass(frozen=True, slots=True)
class _End:
    error: BaseException | None = None


def iterated_apart(
    work: Callable[[], Iterator[_T]], cancel: Callable[[], None]
) -> Generator[_T, None, None]:
    """Yield what ``work`` yields, and raise what it raises; it runs on a thread of its own.

    The exception of a signal is raised here, where the main thread waits. It is never raised inside
    Spark's client, whose connection it would break. Closing this iterator calls ``cancel``
    repeatedly, on yet another thread, until the work has ended.
    """
    told: queue.SimpleQueue[_Item[_T] | _End] = queue.SimpleQueue()
    closing = threading.Event()
    worker = _thread("spark-work", lambda: _work_through(work, told, closing))
    try:
        while isinstance(next_told := _next(told), _Item):
            yield next_told.value
        if next_told.error is not None:
            raise next_told.error
    finally:
        closing.set()
        if worker.is_alive():
            _thread("spark-cancelling", lambda: _cancel_until_ended(worker, cancel))
        _wait_for(worker)


def _work_through(
    work: Callable[[], Iterator[_T]],
    told: "queue.SimpleQueue[_Item[_T] | _End]",
    closing: threading.Event,
) -> None:
    try:
        for value in work():
            told.put(_Item(value))
            if closing.is_set():
                break
    except BaseException as error:  # raised again where the results are read
        told.put(_End(error))
    else:
        told.put(_End())


def _next(told: "queue.SimpleQueue[_Item[_T] | _End]") -> "_Item[_T] | _End":
    # With a limit: a signal that the kernel gives to another thread does not wake this one.
    while True:
        with suppress(queue.Empty):
            return told.get(timeout=_LOOK_SECONDS)


def _cancel_until_ended(worker: threading.Thread, cancel: Callable[[], None]) -> None:
    """Call ``cancel`` repeatedly: the work that it cancels may begin after the first call."""
    while worker.is_alive():
        with suppress(Exception):
            cancel()
        worker.join(_LOOK_SECONDS)


def _wait_for(worker: threading.Thread) -> None:
    for _ in range(round(_ENDS_WITHIN / _LOOK_SECONDS)):
        worker.join(_LOOK_SECONDS)
        if not worker.is_alive():
            return


def _thread(name: str, target: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=target, name=name, daemon=True)
    thread.start()
    return thread
