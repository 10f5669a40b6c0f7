"""Write the data files of months on the run's own clusters, a step per month."""

import logging
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

from checkout_assets.domain.compaction.contents import MonthContents
from checkout_assets.engines.clock import Clock, WallClock
from checkout_assets.engines.compacting.writing import MonthWritten
from checkout_assets.engines.emr.api import EmrApi
from checkout_assets.engines.emr.backend import EmrBackend
from checkout_assets.engines.emr.month_work import MonthWork
from checkout_assets.engines.emr.options import EmrOptions, MonthsJob
from checkout_assets.engines.emr.request import refuse_attempt_id, refuse_long_steps
from checkout_assets.engines.fleet.run import FleetRun
from spark_jobs.stores import Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EmrMonthWriter:
    """Writes on EMR; ``job`` is called when the first month has to be written.

    The months of both tables share the run's clusters.
    """

    options: EmrOptions
    job: Callable[[], MonthsJob]
    api: EmrApi
    lake: Store
    clock: Clock = field(default_factory=WallClock)
    tell: Callable[[str], None] = _log.info

    def write(
        self, months: Sequence[MonthContents], run_id: str
    ) -> Generator[MonthWritten, None, None]:
        """Yield each month when it ends; however that is, the launched clusters are terminated.

        Calling it again with the same ``run_id`` re-attaches. Raises UsageError before anything is
        launched if the options' sizing, or the length of a step, is invalid.
        """
        refuse_attempt_id(run_id)
        job, units = self.job(), [each.unit for each in months]
        refuse_long_steps(self.options, job, [unit.name for unit in units])
        work = MonthWork(self.options, job, self.lake, months, run_id)
        backend = EmrBackend(self.options, work, self.api, run_id)
        return FleetRun(backend, units, self.options.pace, self.clock, self.tell).results()
