"""Compacting as the work of a run's steps: a month per step; its result in the lake proves it.

A result names data files that no snapshot names yet; the platform commits them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from checkout_assets.domain.compaction.contents import MonthContents
from checkout_assets.domain.compaction.months import TableMonth
from checkout_assets.engines.compacting.month_changes import CONTENTS_VERSION
from checkout_assets.engines.compacting.writing import MonthWritten
from checkout_assets.engines.emr.options import EmrOptions, MonthsJob
from checkout_assets.engines.emr.request import attempt_run_id, step_request
from checkout_assets.engines.emr.results import highest_attempts
from checkout_assets.engines.emr.work import StepWork
from spark_jobs.contract.failures import Failure
from spark_jobs.contract.keys import compacted_prefix, month_plan_key, result_key
from spark_jobs.contract.months import MonthPlan, MonthResult
from spark_jobs.contract.record_format import LaterFormatError, RecordError
from spark_jobs.stores import NotFoundError, Store

_CHANGED = Failure("ContentsChanged", transient=True)


class MonthWork(StepWork[TableMonth, MonthWritten]):
    """The months of one run, with what each is to be made from."""

    unit_word, done_word = "month", "compacted"

    def __init__(
        self,
        options: EmrOptions,
        job: MonthsJob,
        lake: Store,
        months: Sequence[MonthContents],
        run_id: str,
    ) -> None:
        self._options = options
        self._job = job
        self._lake = lake
        self._contents = {each.unit: each for each in months}
        self._run_id = run_id
        self.units_per_cluster = options.months_per_cluster

    def attempts(self) -> Mapping[str, int]:
        return highest_attempts(self._lake, self._run_id)

    def result(self, unit: TableMonth, attempt: int) -> MonthWritten | None:
        """Return how the attempt ended; None without a result that is the attempt's.

        Data files count only if they were made from the month's contents as they are now, and if
        the lake holds them.
        """
        try:
            told = self._told(unit, attempt)
        except LaterFormatError as error:
            later = f"{unit}: {error}. {error.advice('')}"
            return self.failed(unit, later, Failure("LaterFormat"))
        if told is None:
            return None
        if told.error:
            return self.failed(unit, told.error, told.failure or Failure("StepFailed"))
        if told.digest != self._digest(unit):
            changed = f"{unit}: a folder was published again since its files were read."
            return self.failed(unit, changed, _CHANGED)
        if any(self._lake.size(file.path) != file.size for file in told.files):
            return None
        return MonthWritten(unit, files=tuple(told.files), seconds=told.seconds)

    def step(self, unit: TableMonth, attempt: int) -> Mapping[str, Any]:
        """Write the plan that the step follows, and build the step."""
        run_id, month = attempt_run_id(self._run_id, attempt), str(unit.month)
        files = list(self._contents[unit].files)
        plan = MonthPlan(unit.table, month, self._digest(unit), self._job.target_bytes, files)
        self._lake.put(month_plan_key(unit.table, month, run_id), plan.to_json())
        return step_request(self._options, self._job, unit.name, self._run_id, attempt)

    def failed(self, unit: TableMonth, error: str, failure: Failure) -> MonthWritten:
        return MonthWritten(unit, error=error, failure=failure)

    def _digest(self, unit: TableMonth) -> str:
        return self._contents[unit].digest(CONTENTS_VERSION)

    def _told(self, unit: TableMonth, attempt: int) -> MonthResult | None:
        run_id = attempt_run_id(self._run_id, attempt)
        try:
            told = MonthResult.from_json(self._lake.get(result_key(unit.name, run_id)).data)
        except LaterFormatError:
            raise
        except (NotFoundError, RecordError):
            return None
        is_its = (told.table, told.month, told.run_id) == (unit.table, str(unit.month), run_id)
        own = f"{compacted_prefix(unit.table, str(unit.month))}{run_id}."
        return told if is_its and all(file.path.startswith(own) for file in told.files) else None
