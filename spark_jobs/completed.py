"""Wait for threads while still handling signals promptly."""

from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Generator, Iterable, Set, TypeVar

_T = TypeVar("_T")

_DEAF_SECONDS = 0.5


def completed(futures: Iterable["Future[_T]"]) -> "Generator[_T, None, None]":
    """Yield each future's result as it ends; raises the first exception of a future.

    If the generator is closed or interrupted, futures that have not begun are cancelled.

    The main thread handles signals at most half a second late. The kernel may deliver a signal to
    any thread, but Python runs its handler in the main thread, and nothing wakes that thread while
    it waits without a timeout.
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
