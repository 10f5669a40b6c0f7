"""A run on EMR: a cluster per group of units, a step per unit; records in the lake prove it."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Generic

from checkout_assets.domain.failures import Diagnosis
from checkout_assets.engines.emr.api import EmrApi
from checkout_assets.engines.emr.cluster import MOST_STEPS, Cluster, run_steps
from checkout_assets.engines.emr.options import EmrOptions
from checkout_assets.engines.emr.request import launch_request, run_name
from checkout_assets.engines.emr.work import StepWork
from checkout_assets.engines.fleet.backend import Numbers, R, Standing, U
from checkout_assets.engines.fleet.tags import run_tags, tagged_group
from checkout_assets.engines.fleet.vcpu_quotas import quota_refusal
from spark_jobs.contract.failures import Failure


class EmrBackend(Generic[U, R]):
    """EMR as the backend of a supervised run."""

    host_word, store_word = "cluster", "the lake"
    repeats_safely = False

    def __init__(self, options: EmrOptions, work: StepWork[U, R], api: EmrApi, run_id: str) -> None:
        self._options = options
        self._work = work
        self._api = api
        self._run_id = run_id
        self.unit_word, self.done_word = work.unit_word, work.done_word
        self.choices = max(len(options.subnets), 1)
        # A cluster that this run does not own is the only one there is.
        self.units_per_host = sys.maxsize if options.cluster_id else work.units_per_cluster

    def prepare(self) -> None:
        """Do nothing: there is nothing to prepare."""

    def earlier(self) -> Mapping[str, int]:
        """Return, by the unit's name, the highest attempt that left a result."""
        return self._work.attempts()

    def proven(self, numbers: Numbers[U]) -> Sequence[R]:
        """Return the units that the run's records prove done."""
        found = (self._work.result(unit, number) for unit, number in numbers.items())
        return [each for each in found if each is not None and each.ok]

    def failed(self, unit: U, error: str, failure: Failure) -> R:
        return self._work.failed(unit, error, failure)

    def find(self) -> Sequence[Standing]:
        """Return the run's clusters; a cluster that it does not own is always there."""
        if self._options.cluster_id:
            return [Standing(self._options.cluster_id, alive=True)]
        name = run_name(self._options, self._run_id)
        found = self._api.find(name, run_tags(self._options.deployment, self._run_id))
        return [Standing(each.id, each.alive, tagged_group(each.tags or {})) for each in found]

    def refusal(self, hosts: int, tell: Callable[[str], None]) -> Diagnosis | None:
        nodes, words = self._options.host_nodes, (self.host_word, self.unit_word)
        return quota_refusal(self._api.quotas, nodes, hosts, words, tell)

    def new(self, numbers: Numbers[U], group: int) -> Cluster[U, R]:
        first = dict(list(numbers.items())[:MOST_STEPS])
        steps = [self._work.step(unit, number) for unit, number in first.items()]

        def launch(choice: int) -> str:
            request = launch_request(self._options, self._run_id, steps, choice, group)
            return self._api.launch(request)

        return self._cluster(first, launch)

    def attach(self, host: str) -> Cluster[U, R]:
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

    def _cluster(self, given: dict[U, int], launch: Callable[[int], str]) -> Cluster[U, R]:
        return Cluster(self._api, self._work, self._run_id, given, launch)
