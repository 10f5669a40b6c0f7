"""Clusters that start, run their steps as local processes, fail as configured, and end."""

import gzip
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from moto.core.utils import utcnow
from moto.emr.models import emr_backends

from checkout_assets_tests.local_emr.api_server import EmrApiServer
from checkout_assets_tests.local_emr.moto_patches import ALIVE, cancel_step, patched_moto
from spark_jobs.stores import open_store

ACCOUNT = "123456789012"
REGION = "us-east-2"
_TICK = 0.02

_MANAGED_POLICIES_TAG = "for-use-with-amazon-emr-managed-policies"
_ONE_ATTEMPT = "spark.yarn.maxAppAttempts=1"

Command = Callable[[Sequence[str], Path], Sequence[str]]
"""Turns a step's arguments and its working directory into the arguments of a local process."""


@dataclass(frozen=True)
class ClusterFault:
    """How a cluster ends early, after this number of completed steps."""

    code: str
    message: str = ""
    after_steps: int = 0
    error_codes: Sequence[str] = ()


NO_CLEAN_UP_ROLE = ClusterFault(
    "VALIDATION_ERROR",
    "Service-linked role 'AWSServiceRoleForEMRCleanup' for EMR is required. Please create this "
    "role directly or add permission to create it in your IAM entity.",
)
"""The end of a cluster whose account lacks the role and whose launcher may not create it, as
a bug report of awslabs/aws-emr-launch quotes it; no source tells the code."""

OVER_QUOTA = ClusterFault(
    "INTERNAL_ERROR",
    "The request to create the EMR cluster or add EC2 instances to it failed. The number of vCPUs "
    "for instance type m5.xlarge exceeds the EC2 service quota for that type. Request a service "
    "quota increase for your AWS account or choose a different instance type and retry the "
    "request. For more information, see "
    "https://docs.aws.amazon.com/console/elasticmapreduce/vcpu-limit",
)
"""As tests of public code that handles it quote EMR's answer."""


