"""S3 requests by awscrt: Amazon's own C client does signing, pooling, retries and TLS.

A request costs a tenth of boto3's CPU and waits outside the interpreter's lock, so it carries all
bulk work: reading objects here, copying them in the platform.
"""

from __future__ import annotations

import re
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any, Dict, List, Optional, Sequence, Tuple
from urllib.parse import quote, urlsplit

from spark_jobs.stores.base import ConflictError, NotFoundError, StoreError

if TYPE_CHECKING:
    from awscrt.s3 import S3Client

DEFAULT_CONNECTIONS = 128
_CODE = re.compile(rb"<Code>([A-Za-z0-9.]{1,80})</Code>")
_TRANSIENT_CODES = frozenset(
    ("SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "RequestTimeTooSkewed")
)
_NOT_FOUND = 404
_CONFLICTS = frozenset((409, 412))
_SERVER_ERROR = 500
_TOO_MANY = 429


@dataclass
class Response:
    """An answer of S3: status, headers with lower-case names, body."""

    status: int = 0
    headers: Dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def etag(self) -> str:
        """The entity tag, without quotes."""
        return self.headers.get("etag", "").strip('"')


@dataclass(frozen=True)
class Endpoint:
    """Where S3 answers: the URL botocore resolved for this region and environment."""

    url: str
    region: str

    def address(self, bucket: str, key: str) -> Tuple[str, str]:
        """Host header and percent-encoded path of an object.

        Amazon's own endpoints are addressed by virtual host, all others (and buckets with a dot,
        whose certificate would not match) by path.
        """
        parts = urlsplit(self.url)
        path = "/" + encoded(key)
        if parts.netloc.endswith((".amazonaws.com", ".amazonaws.com.cn")) and "." not in bucket:
            return f"{bucket}.{parts.netloc}", path
        return parts.netloc, f"/{bucket}{path}"


def encoded(key: str) -> str:
    """A key as it stands in a request's path or in ``x-amz-copy-source``."""
    return quote(key, safe="/-_.~")


class CrtS3:
    """Sends requests to one S3 endpoint; safe to use from many threads, not across a fork."""

    def __init__(
        self, endpoint: Endpoint, credentials: Any, connections: int = DEFAULT_CONNECTIONS
    ) -> None:
        """``credentials`` is botocore's credentials object; it refreshes itself."""
        self._endpoint = endpoint
        self._client = _client(endpoint, credentials, connections)

    def send(  # noqa: PLR0913, PLR0917 - these are the parts of a request
        self,
        operation: str,
        method: str,
        bucket: str,
        key: str,
        headers: Sequence[Tuple[str, str]] = (),
        query: str = "",
        body: bytes = b"",
    ) -> Future[Response]:
        """Start a request.

        The future raises NotFoundError, ConflictError or StoreError, also for a copy's 200 that
        carries an ``<Error>``. What is transient awscrt has retried, with backoff and jitter.
        """
        from awscrt.http import HttpHeaders, HttpRequest
        from awscrt.s3 import S3RequestType

        host, path = self._endpoint.address(bucket, key)
        request = HttpRequest(
            method,
            path + (f"?{query}" if query else ""),
            HttpHeaders([("host", host), ("content-length", str(len(body))), *headers]),
            BytesIO(body) if body else None,
        )
        answer = _Answer(f"s3://{bucket}/{key}")
        answer.request = self._client.make_request(
            type=S3RequestType.DEFAULT,
            operation_name=operation,
            request=request,
            on_headers=answer.on_headers,
            on_body=answer.on_body,
            on_done=answer.on_done,
        )
        return answer.future


class _Answer:
    """Collects one response; keeps the native request alive until it is done."""

    def __init__(self, place: str) -> None:
        self.future: Future[Response] = Future()
        self.request: object = None
        self._place = place
        self._response = Response()
        self._body: List[bytes] = []

    def on_headers(self, status_code: int, headers: Sequence[Tuple[str, str]], **_: object) -> None:
        self._response.status = status_code
        self._response.headers = {name.lower(): value for name, value in headers}

    def on_body(self, chunk: bytes, **_: object) -> None:
        self._body.append(bytes(chunk))

    def on_done(self, error: BaseException | None = None, **about: Any) -> None:
        self.request = None
        self._response.body = b"".join(self._body)
        if error is not None:
            self.future.set_exception(self._store_error(error, about))
        else:
            self.future.set_result(self._response)

    def _store_error(self, error: BaseException, about: Dict[str, Any]) -> StoreError:
        status = about.get("status_code") or 0
        named = _CODE.search(about.get("error_body") or b"")
        code = named[1].decode() if named else str(getattr(error, "name", type(error).__name__))
        if status == _NOT_FOUND:
            return NotFoundError(code, self._place)
        if status in _CONFLICTS:
            return ConflictError(code, self._place)
        transient = (
            not status or status >= _SERVER_ERROR or status == _TOO_MANY or code in _TRANSIENT_CODES
        )
        return StoreError(code, self._place, transient=transient)


def _client(endpoint: Endpoint, credentials: Any, connections: int) -> S3Client:
    from awscrt import auth, s3

    @lru_cache(maxsize=1)
    def native(access_key: str, secret_key: str, token: Optional[str]) -> auth.AwsCredentials:
        return auth.AwsCredentials(access_key, secret_key, token)

    def current_credentials() -> auth.AwsCredentials:
        # Asked for every request, so that refreshed credentials are used at once.
        frozen = credentials.get_frozen_credentials()
        return native(frozen.access_key, frozen.secret_key, frozen.token)

    plain = urlsplit(endpoint.url).scheme == "http"
    return s3.S3Client(
        region=endpoint.region,
        tls_mode=s3.S3RequestTlsMode.DISABLED if plain else s3.S3RequestTlsMode.ENABLED,
        signing_config=s3.create_default_s3_signing_config(
            region=endpoint.region,
            credential_provider=auth.AwsCredentialsProvider.new_delegate(current_credentials),
        ),
        max_active_connections_override=connections,
    )


_clients: Dict[Endpoint, CrtS3] = {}
_lock = threading.Lock()


def shared_client(boto_session: Any, endpoint: Endpoint) -> CrtS3:
    """One client an endpoint and process, because each holds a pool of connections."""
    with _lock:
        if endpoint not in _clients:
            _clients[endpoint] = CrtS3(endpoint, boto_session.get_credentials())
        return _clients[endpoint]
