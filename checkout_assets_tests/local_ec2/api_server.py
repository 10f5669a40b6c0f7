"""moto's EC2, SSM, IAM and STS over HTTP, with calls counted, and answered wrongly if told so."""

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from moto.core.request import Request
from moto.ec2.responses import EC2Response
from moto.iam.responses import IamResponse
from moto.ssm.responses import SimpleSystemManagerResponse
from moto.sts.responses import TokenResponse
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Response

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

_OF_SERVERS = ("Insufficient", "Internal", "Unavailable")


@dataclass
class Ec2ApiServer:
    """The API; ``answers`` maps an operation to error codes that its next calls get.

    ``denies`` says which permission a request lacks, by its access key, service, operation and
    what it sent. An error that begins with ``lost:`` is told after the call was carried out.
    ``spot_role`` says whether the account has the service-linked role that Spot needs.
    ``requests`` are the operations that were carried out, with their parameters as they were sent.
    """

    calls: Counter[str] = field(default_factory=Counter)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    answers: dict[str, list[str]] = field(default_factory=dict)
    endpoint_url: str = ""
    denies: Callable[[str, str, str, dict[str, str]], str] = lambda *_: ""
    spot_role: bool = True

    def __post_init__(self) -> None:
        self.lock = threading.RLock()

    @contextmanager
    def serving(self) -> Iterator["Ec2ApiServer"]:
        """Serve on a free port of this machine."""
        server = make_server("127.0.0.1", 0, self._serve, threaded=True, request_handler=_Quiet)
        self.endpoint_url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def launched(self) -> list[dict[str, str]]:
        """The RunInstances requests that were carried out."""
        return [sent for operation, sent in self.requests if operation == "RunInstances"]

    def _serve(self, environ: Any, start: Any) -> Iterable[bytes]:
        return self._answer(Request(environ))(environ, start)

    def _answer(self, request: Request) -> Response:
        signed = _SCOPE.search(request.headers.get("Authorization", ""))
        assert signed, "a request is signed"
        access_key, service = signed.groups()
        target = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        sent = {} if target else dict(parse_qsl(request.get_data().decode()))
        operation = target or sent["Action"]
        with self.lock:
            self.calls[operation] += 1
            refusal = self.answers[operation].pop(0) if self.answers.get(operation) else ""
            if refusal and not refusal.startswith("lost:"):
                return _error(refusal)
            if denied := self.denies(access_key, service, operation, sent):
                return _error("UnauthorizedOperation", f"You are {denied}")
            if not self.spot_role and sent.get("InstanceMarketOptions.MarketType") == "spot":
                return _error(*NO_SPOT_ROLE)
            self.requests.append((operation, sent))
            status, headers, body = _SERVICES[service].dispatch(request)
        if refusal:
            return _error(refusal.removeprefix("lost:"))
        return Response(body, status, dict(headers))


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002
        """Tests need no access log."""


def _error(code: str, message: str = "The local EC2 was told to say so") -> Response:
    told = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    body = f"<Response><Errors>{told}</Errors><RequestID>none</RequestID></Response>"
    status = 500 if code.startswith(_OF_SERVERS) else 400
    return Response(body, status, content_type="text/xml")
