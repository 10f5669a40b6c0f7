"""The worker's side of the reports: its progress, and whether a listener is there.

Nothing here fails the copying: a report that cannot be written is written at the next beat.
"""

import random
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from checkout_assets.domain.folders import Folder
from checkout_assets.engines.copying.progress import NoProgress
from checkout_assets.engines.locations import S3Location, principal
from checkout_assets.engines.worker.reports import (
    End,
    FolderReport,
    Listening,
    Phase,
    Progress,
    WorkerOutcome,
    WorkerReports,
)
from spark_jobs.contract.failures import Failure
from spark_jobs.stores import StoreError

BEAT_SECONDS = 15.0
_LAST_TRIES_AFTER_SECONDS = (0.0, 1.0, 4.0, 10.0)
_CONNECT_SECONDS, _READ_SECONDS = 5, 15
_LONGEST_BEAT_SECONDS = 30.0
"""Seconds that the final report waits for a running beat: a Spot instance has two minutes."""


def open_reports(place: S3Location) -> WorkerReports:
    """Open the worker's own files with a client that gives up soon: the next beat tries again."""
    from botocore.config import Config

    from spark_jobs.stores import S3Store

    session = principal()
    region = place.open(session).client.meta.region_name
    quickly = Config(
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_READ_SECONDS,
        retries={"mode": "standard", "max_attempts": 2},
    )
    client = place.terms.bind(session.client("s3", region_name=region, config=quickly))
    return WorkerReports(S3Store(place.bucket, place.prefix, client, session, place.terms))


class Reporter(NoProgress):
    """A CopyProgress that reports every beat from a thread of its own, from start to end.

    ``reach`` opens the reports; it is called again until it succeeds.
    """

    def __init__(
        self,
        reach: Callable[[], WorkerReports],
        folders: int,
        beat_seconds: float = BEAT_SECONDS,
        last_tries_after_seconds: Sequence[float] = _LAST_TRIES_AFTER_SECONDS,
    ) -> None:
        self._reach = reach
        self._folders = folders
        self._beat_seconds = beat_seconds
        self._last_tries = last_tries_after_seconds
        self._reports: WorkerReports | None = None
        self._lock = threading.Lock()
        self._objects = self._bytes = self._copied = 0
        self._silent = 0.0
        self._ended: dict[Folder, FolderReport] = {}
        self._unsaid: dict[Folder, FolderReport] = {}
        self._last_objects, self._last_at = 0, time.monotonic()
        self._heard: Listening | None = None
        self._heard_at = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beats, name="report", daemon=True)

    def start(self) -> None:
        """Start to report and to listen."""
        self._heard_at = self._last_at = time.monotonic()
        self._thread.start()

    def on_objects(self, folder: Folder, objects: int, size: int, copied: int) -> None:  # noqa: ARG002
        with self._lock:
            self._objects += objects
            self._bytes += size
            self._copied += copied

    def on_silence(self, seconds: float) -> None:
        self._silent = seconds

    def finish_folder(self, result: FolderReport) -> None:
        """Queue the report of a folder that has ended for the next beat."""
        with self._lock:
            self._ended[result.folder] = self._unsaid[result.folder] = result

    @property
    def complete(self) -> int:
        """Count the folders that have ended and are complete."""
        with self._lock:
            return sum(result.ok for result in self._ended.values())

    @property
    def silent_seconds(self) -> float:
        """Return the seconds since the listener's file last changed, or since this began.

        An unreadable file counts as silence. The clocks of two machines are never compared.
        """
        return time.monotonic() - self._heard_at

    def end(self, outcome: WorkerOutcome, message: str, failure: Failure | None = None) -> bool:
        """Report the end and everything not yet reported; returns whether that could be written."""
        self._over.set()
        self._thread.join(_LONGEST_BEAT_SECONDS)
        end = End(datetime.now(UTC), outcome, message, failure)
        for seconds in self._last_tries:
            time.sleep(seconds * random.uniform(0.5, 1.0))
            error = self._managed(lambda reports: self._say_all(reports, end))
            if error is None:
                return True
            if isinstance(error, StoreError) and not error.transient:
                break
        return False

    def _beats(self) -> None:
        while True:
            self._managed(self._listen)
            self._managed(self._say_all)
            if self._over.wait(self._beat_seconds):
                return

    def _managed(self, action: Callable[[WorkerReports], None]) -> Exception | None:
        """Run the action; returns its exception instead of raising it."""
        try:
            if self._reports is None:
                self._reports = self._reach()
            action(self._reports)
        except Exception as error:
            # Any error, from no network to expired credentials: copying continues.
            return error
        return None

    def _listen(self, reports: WorkerReports) -> None:
        heard = reports.listening()
        if heard is not None and heard != self._heard:
            self._heard, self._heard_at = heard, time.monotonic()

    def _say_all(self, reports: WorkerReports, end: End | None = None) -> None:
        for result in list(self._unsaid.values()):
            reports.finish_folder(result)
            with self._lock:
                self._unsaid.pop(result.folder, None)
        reports.report(self._progress())
        if end is not None:
            reports.end(end)

    def _progress(self) -> Progress:
        now, complete = time.monotonic(), self.complete
        with self._lock:
            rate = (self._objects - self._last_objects) / max(now - self._last_at, 1e-9)
            self._last_objects, self._last_at = self._objects, now
            return Progress(
                at=datetime.now(UTC),
                phase=Phase.COPYING,
                folders_done=complete,
                folders=self._folders,
                objects=self._objects,
                bytes=self._bytes,
                copied=self._copied,
                rate=round(rate, 1),
                silent=round(self._silent, 1),
            )
