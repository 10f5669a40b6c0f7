"""Wait for threads while still handling signals promptly."""

from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Generator, Iterable, Set, TypeVar

_T = TypeVar("_T")

_DEAF_SECONDS = 0.5


def completed(futures: Iterable["Future[_T]"]) -> "Generator[_T, None, None]":
    """Yield each future's result as it ends; raises the first exception that one ended with.

    Whoever stops reading, or is interrupted, wants no more: futures that have not begun are
    cancelled then.

    In the main thread signals are handled at most half a second late. The kernel may give a signal
    to any thread, such as one that starts just then; Python's handler runs in the main thread all
    the same, which nothing wakes for it as long as it waits without a limit.
    """
    pending: Set[Future[_T]] = set(futures)
    try:
        while pending:
            ended, pending = wait(pending, _DEAF_SECONDS, FIRST_COMPLETED)
            for future in ended:
                yield future.result()
    finally:
        for future in pending:
            future.cancel()
