"""EMR's responses as plain values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from checkout_assets.domain.failures import Cause, Diagnosis
from checkout_assets.engines.aws_requests import AwsRequestError, diagnosed
from checkout_assets.engines.aws_setup import configuring, region_for
from checkout_assets.engines.fleet.quota_requests import QuotaRequests
from checkout_assets.engines.fleet.vcpu_quotas import QuotaAsk
from checkout_assets.engines.locations import principal

if TYPE_CHECKING:
    from mypy_boto3_emr import EMRClient

_ENDLESS = Diagnosis(Cause.PERMANENT, "EMR's list of steps repeats itself and does not end")
_ENDING: Any = "TERMINATING"
ALIVE: tuple[Any, ...] = ("STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING")
_ACTIVE_STEPS = ("PENDING", "CANCEL_PENDING", "RUNNING")


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """A cluster: its state, and if it is ending, why."""

    id: str
    state: str
    code: str = ""
    message: str = ""
    error_codes: Sequence[str] = ()
    log_uri: str = ""
    tags: Mapping[str, str] | None = None

    @property
    def alive(self) -> bool:
        """Whether it accepts steps."""
        return self.state in ALIVE

    @property
    def over(self) -> bool:
        """Whether nothing of it is running any more."""
        return not self.alive and self.state != _ENDING


@dataclass(frozen=True, slots=True)
class StepStatus:
    """A step: its id, state, and EMR's explanation if it failed."""

    id: str
    name: str
    state: str
    reason: str = ""
    message: str = ""

    @property
    def active(self) -> bool:
        """Whether it is pending or running."""
        return self.state in _ACTIVE_STEPS


class EmrApi:
    """The few requests that a run makes.

    ``client`` retries transient errors; ``once`` never does. If a response is lost, launching a
    cluster or adding a step again would do the work twice. ``quotas`` asks for the account's vCPU
    quotas.
    """

    def __init__(self, client: "EMRClient", once: "EMRClient", quotas: QuotaAsk) -> None:
        self._client = client
        self._once = once
        self.quotas = quotas

    @property
    def region(self) -> str:
        """The region of the clusters."""
        return self._client.meta.region_name

    def launch(self, request: Mapping[str, Any]) -> str:
        """Launch a cluster and return its id."""
        with diagnosed():
            return self._once.run_job_flow(**request)["JobFlowId"]

    def add_steps(self, cluster: str, steps: Sequence[Mapping[str, Any]]) -> None:
        """Add steps after the pending ones."""
        with diagnosed():
            self._once.add_job_flow_steps(JobFlowId=cluster, Steps=[*steps])  # type: ignore[list-item]

    def find(self, name_prefix: str, tags: Mapping[str, str]) -> list[ClusterStatus]:
        """Return the clusters with this name prefix and those tags, unless they are over."""
        with diagnosed():
            pages = self._client.get_paginator("list_clusters").paginate(
                ClusterStates=[*ALIVE, _ENDING]
            )
            ids = [
                each["Id"]
                for page in pages
                for each in page["Clusters"]
                if each["Name"].startswith(name_prefix)
            ]
        found = [self.describe(cluster) for cluster in ids]
        return [each for each in found if not each.over and _has(each, tags)]

    def describe(self, cluster: str) -> ClusterStatus:
        """Return the cluster's status."""
        with diagnosed():
            told: Mapping[str, Any] = self._client.describe_cluster(ClusterId=cluster)["Cluster"]
        status = told["Status"]
        reason = status.get("StateChangeReason") or {}
        return ClusterStatus(
            cluster,
            status["State"],
            reason.get("Code") or "",
            reason.get("Message") or "",
            [each.get("ErrorCode") or "" for each in status.get("ErrorDetails") or ()],
            told.get("LogUri") or "",
            {tag["Key"]: tag.get("Value") or "" for tag in told.get("Tags") or ()},
        )

    def steps(self, cluster: str) -> Iterator[StepStatus]:
        """Yield the cluster's steps, newest first, one page at a time."""
        marker: dict[str, Any] = {}
        while True:
            with diagnosed():
                page: Mapping[str, Any] = self._client.list_steps(ClusterId=cluster, **marker)
            for told in page["Steps"]:
                status = told["Status"]
                details = status.get("FailureDetails") or {}
                yield StepStatus(
                    told["Id"],
                    told["Name"],
                    status["State"],
                    details.get("Reason") or "",
                    details.get("Message") or "",
                )
            if not page.get("Marker"):
                return
            if page["Marker"] == marker.get("Marker"):
                raise AwsRequestError(_ENDLESS, in_doubt=False)
            marker = {"Marker": page["Marker"]}

    def cancel_steps(self, cluster: str, steps: Sequence[str]) -> None:
        """Cancel pending and running steps."""
        with diagnosed():
            self._client.cancel_steps(
                ClusterId=cluster, StepIds=[*steps], StepCancellationOption="TERMINATE_PROCESS"
            )

    def terminate(self, cluster: str) -> None:
        """Start to terminate the cluster; one that has ended does not change."""
        with diagnosed():
            self._client.terminate_job_flows(JobFlowIds=[cluster])


def emr_clients(region: str = "", endpoint_url: str = "") -> EmrApi:
    """Create clients of the environment's account; the retrying one adapts to EMR's throttling."""
    from botocore.config import Config

    session = principal()
    chosen = region_for(session, region, "CHECKOUT_EMR_REGION")

    def client(retries: Any) -> Any:
        return session.client(
            "emr",
            region_name=chosen,
            endpoint_url=endpoint_url or None,
            config=Config(retries=retries, user_agent_extra="checkout-assets"),
        )

    with configuring(session):
        return EmrApi(
            client({"mode": "adaptive", "total_max_attempts": 8}),
            client({"mode": "standard", "total_max_attempts": 1}),
            QuotaRequests(chosen, endpoint_url),
        )


def _has(cluster: ClusterStatus, tags: Mapping[str, str]) -> bool:
    return tags.items() <= (cluster.tags or {}).items()
