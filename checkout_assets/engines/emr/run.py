"""One run: attach or launch, follow, try again what is worth it, and leave nothing running."""

import logging
from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING

from checkout_assets.domain.failures import Cause, Diagnosis
from checkout_assets.domain.folders import Folder
from checkout_assets.engines.aws_requests import AwsRequestError
from checkout_assets.engines.emr.following import Follower, Work
from checkout_assets.engines.emr.launching import Launcher
from checkout_assets.engines.emr.logs import console_link
from checkout_assets.engines.emr.results import RunResults
from checkout_assets.engines.structuring.spark_engine import StructuredFolder

if TYPE_CHECKING:
    from checkout_assets.engines.emr.engine import EmrEngine

_log = logging.getLogger(__name__)


class EmrRun:
    """The folders of one run id, from launch to termination."""

    def __init__(self, engine: "EmrEngine", folders: Sequence[Folder], run_id: str) -> None:
        self._engine = engine
        self._run_id = run_id
        self._left = {folder: Work() for folder in folders}
        self._results = RunResults(engine.lake, run_id)
        self._launcher = Launcher(engine.options, engine.api, engine.clock, run_id)
        self._follower: Follower | None = None

    def results(self) -> Iterator[StructuredFolder]:
        """See FolderEngine."""
        yield from self._done_before()
        if not self._left:
            return
        try:
            yield from self._work_through()
        finally:
            self._release()

    def _done_before(self) -> Iterator[StructuredFolder]:
        attempts = self._results.attempts()
        for folder, work in list(self._left.items()):
            attempt = attempts.get(folder.name, 0)
            found = self._results.of(folder, max(attempt, 1))
            if found is not None and found.ok:
                del self._left[folder]
                yield found
            else:
                work.attempt = attempt + 1

    def _work_through(self) -> Iterator[StructuredFolder]:
        """Use one cluster after another, as long as losing one is worth another try."""
        options, lost = self._engine.options, 0
        while self._left:
            end = yield from self._on_a_cluster(first=not lost)
            if end is None:
                return
            lost += 1
            if options.cluster_id or lost > min(end.retries, options.most_clusters - 1):
                yield from self._give_up(end)
                return
            _log.warning(
                "%s; another cluster does the %d folders left", end.reason, len(self._left)
            )
            if end.cause is Cause.CAPACITY:
                self._launcher.try_another_subnet()
            for work in self._left.values():
                work.attempt += 1

    def _on_a_cluster(self, first: bool) -> Generator[StructuredFolder, None, Diagnosis | None]:
        """Work on one cluster; returns why it ended before its work, or None if all is done."""
        engine = self._engine
        follower = self._follower = Follower(engine, self._run_id, self._left, self._results)
        try:
            self._launcher.spread()
            cluster = engine.options.cluster_id or (self._launcher.find_living() if first else "")
            if cluster:
                follower.attach(cluster)
            else:
                follower.begin(self._launcher.launch)
            return (yield from follower.follow())
        except AwsRequestError as error:
            return Diagnosis(error.diagnosis.cause, error.diagnosis.reason)

    def _give_up(self, end: Diagnosis) -> Iterator[StructuredFolder]:
        """Every folder left fails for the same reason."""
        cluster = self._follower.cluster if self._follower else ""
        where = f" See {console_link(self._engine.api.region, cluster)}" if cluster else ""
        for folder, work in list(self._left.items()):
            del self._left[folder]
            error = f"{folder}: not structured, because {end.reason}.{where}"
            yield StructuredFolder(
                folder, self._run_id, error=error, attempts=work.tries, cluster=cluster
            )

    def _release(self) -> None:
        """Leave nothing running that this run started."""
        if not self._engine.options.cluster_id:
            self._launcher.terminate()
        elif self._left and self._follower:
            self._follower.cancel()
