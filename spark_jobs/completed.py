"""Waiting for threads without being deaf to signals."""

from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Iterable, Iterator, Set, TypeVar

_T = TypeVar("_T")

_DEAF_SECONDS = 0.5


def completed(futures: Iterable["Future[_T]"]) -> Iterator[_T]:
    """Each future's result as it ends; raises the first exception that one of them ended with.

    In the main thread signals are handled at most half a second late. The kernel may give a signal
    to any thread, such as one that starts just then; Python's handler runs in the main thread all
    the same, which nothing wakes for it as long as it waits without a limit.
    """
    pending: Set[Future[_T]] = set(futures)
    while pending:
        ended, pending = wait(pending, _DEAF_SECONDS, FIRST_COMPLETED)
        for future in ended:
            yield future.result()
