"""The engine that structures folders on the run's own clusters."""

import logging
from collections.abc import Callable, Iterator, Sequence

from checkout_assets.domain.folders import FOLDER_NAMES, Folder
from checkout_assets.engines.clock import Clock, WallClock
from checkout_assets.engines.emr.api import EmrApi
from checkout_assets.engines.emr.backend import EmrBackend
from checkout_assets.engines.emr.folder_work import FolderWork
from checkout_assets.engines.emr.options import EmrOptions, OrdersJob
from checkout_assets.engines.emr.request import refuse_attempt_id, refuse_long_steps
from checkout_assets.engines.fleet.run import FleetRun
from checkout_assets.engines.structuring.spark_engine import StructuredFolder
from spark_jobs.stores import Store

_log = logging.getLogger(__name__)


class EmrEngine:
    """Structures folders on EMR, one step per folder, one cluster per group of folders."""

    def __init__(  # noqa: PLR0913 - what a run at EMR is made of
        self,
        options: EmrOptions,
        job: OrdersJob,
        api: EmrApi,
        lake: Store,
        clock: Clock | None = None,
        *,
        tell: Callable[[str], None] = _log.info,
    ) -> None:
        self.options = options
        self.job = job
        self.api = api
        self.lake = lake
        self.clock = clock or WallClock()
        self.tell = tell

    def check(self) -> None:
        """Raise UsageError if the options' sizing, or the length of a step, is invalid."""
        refuse_long_steps(self.options, self.job, FOLDER_NAMES)

    def run(self, folders: Sequence[Folder], run_id: str) -> Iterator[StructuredFolder]:
        """Yield each folder's outcome; however it ends, the launched clusters are terminated."""
        refuse_attempt_id(run_id)
        work = FolderWork(self.options, self.job, self.lake, run_id)
        backend = EmrBackend(self.options, work, self.api, run_id)
        return FleetRun(backend, folders, self.options.pace, self.clock, self.tell).results()
