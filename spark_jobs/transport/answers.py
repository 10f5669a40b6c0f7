"""The outcome of a request: S3's response, or an error."""

from __future__ import annotations

import re
from typing import NamedTuple, Sequence, Tuple

from spark_jobs.refusals import UNREADABLE_CREDENTIALS
from spark_jobs.service_codes import EXPIRED, is_transient
from spark_jobs.store_errors import ConflictError, NotFoundError, StoreError

Headers = Sequence[Tuple[str, str]]

_CODE = re.compile(rb"<Code>([A-Za-z0-9.]{1,80})</Code>")
_ETAG = re.compile(rb"<ETag>(?:&quot;|&#34;|\")?([^<&\"]+)")
_CONDITION = re.compile(rb"<Condition>([A-Za-z-]{1,80})</Condition>")
_LOST_CONDITION = "PreconditionFailed"
_BARE_CODES = {
    403: "AccessDenied",
    404: "NotFound",
    409: "ConditionalRequestConflict",
    412: _LOST_CONDITION,
    503: "SlowDown",
}
"""The error codes of responses without a body, by status."""

CROSS_REGION_ENDPOINT = "Endpoint.AccessDenied"
"""S3 denies a copy from another region that is requested through a VPC endpoint."""

_CROSS_REGION = b"endpoints do not support cross-region"
"""Part of the message of that denial; its code is a plain AccessDenied."""

_LENGTH = frozenset(("content-length", "transfer-encoding"))
_REDIRECTED = 300
_NOT_FOUND = 404
_PRECONDITION_FAILED = 412


class HungUpError(Exception):
    """The client was told to end its requests before S3 responded."""

    name = "HungUp"


class Response(NamedTuple):
    """A response of S3: status, headers as received, body, and seconds on its connection.

    The response to a PUT has no headers.
    """

    status: int = 0
    headers: Headers = ()
    body: bytes = b""
    seconds: float = 0.0

    def header(self, name: str) -> str:
        """The header's value, or an empty text; ``name`` is in lower case."""
        return next((value for each, value in self.headers if each.lower() == name), "")

    @property
    def etag(self) -> str:
        """The entity tag, without quotes."""
        return self.header("etag").strip('"')


def copied_etag(answer: Response) -> str:
    """The entity tag of the copy, without quotes; empty if the response does not state it.

    Then possibly nothing was copied: the response may come from a server that is not S3.
    """
    etag = _ETAG.search(answer.body)
    return etag[1].decode(errors="replace") if etag else ""


def without_credentials(error: BaseException, place: str) -> StoreError:
    """The error of a request that cannot be signed; missing credentials count as transient."""
    response = getattr(error, "response", None) or {}
    code = str(response.get("Error", {}).get("Code", type(error).__name__))
    if code in EXPIRED:
        return StoreError(code, place)
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return StoreError("EAGAIN", place, transient=True)
    return StoreError(UNREADABLE_CREDENTIALS + code, place, transient=True)


def tells_length(headers: Headers) -> bool:
    """Whether the response states its length, so that an empty body is certainly empty.

    awscrt drops a body that ends with the connection.
    """
    return not _LENGTH.isdisjoint(name.lower() for name, _ in headers)


def broken(error: BaseException, place: str) -> StoreError:
    """The error of a request without a response."""
    silent = isinstance(error, TimeoutError)
    name = "TimedOut" if silent else getattr(error, "name", type(error).__name__)
    return StoreError(str(name), place, transient=not isinstance(error, HungUpError))


def refusal(status: int, body: bytes, place: str) -> StoreError:
    """The error in a response of S3."""
    named = _CODE.search(body)
    nameless = "UnnamedError" if status < _REDIRECTED else str(status)
    code = named[1].decode() if named else _BARE_CODES.get(status, nameless)
    if code == "AccessDenied" and b"kms:" in body:
        # Only the message says that access to the KMS key was denied, not to the object.
        code = "KMS.AccessDenied"
    if code == "AccessDenied" and _CROSS_REGION in body.lower():
        code = CROSS_REGION_ENDPOINT
    if status == _NOT_FOUND:
        return NotFoundError(code, place)
    if status == _PRECONDITION_FAILED or code == _LOST_CONDITION:
        condition = _CONDITION.search(body)
        return ConflictError(
            code, place, condition=condition[1].decode().lower() if condition else ""
        )
    return StoreError(code, place, transient=is_transient(code, status))
