"""Uploading the sample by awscrt, many objects at once; the first failure is raised."""

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import TYPE_CHECKING

from spark_jobs.stores import S3Store

if TYPE_CHECKING:
    from checkout_assets.sample.source import SampleObject
    from spark_jobs.transport.answers import Response

IN_FLIGHT = 64


def upload(
    objects: "Iterable[SampleObject]", store: S3Store, on_object: Callable[[int], None]
) -> int:
    """Put every object below the store's prefix and return how many; raises StoreError.

    ``on_object`` is called with the size in bytes of each uploaded object.
    """
    crt = store.crt()
    window: deque[tuple[int, Future[Response]]] = deque()
    count = 0

    def settle() -> None:
        size, answer = window.popleft()
        answer.result()
        on_object(size)

    for found in objects:
        headers = [
            ("content-type", found.content_type),
            *((f"x-amz-meta-{name}", value) for name, value in found.metadata.items()),
        ]
        put = crt.send(
            "PUT",
            store.bucket,
            store.prefix + found.key,
            headers,
            body=found.body,
        )
        window.append((len(found.body), put))
        count += 1
        if len(window) >= IN_FLIGHT:
            settle()
    while window:
        settle()
    return count
