"""A run on EC2: an instance per group of folders; raw's completion records are the proof."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from checkout_assets.domain.failures import Diagnosis
from checkout_assets.domain.folders import Folder
from checkout_assets.engines.copying.result import FolderCopied
from checkout_assets.engines.ec2.api import Ec2Api
from checkout_assets.engines.ec2.copy_job import CopyJob
from checkout_assets.engines.ec2.instance import Instance
from checkout_assets.engines.ec2.options import WORKER_TAG, Ec2Options
from checkout_assets.engines.ec2.records import RunRecords
from checkout_assets.engines.ec2.request import Image, Launch, launch_request
from checkout_assets.engines.ec2.user_data import render_user_data
from checkout_assets.engines.fleet.backend import Numbers, Standing
from checkout_assets.engines.fleet.tags import run_tags, tagged_group
from checkout_assets.engines.fleet.vcpu_quotas import quota_refusal
from checkout_assets.engines.worker.reports import (
    WorkerReports,
    worker_name,
    worker_prefix,
    workers_of,
)
from spark_jobs.contract.failures import Failure
from spark_jobs.stores import Store


class Ec2Backend:
    """EC2 as the backend of a supervised run."""

    host_word, unit_word, done_word = "instance", "folder", "copied"
    repeats_safely = True
    """A client token makes a repeated request return the instance of the first one."""

    def __init__(  # noqa: PLR0913 - what a run at EC2 is made of
        self,
        options: Ec2Options,
        job: CopyJob,
        api: Ec2Api,
        raw: Store,
        fleet: Store,
        *,
        run_id: str,
    ) -> None:
        self._options = options
        self._job = job
        self._api = api
        self._raw = raw
        self._fleet = fleet
        self._run_id = run_id
        self._records = RunRecords(raw, run_id)
        self._image: Image | None = None
        self._workers: dict[str, str] = {}
        self.store_word = options.fleet_uri
        self.choices = len(options.choices)
        self.units_per_host = options.folders_per_instance

    def prepare(self) -> None:
        """Settle the cut-off: otherwise each instance would use its own current time."""
        self._job = self._job.settled(self._raw)

    def earlier(self) -> Mapping[str, int]:
        """Return nothing: an attempt leaves its completion record or what the next overwrites."""
        return {}

    def proven(self, numbers: Numbers[Folder]) -> Sequence[FolderCopied]:
        """Return the folders that have this run's completion record in raw."""
        return self._records.among(list(numbers))

    def failed(self, folder: Folder, error: str, failure: Failure) -> FolderCopied:
        return FolderCopied(folder, error=error, failure=failure)

    def find(self) -> Sequence[Standing]:
        found = self._api.find(run_tags(self._options.deployment, self._run_id))
        self._workers |= {each.id: each.tags[WORKER_TAG] for each in found}
        latest = sorted(found, key=lambda each: each.tags[WORKER_TAG], reverse=True)
        return [Standing(each.id, each.alive, tagged_group(each.tags)) for each in latest]

    def refusal(self, hosts: int, tell: Callable[[str], None]) -> Diagnosis | None:
        nodes, words = self._options.host_nodes, (self.host_word, self.unit_word)
        return quota_refusal(self._api.quotas, nodes, hosts, words, tell)

    def new(self, numbers: Numbers[Folder], group: int) -> Instance:
        worker = self._next_worker()
        deadline = datetime.now(UTC) + timedelta(hours=self._options.deadline_hours)
        told = self._job.for_worker(
            self._options, self._api.region, list(numbers), self._run_id, worker, deadline
        )
        launch = Launch(self._run_id, worker, render_user_data(told), group)
        return self._instance(worker, numbers, lambda choice: self._launch(launch, choice))

    def attach(self, host: str) -> Instance:
        instance = self._instance(self._workers[host], {}, lambda _: host)
        instance.id = host
        return instance

    def is_gone(self, host: str) -> bool:
        status = self._api.describe(host)
        return status is None or status.state == "terminated"

    def terminate(self, host: str) -> None:
        self._api.terminate(host)

    def _next_worker(self) -> str:
        """Return a name that no instance of this run had, so that their files are not mixed up."""
        used = workers_of(self._fleet, self._run_id)
        return worker_name(max((int(name[1:]) for name in used), default=0) + 1)

    def _launch(self, launch: Launch, choice: int) -> str:
        choices = self._options.choices
        chosen = choices[choice % len(choices)]
        return self._api.launch(launch_request(self._options, self._prepared(), launch, chosen))

    def _prepared(self) -> Image:
        """Return what all launches of a run have in common."""
        if self._image is None:
            if self._options.ssh_cidr:
                self._api.allow_ssh(self._options.security_group, self._options.ssh_cidr)
            ami = self._options.ami or self._api.newest_image(self._options.architecture)
            self._image = self._api.image(ami)
        return self._image

    def _instance(
        self, worker: str, numbers: Numbers[Folder], launch: Callable[[int], str]
    ) -> Instance:
        reports = WorkerReports(self._fleet, worker_prefix(self._run_id, worker))
        return Instance(self._api, reports, self._records, worker, dict(numbers), launch)
