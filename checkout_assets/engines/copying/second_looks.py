"""Second looks at an object after S3 refused its copy: what do both sides hold now?

They block on S3. So they run on a few separate threads and delay no response of another object.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING

from checkout_assets.domain.copying import SourceObject
from checkout_assets.engines.copying.attempts import Attempt, Ending
from checkout_assets.engines.copying.comparing import Bytes, Comparer
from checkout_assets.engines.copying.conditions import may_be_about_raw
from checkout_assets.engines.copying.explaining import (
    AT_ODDS,
    CHANGED_IN_RAW,
    CHANGED_TWICE,
    RAW_AT_ODDS,
    why_failed,
)
from spark_jobs.stores import Entry, StoreError

if TYPE_CHECKING:
    from spark_jobs.stores import S3Store

_THREADS = 8


class Aside:
    """The threads that may block on S3."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="copy-aside")

    def take(self, attempt: Attempt, work: Callable[[Attempt], None]) -> None:
        """Run work on the attempt; any exception that it raises fails the attempt."""

        def guarded() -> None:
            try:
                work(attempt)
            except Exception as error:
                attempt.fail(why_failed(attempt.source, error))

        try:
            self._threads.submit(guarded)
        except RuntimeError as closed:
            attempt.fail(why_failed(attempt.source, closed))

    def close(self) -> None:
        """Finish the queued work and end the threads."""
        self._threads.shutdown(wait=True, cancel_futures=False)


class SecondLooks:
    """Ends an attempt by what source and raw hold now, or restarts it with ``begin``."""

    def __init__(
        self,
        source: "S3Store",
        raw: "S3Store",
        as_of: datetime,
        comparer: Comparer,
        begin: Callable[[Attempt], None],
    ) -> None:
        self._source = source
        self._raw = raw
        self._as_of = as_of
        self._comparer = comparer
        self._begin = begin

    def at_source(self, attempt: Attempt, error: StoreError | None = None) -> None:
        """Continue with the source's current version; it may have changed since it was listed."""
        now = _listed(self._source, attempt.source.key)
        if now is None:
            attempt.end(Ending.GONE)
        elif now.etag == attempt.source.etag and may_be_about_raw(error, attempt.there):
            self.at_raw(attempt)
        elif attempt.looked_again:
            same = now.etag == attempt.source.etag
            attempt.fail(AT_ODDS if same else CHANGED_TWICE)
        else:
            attempt.looked_again = True
            self._go_on_with(attempt, SourceObject._make(now))

    def at_raw(self, attempt: Attempt) -> None:
        """Handle a change of raw since its listing, by another copy or by a lost request."""
        now = _listed(self._raw, attempt.raw_key)
        there = None if now is None else now.etag
        if there is None or there == attempt.there:
            self._write_again(attempt, there)
        else:
            found = self._comparer.compare(attempt.source, attempt.raw_key, there)
            self._by_bytes(attempt, there, found)

    def _by_bytes(self, attempt: Attempt, there: str, found: Bytes) -> None:
        """Decide by the bytes: another copy may have been faster, or the source changed."""
        if found is Bytes.SAME:
            attempt.end(Ending.PRESENT, raw_etag=there)
        elif found is Bytes.CHANGED:
            self.at_source(attempt)
        else:
            attempt.fail(CHANGED_IN_RAW)

    def _go_on_with(self, attempt: Attempt, now: SourceObject) -> None:
        attempt.source = now
        if now.last_modified > self._as_of:
            attempt.end(Ending.NEWER)
        else:
            self._begin(attempt)

    def _write_again(self, attempt: Attempt, there: str | None) -> None:
        """Retry with ``there`` as the condition; if S3 refuses again, the attempt fails."""
        if attempt.looked_at_raw:
            attempt.fail(RAW_AT_ODDS if there == attempt.there else CHANGED_IN_RAW)
            return
        attempt.looked_at_raw, attempt.there = True, there
        self._begin(attempt)


def _listed(store: "S3Store", key: str) -> Entry | None:
    """Return the object as listed now: HEAD would give its time in whole seconds only."""
    for entry in store.list(key):
        return entry if entry.key == key else None
    return None
