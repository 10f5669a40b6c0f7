"""moto's API over HTTP, with counted calls, AWS's request quotas and configurable errors."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from moto.core.request import Request
from moto.ec2.responses import EC2Response
from moto.emr.responses import ElasticMapReduceResponse
from werkzeug.wrappers import Response

from checkout_assets_tests.api_serving import serving_api
from checkout_assets_tests.aws_errors import json_error, xml_error
from checkout_assets_tests.local_quotas import LocalQuotas, vcpus_of

QUOTAS: dict[str, tuple[float, float]] = {
    "RunJobFlow": (10, 0.5),
    "AddJobFlowSteps": (10, 0.5),
    "ListSteps": (10, 0.5),
    "DescribeStep": (10, 0.5),
    "CancelSteps": (10, 0.5),
    "TerminateJobFlows": (10, 0.5),
    "DescribeCluster": (10, 1.0),
    "": (25, 5.0),
}
"""Burst and refill a second, as AWS documents them; the last is for all calls together."""


KNOWN_RELEASES = tuple(f"emr-7.{minor}.0" for minor in range(14))
"""EMR Release Guide, 'About Amazon EMR Releases': those of 7 that it lists, as of 2026-04."""


class Bucket:
    """Calls that may still be made."""

    def __init__(self, burst: float, refill: float, now: Callable[[], float]) -> None:
        self._burst, self._refill, self._now = burst, refill, now
        self._left, self._at = burst, now()

    def take(self) -> bool:
        """Take one if there is one."""
        now = self._now()
        self._left = min(self._burst, self._left + (now - self._at) * self._refill)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


@dataclass
class EmrApiServer:
    """The API; ``answers`` maps an operation to error codes that its next calls get.

    ``denies`` says which permission a request lacks, by its operation and what it sent.

    ``quotas`` are the account's, and ``used`` says by cluster what it uses of them.

    An error that begins with ``lost:`` is told after the call was carried out. While a call is
    carried out ``lock`` is held: moto shows a cluster before it is whole.
    """

    now: Callable[[], float] | None = None
    calls: Counter[str] = field(default_factory=Counter)
    throttled: Counter[str] = field(default_factory=Counter)
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    answers: dict[str, list[str]] = field(default_factory=dict)
    endpoint_url: str = ""
    denies: Callable[[str, dict[str, Any]], str] = lambda _operation, _sent: ""
    quotas: LocalQuotas = field(default_factory=LocalQuotas)
    used: dict[str, dict[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        self._buckets = (
            {name: Bucket(*quota, self.now) for name, quota in QUOTAS.items()} if self.now else {}
        )

    @contextmanager
    def serving(self) -> Iterator["EmrApiServer"]:
        """Serve on a free port of this machine."""
        with serving_api(self._answer) as self.endpoint_url:
            yield self

    def launched(self) -> list[dict[str, Any]]:
        """The RunJobFlow requests that were carried out, as they were sent."""
        return [body for name, body in self.requests if name == "RunJobFlow"]

    def _answer(self, request: Request) -> Response:
        operation = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        if operation in {"", "GetServiceQuota"}:
            return self._answer_about_quotas(request)
        with self.lock:
            refusal = self._refusal(operation)
            if refusal and not refusal.startswith("lost:"):
                return json_error(refusal)
            sent = json.loads(request.get_data() or b"{}")
            release = sent.get("ReleaseLabel", KNOWN_RELEASES[0])
            if release not in KNOWN_RELEASES:
                told = f"The supplied release label is invalid: {release}."
                return json_error("ValidationException", told)
            if denied := self.denies(operation, sent):
                return json_error("AccessDeniedException", f"User: the host is {denied}")
            self.requests.append((operation, sent))
            status, headers, body = ElasticMapReduceResponse.dispatch(request)
            if operation == "RunJobFlow":
                self.used[json.loads(body)["JobFlowId"]] = _vcpus_of_launch(sent)
        if refusal:
            return json_error(refusal.removeprefix("lost:"))
        return Response(body, status, dict(headers))

    def _answer_about_quotas(self, request: Request) -> Response:
        """EC2 and Service Quotas, which a launch on EMR asks too."""
        body = request.get_data().decode()
        form = dict(parse_qsl(body)) if body.startswith("Action=") else {}
        operation = form.get("Action", "GetServiceQuota")
        refused = xml_error if form else json_error
        with self.lock:
            self.calls[operation] += 1
            if self.answers.get(operation):
                return refused(self.answers[operation].pop(0))
            if denied := self.denies(operation, {}):
                return refused("UnauthorizedOperation", f"The host is {denied}")
            if not form:
                return self.quotas.answer(json.loads(body))
            status, headers, described = EC2Response.dispatch(request)
        return Response(described, status, dict(headers))

    def _refusal(self, operation: str) -> str:
        self.calls[operation] += 1
        if self.answers.get(operation):
            return self.answers[operation].pop(0)
        buckets = [self._buckets[name] for name in (operation, "") if name in self._buckets]
        taken = [bucket.take() for bucket in buckets]
        if all(taken):
            return ""
        self.throttled[operation] += 1
        return "ThrottlingException"


def _vcpus_of_launch(sent: dict[str, Any]) -> dict[str, int]:
    """By quota code, the vCPUs of all instances of a RunJobFlow request."""
    instances = sent.get("Instances", {})
    used: Counter[str] = Counter()
    for group in instances.get("InstanceGroups", ()):
        used.update(vcpus_of(group["InstanceType"], group["InstanceCount"]))
    for fleet in instances.get("InstanceFleets", ()):
        first = fleet["InstanceTypeConfigs"][0]["InstanceType"]
        used.update(vcpus_of(first, fleet.get("TargetOnDemandCapacity", 0)))
        used.update(vcpus_of(first, fleet.get("TargetSpotCapacity", 0), spot=True))
    return used