@dataclass
class LocalEmr:
    """EMR of one account and region.

    ``step_faults`` maps a folder's name to what its next attempts write to standard error before
    they fail; ``""`` is the blank failure of the hand run. ``cluster_faults`` are for the next
    clusters, None for one that works. ``frozen`` clusters start no step by themselves.
    ``clean_up_role`` says whether the account has the service-linked role that EMR needs.
    """

    command: Command
    environment: Mapping[str, str] = field(default_factory=dict)
    step_faults: dict[str, list[str]] = field(default_factory=dict)
    cluster_faults: list[ClusterFault | None] = field(default_factory=list)
    boot_seconds: float = 0.05
    api: EmrApiServer = field(default_factory=EmrApiServer)
    frozen: bool = False
    clean_up_role: bool = True

    def __post_init__(self) -> None:
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._work: list[threading.Thread] = []
        self._stop = threading.Event()

    @contextmanager
    def running(self) -> Iterator["LocalEmr"]:
        """Serve the API and move clusters and steps along until the end."""
        emr_backends[ACCOUNT][REGION].reset()
        with patched_moto(), self.api.serving(), tempfile.TemporaryDirectory() as home:
            self._home = Path(home)
            thread = threading.Thread(target=self._loop, daemon=True)
            thread.start()
            try:
                yield self
            finally:
                self._stop.set()
                thread.join()
                for cluster in self.clusters:
                    for step in cluster.steps:
                        cancel_step(step)  # also one whose process is not there yet
                for process in list(self._processes.values()):
                    _kill(process)
                for work in self._work:
                    work.join()
                emr_backends[ACCOUNT][REGION].reset()

    @property
    def clusters(self) -> list[Any]:
        """All clusters, in the order of their launch."""
        return list(emr_backends[ACCOUNT][REGION].clusters.values())

    def living(self) -> list[str]:
        """The ids of clusters that cost money."""
        return [cluster.id for cluster in self.clusters if cluster.state in ALIVE]

    def wait_until(self, condition: Callable[[], bool], seconds: float = 20) -> None:
        """Wait for something to become true; raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(_TICK)

    def end_cluster(
        self, cluster: Any, code: str, message: str = "", error_codes: Sequence[str] = ()
    ) -> None:
        """End it as AWS would, at once."""
        cluster.error_details = [{"ErrorCode": each} for each in error_codes]
        for step in cluster.steps:
            cancel_step(step)
        cluster.reason = {"Code": code, "Message": message}
        cluster.end_datetime, cluster.state = utcnow(), "TERMINATED_WITH_ERRORS"

    def _loop(self) -> None:
        while not self._stop.wait(_TICK):
            with self.api.lock:
                for cluster in self.clusters:
                    self._tick(cluster)

    def _tick(self, cluster: Any) -> None:
        if not hasattr(cluster, "born"):
            cluster.born = time.monotonic()
            fault = self.cluster_faults.pop(0) if self.cluster_faults else None
            refusal = None if self.clean_up_role else NO_CLEAN_UP_ROLE
            refusal = refusal or _refusal_of_service_role(cluster)
            refusal = refusal or self._refusal_of_quota(cluster)
            cluster.fault = refusal or fault
        running = [step for step in cluster.steps if step.state == "RUNNING"]
        for step in running:
            if step.cancel_requested and step.id in self._processes:
                _kill(self._processes[step.id])
        if cluster.state == "TERMINATING" and not running:
            cluster.end_datetime, cluster.state = utcnow(), "TERMINATED"
        booting = time.monotonic() - cluster.born < self.boot_seconds
        if cluster.state not in ALIVE or booting or self.frozen:
            return
        done = sum(step.state == "COMPLETED" for step in cluster.steps)
        if cluster.fault and done >= cluster.fault.after_steps:
            fault = cluster.fault
            self.end_cluster(cluster, fault.code, fault.message, fault.error_codes)
            return
        room = (cluster.step_concurrency_level or 1) - len(running)
        waiting = [step for step in cluster.steps if step.state == "PENDING"]
        for step in waiting[: max(room, 0)]:
            step.state, step.start_date_time = "RUNNING", utcnow()
            work = threading.Thread(target=self._run, args=(cluster, step), daemon=True)
            work.start()
            self._work.append(work)
        cluster.state = "RUNNING" if waiting or running else "WAITING"
        cluster.ready_datetime = cluster.ready_datetime or utcnow()

    def _refusal_of_quota(self, cluster: Any) -> ClusterFault | None:
        living = self.living()
        earlier = living[: living.index(cluster.id) + 1]
        used = [self.api.used.get(each, {}) for each in earlier]
        return OVER_QUOTA if self.api.quotas.exceeded(used) else None

    def _run(self, cluster: Any, step: Any) -> None:
        place = self._home / cluster.id / step.id
        place.mkdir(parents=True)
        errors = place / "stderr"
        faults = self.step_faults.get(step.args[-1])
        try:
            status = 1
            if faults:
                errors.write_text(faults.pop(0))
            else:
                status = self._execute(step, place)
                if status and _has_another_attempt(step):
                    status = self._execute(step, place)
        except OSError as error:
            errors.write_text(f"{error}\n")
        self._keep_log(cluster, step, errors)
        step.end_date_time = utcnow()
        if step.cancel_requested:
            step.state = "CANCELLED"
        elif status == 0:
            step.state = "COMPLETED"
        else:
            message = "\n".join(errors.read_text(errors="replace").strip().splitlines()[-1:])
            step.failure_details = {"Reason": "Unknown Error.", "Message": message[:500]}
            step.state = "FAILED"

    def _execute(self, step: Any, place: Path) -> int:
        with (place / "stdout").open("wb") as out, (place / "stderr").open("wb") as errors:
            process = subprocess.Popen(
                self.command(step.args, place),
                cwd=place,
                stdout=out,
                stderr=errors,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )
            self._processes[step.id] = process
            if step.cancel_requested:
                _kill(process)
            status = process.wait()
            del self._processes[step.id]
        return status

    def _keep_log(self, cluster: Any, step: Any, errors: Path) -> None:
        if cluster.log_uri:
            logs = open_store(cluster.log_uri)
            packed = gzip.compress(errors.read_bytes() if errors.exists() else b"")
            logs.put(f"{cluster.id}/steps/{step.id}/stderr.gz", packed)


def _refusal_of_service_role(cluster: Any) -> ClusterFault | None:
    """EMR Management Guide, 'Amazon EMR managed policies': AmazonEMRServicePolicy_v2 lets the
    service role create only what carries its tag, which a cluster hands on.
    """
    tags = {tag["Key"]: tag["Value"] for tag in cluster.tags}
    if not cluster.service_role or tags.get(_MANAGED_POLICIES_TAG) == "true":
        return None
    told = f"Service role {cluster.service_role} has insufficient EC2 permissions"
    return ClusterFault("VALIDATION_ERROR", told)


def _has_another_attempt(step: Any) -> bool:
    """Spark, 'Running on YARN': spark.yarn.maxAppAttempts is YARN's own number unless set, and
    yarn.resourcemanager.am.max-attempts is 2 in yarn-default.xml.
    """
    in_cluster = "spark-submit" in step.args and "cluster" in step.args
    return in_cluster and not step.cancel_requested and _ONE_ATTEMPT not in step.args


def _kill(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
