"""Structuring as the work of a run's steps: a folder per step; publication records prove it."""

from collections.abc import Mapping
from typing import Any

from checkout_assets.domain.folders import Folder
from checkout_assets.engines.emr.options import EmrOptions, OrdersJob
from checkout_assets.engines.emr.request import step_request
from checkout_assets.engines.emr.results import RunResults
from checkout_assets.engines.emr.work import StepWork
from checkout_assets.engines.structuring.spark_engine import StructuredFolder
from spark_jobs.contract.failures import Failure
from spark_jobs.stores import Store


class FolderWork(StepWork[Folder, StructuredFolder]):
    """The folders of one run."""

    unit_word, done_word = "folder", "structured"

    def __init__(self, options: EmrOptions, job: OrdersJob, lake: Store, run_id: str) -> None:
        self._options = options
        self._job = job
        self._results = RunResults(lake, run_id)
        self._run_id = run_id
        self.units_per_cluster = options.folders_per_cluster

    def attempts(self) -> Mapping[str, int]:
        return self._results.attempts()

    def result(self, unit: Folder, attempt: int) -> StructuredFolder | None:
        return self._results.of(unit, attempt)

    def step(self, unit: Folder, attempt: int) -> Mapping[str, Any]:
        return step_request(self._options, self._job, unit.name, self._run_id, attempt)

    def failed(self, unit: Folder, error: str, failure: Failure) -> StructuredFolder:
        return StructuredFolder(unit, self._run_id, error=error, failure=failure)
