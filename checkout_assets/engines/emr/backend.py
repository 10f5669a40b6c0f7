"""A run on EMR: a cluster per group of folders, a step per folder; publication records prove it."""

from collections.abc import Callable, Mapping, Sequence

from checkout_assets.domain.failures import Diagnosis
from checkout_assets.domain.folders import ALL_FOLDERS, Folder
from checkout_assets.engines.emr.api import EmrApi
from checkout_assets.engines.emr.cluster import MOST_STEPS, Cluster, run_steps
from checkout_assets.engines.emr.options import EmrOptions, OrdersJob
from checkout_assets.engines.emr.request import (
    launch_request,
    run_name,
    step_request,
)
from checkout_assets.engines.emr.results import RunResults
from checkout_assets.engines.fleet.backend import Numbers, Standing
from checkout_assets.engines.fleet.tags import run_tags, tagged_group
from checkout_assets.engines.fleet.vcpu_quotas import quota_refusal
from checkout_assets.engines.structuring.spark_engine import StructuredFolder
from spark_jobs.contract.failures import Failure
from spark_jobs.stores import Store


class EmrBackend:
    """EMR as the backend of a supervised run."""

    host_word, done_word, store_word = "cluster", "structured", "the lake"
    repeats_safely = False

    def __init__(
        self, options: EmrOptions, job: OrdersJob, api: EmrApi, lake: Store, run_id: str
    ) -> None:
        self._options = options
        self._job = job
        self._api = api
        self._run_id = run_id
        self._results = RunResults(lake, run_id)
        self.choices = max(len(options.subnets), 1)
        # A cluster that this run does not own is the only one there is.
        everything = bool(options.cluster_id)
        self.folders_per_host = len(ALL_FOLDERS) if everything else options.folders_per_cluster

    def prepare(self) -> None:
        """Do nothing: there is nothing to prepare."""

    def earlier(self) -> Mapping[str, int]:
        """Return, by folder name, the highest attempt that left a result."""
        return self._results.attempts()

    def proven(self, numbers: Numbers) -> Sequence[StructuredFolder]:
        """Return the folders that this run has published."""
        found = (self._results.of(folder, number) for folder, number in numbers.items())
        return [each for each in found if each is not None and each.ok]

    def failed(self, folder: Folder, error: str, failure: Failure) -> StructuredFolder:
        return StructuredFolder(folder, self._run_id, error=error, failure=failure)

    def find(self) -> Sequence[Standing]:
        """Return the run's clusters; a cluster that it does not own is always there."""
        if self._options.cluster_id:
            return [Standing(self._options.cluster_id, alive=True)]
        name = run_name(self._options, self._run_id)
        found = self._api.find(name, run_tags(self._options.deployment, self._run_id))
        return [Standing(each.id, each.alive, tagged_group(each.tags or {})) for each in found]

    def refusal(self, hosts: int, tell: Callable[[str], None]) -> Diagnosis | None:
        nodes = self._options.host_nodes
        return quota_refusal(self._api.quotas, nodes, hosts, self.host_word, tell)

    def new(self, numbers: Numbers, group: int) -> Cluster:
        first = dict(list(numbers.items())[:MOST_STEPS])
        steps = [self._step(folder, number) for folder, number in first.items()]

        def launch(choice: int) -> str:
            request = launch_request(self._options, self._run_id, steps, choice, group)
            return self._api.launch(request)

        return self._cluster(first, launch)

    def attach(self, host: str) -> Cluster:
        cluster = self._cluster({}, lambda _: host)
        cluster.id = host
        return cluster

    def is_gone(self, host: str) -> bool:
        return self._api.describe(host).over

    def terminate(self, host: str) -> None:
        """Terminate the cluster; on one that the run does not own, cancel only this run's steps."""
        if not self._options.cluster_id:
            self._api.terminate(host)
            return
        steps = run_steps(self._api, host, self._run_id)
        active = [step.id for _, step in steps if step.active]
        if active:
            self._api.cancel_steps(host, active)

    def _step(self, folder: Folder, number: int) -> Mapping[str, object]:
        return step_request(self._options, self._job, folder, self._run_id, number)

    def _cluster(self, given: dict[Folder, int], launch: Callable[[int], str]) -> Cluster:
        return Cluster(self._api, self._results, self._run_id, given, launch, self._step)
