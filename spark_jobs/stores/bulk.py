"""Many requests at once, and deletions in batches of a thousand keys.

S3 handles hundreds of concurrent requests in the time of one.
"""

from __future__ import annotations

import random
import time
from collections import deque
from concurrent.futures import Future
from itertools import islice
from typing import Callable, Deque, Dict, Iterable, Iterator, List, Tuple, Union

from spark_jobs.store_errors import StoreError
from spark_jobs.transport.answers import Response

KEYS_PER_DELETE = 1000
"""Most keys per DeleteObjects request: S3 API reference."""

_TRIES = 6
_SHORTEST_PAUSE_SECONDS = 0.1

Sent = Tuple[str, "Future[Response]"]
Answered = Tuple[str, Union[Response, StoreError]]


def side_by_side(sent: Iterator[Sent], in_flight: int) -> Iterator[Answered]:
    """Each request's key with its response or its error, in the order of ``sent``.

    ``sent`` starts a request each time its next item is taken, so at most ``in_flight`` requests
    run at once.
    """
    window: Deque[Sent] = deque(islice(sent, in_flight))
    while window:
        key, future = window.popleft()
        try:
            yield key, future.result()
        except StoreError as error:
            yield key, error
        window.extend(islice(sent, 1))


def delete_in_batches(
    keys: Iterable[str], delete_once: Callable[[List[str]], Dict[str, StoreError]]
) -> None:
    """Delete all keys, as many per request as S3 allows.

    ``delete_once`` returns the error of each key that S3 did not delete. Keys with a transient
    error are retried with full jitter; any other error is raised.
    """
    rest = iter(keys)
    while batch := list(islice(rest, KEYS_PER_DELETE)):
        _delete_batch(batch, delete_once)


def _delete_batch(
    keys: List[str], delete_once: Callable[[List[str]], Dict[str, StoreError]]
) -> None:
    for number in range(1, _TRIES + 1):
        failed = delete_once(keys)
        for error in failed.values():
            if number == _TRIES or not error.transient:
                raise error
        if not failed:
            return
        keys = list(failed)
        time.sleep(random.uniform(0, _SHORTEST_PAUSE_SECONDS * 2**number))
