"""EC2, SSM, IAM, STS and quotas over HTTP, with counted calls and configurable errors."""

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from moto.core.request import Request
from moto.ec2.responses import EC2Response
from moto.iam.responses import IamResponse
from moto.ssm.responses import SimpleSystemManagerResponse
from moto.sts.responses import TokenResponse
from werkzeug.wrappers import Response

from checkout_assets_tests.api_serving import serving_api
from checkout_assets_tests.aws_errors import json_error, xml_error
from checkout_assets_tests.local_quotas import ON_DEMAND_CODE, SPOT_CODE, LocalQuotas

_SERVICES: dict[str, Any] = {
    "ec2": EC2Response,
    "ssm": SimpleSystemManagerResponse,
    "iam": IamResponse,
    "sts": TokenResponse,
}
_SCOPE = re.compile(r"Credential=([^/]+)/\d+/[^/]+/(\w+)/aws4_request")
NO_SPOT_ROLE = (
    "AuthFailure.ServiceLinkedRoleCreationNotPermitted",
    "The provided credentials do not have permission to create the service-linked role for EC2 "
    "Spot Instances.",
)
"""RunInstances in an account without AWSServiceRoleForEC2Spot, as a bug report of
determined-ai/determined quotes it; EC2 User Guide, 'Service-linked role for Spot Instance
requests': with the API "you must first ensure that this role exists"."""

_OVER_QUOTA = {
    ON_DEMAND_CODE: (
        "VcpuLimitExceeded",
        "You have requested more vCPU capacity than your current vCPU limit allows for the "
        "instance bucket that the specified instance type belongs to.",
    ),
    SPOT_CODE: ("MaxSpotInstanceCountExceeded", "Max spot instance count exceeded"),
}
"""EC2 User Guide, 'Error codes for the Amazon EC2 API' and 'Spot Instance quotas'."""


@dataclass
class Ec2ApiServer:
    """The API; ``answers`` maps an operation to error codes that its next calls get.

    ``denies`` says which permission a request lacks, by its access key, service, operation and
    what it sent. An error that begins with ``lost:`` is told after the call was carried out.
    ``spot_role`` says whether the account has the service-linked role that Spot needs.
    ``exceeds`` says which quota a launch would exceed, ``quotas`` are the account's.
    ``requests`` are the operations that were carried out, with their parameters as they were sent.
    """

    calls: Counter[str] = field(default_factory=Counter)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    answers: dict[str, list[str]] = field(default_factory=dict)
    endpoint_url: str = ""
    denies: Callable[[str, str, str, dict[str, str]], str] = lambda *_: ""
    spot_role: bool = True
    quotas: LocalQuotas = field(default_factory=LocalQuotas)
    exceeds: Callable[[dict[str, str]], str] = lambda _: ""

    def __post_init__(self) -> None:
        self.lock = threading.RLock()

    @contextmanager
    def serving(self) -> Iterator["Ec2ApiServer"]:
        """Serve on a free port of this machine."""
        with serving_api(self._answer) as self.endpoint_url:
            yield self

    def launched(self) -> list[dict[str, str]]:
        """The RunInstances requests that were carried out."""
        return [sent for operation, sent in self.requests if operation == "RunInstances"]

    def _answer(self, request: Request) -> Response:
        signed = _SCOPE.search(request.headers.get("Authorization", ""))
        assert signed, "a request is signed"
        access_key, service = signed.groups()
        target = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        body = request.get_data().decode()
        sent = {} if target else dict(parse_qsl(body))
        operation = target or sent["Action"]
        refused = json_error if target else xml_error
        with self.lock:
            self.calls[operation] += 1
            refusal = self.answers[operation].pop(0) if self.answers.get(operation) else ""
            if refusal and not refusal.startswith("lost:"):
                return refused(refusal)
            if denied := self.denies(access_key, service, operation, sent):
                return refused("UnauthorizedOperation", f"You are {denied}")
            if operation == "RunInstances" and (told := self._launch_refusal(sent)):
                return xml_error(*told)
            self.requests.append((operation, sent))
            if service == "servicequotas":
                return self.quotas.answer(json.loads(body))
            status, headers, body = _SERVICES[service].dispatch(request)
        if refusal:
            return refused(refusal.removeprefix("lost:"))
        return Response(body, status, dict(headers))

    def _launch_refusal(self, sent: dict[str, str]) -> tuple[str, str] | None:
        if not self.spot_role and sent.get("InstanceMarketOptions.MarketType") == "spot":
            return NO_SPOT_ROLE
        return _OVER_QUOTA.get(self.exceeds(sent))
