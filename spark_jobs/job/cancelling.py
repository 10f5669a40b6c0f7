"""Cancel a run's Spark jobs."""

from __future__ import annotations

from concurrent.futures import Future, wait
from contextlib import suppress
from typing import Any, Sequence

_CANCEL_AGAIN_SECONDS = 0.2


def cancel_jobs(context: Any, run_id: str, futures: Sequence[Future[Any]]) -> None:
    """Cancel the jobs of that group, and wait for what the futures are publishing at the moment."""
    from py4j.protocol import Py4JError  # type: ignore[import-untyped]

    # Java has ended, or the context is stopped and PySpark has no Java object of it: the Spark
    # jobs have ended too.
    with suppress(Py4JError, AttributeError):
        context.cancelJobGroup(run_id)
        # A job that a thread was about to start was not among the cancelled ones.
        while wait(futures, _CANCEL_AGAIN_SECONDS).not_done:
            context.cancelJobGroup(run_id)
