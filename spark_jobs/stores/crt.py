"""S3 requests by awscrt: Amazon's own C client does signing, pooling, retries and TLS.

A request costs a tenth of boto3's CPU and waits outside the interpreter's lock, so it carries all
bulk work: reading objects here, copying them in the platform.
"""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import TYPE_CHECKING, Any, Callable, Dict, List, NamedTuple, Optional, Sequence, Tuple
from urllib.parse import quote, urlsplit

from spark_jobs.stores.base import ConflictError, NotFoundError, StoreError

if TYPE_CHECKING:
    from awscrt.s3 import S3Client

DEFAULT_CONNECTIONS = 128
_CODE = re.compile(rb"<Code>([A-Za-z0-9.]{1,80})</Code>")
_TRANSIENT_CODES = frozenset(("SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout"))
_SKEWED = "RequestTimeTooSkewed"
"""It stays so until somebody sets the clock."""

_S3_CODES = {
    "AWS_ERROR_S3_INTERNAL_ERROR": "InternalError",
    "AWS_ERROR_S3_SLOW_DOWN": "SlowDown",
    "AWS_ERROR_S3_REQUEST_TIMEOUT": "RequestTimeout",
    "AWS_ERROR_S3_REQUEST_TIME_TOO_SKEWED": _SKEWED,
}
"""What awscrt calls an answer that it asked again for in vain."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9/._~-]*")
_NOT_FOUND = 404
_CONFLICTS = frozenset((409, 412))
_SERVER_ERROR = 500
_TOO_MANY = 429
_CREDENTIALS_LOOKED_AT_SECONDS = 10.0
_LEAST_GBPS = 10.0
_GBPS_PER_CONNECTION = 0.5

Headers = Sequence[Tuple[str, str]]


class Response(NamedTuple):
    """An answer of S3: status, headers as they came, body."""

    status: int = 0
    headers: Headers = ()
    body: bytes = b""

    def header(self, name: str) -> str:
        """The header's value, or nothing; ``name`` is in lower case."""
        return next((value for each, value in self.headers if each.lower() == name), "")

    @property
    def etag(self) -> str:
        """The entity tag, without quotes."""
        return self.header("etag").strip('"')


OnEnd = Callable[[Response, Optional[StoreError]], None]


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
        path = "/" + encoded(key)
        place = self._authority
        if place.endswith((".amazonaws.com", ".amazonaws.com.cn")) and "." not in bucket:
            return f"{bucket}.{place}", path
        return place, f"/{bucket}{path}"

    @cached_property
    def _authority(self) -> str:
        return urlsplit(self.url).netloc


def encoded(key: str) -> str:
    """A key as it stands in a request's path or in ``x-amz-copy-source``."""
    return key if _PLAIN_KEY.fullmatch(key) else quote(key, safe="/-_.~")


class CrtS3:
    """Sends requests to one S3 endpoint; safe to use from many threads, not across a fork."""

    def __init__(
        self, endpoint: Endpoint, credentials: Any, connections: int = DEFAULT_CONNECTIONS
    ) -> None:
        """``credentials`` is botocore's credentials object; it refreshes itself."""
        self._endpoint = endpoint
        self._signing = _Signing(endpoint.region, credentials)
        self._client = _client(endpoint, self._signing.current(), connections)

    def send(  # noqa: PLR0913, PLR0917 - these are the parts of a request
        self,
        operation: str,
        method: str,
        bucket: str,
        key: str,
        headers: Headers = (),
        query: str = "",
        body: bytes = b"",
    ) -> Future[Response]:
        """Start a request.

        The future raises NotFoundError, ConflictError or StoreError, also for a copy's 200 that
        carries an ``<Error>``. What is transient awscrt has retried, with backoff and jitter.
        """
        future: Future[Response] = Future()

        def on_end(response: Response, error: Optional[StoreError]) -> None:
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(response)

        self.start(operation, method, bucket, key, on_end, headers, query, body)
        return future

    def start(  # noqa: PLR0913, PLR0917 - these are the parts of a request
        self,
        operation: str,
        method: str,
        bucket: str,
        key: str,
        on_end: OnEnd,
        headers: Headers = (),
        query: str = "",
        body: bytes = b"",
    ) -> None:
        """Start a request as ``send`` does, and hear of its end on one of awscrt's threads.

        Cheaper than a future; ``on_end`` must be quick and must not raise.
        """
        from awscrt.http import HttpHeaders, HttpRequest
        from awscrt.s3 import S3RequestType

        host, path = self._endpoint.address(bucket, key)
        request = HttpRequest(
            method,
            f"{path}?{query}" if query else path,
            HttpHeaders([("host", host), ("content-length", str(len(body))), *headers]),
            BytesIO(body) if body else None,
        )
        answer = _Answer(f"s3://{bucket}/{key}", on_end)
        answer.request = self._client.make_request(
            type=S3RequestType.DEFAULT,
            operation_name=operation,
            request=request,
            signing_config=self._signing.current(),
            on_headers=answer.on_headers,
            on_body=answer.on_body,
            on_done=answer.on_done,
        )


class _Answer:
    """Collects one response; keeps the native request alive until it is done."""

    __slots__ = ("_body", "_headers", "_on_end", "_place", "_status", "request")

    def __init__(self, place: str, on_end: OnEnd) -> None:
        self.request: object = None
        self._place = place
        self._on_end = on_end
        self._status = 0
        self._headers: Headers = ()
        self._body: List[bytes] = []

    def on_headers(self, status_code: int, headers: Headers, **_: object) -> None:
        self._status = status_code
        self._headers = headers

    def on_body(self, chunk: bytes, **_: object) -> None:
        self._body.append(bytes(chunk))

    def on_done(self, error: BaseException | None = None, **about: Any) -> None:
        self.request = None
        response = Response(self._status, self._headers, b"".join(self._body))
        failure = None if error is None else self._store_error(error, about)
        self._on_end(response, failure)

    def _store_error(self, error: BaseException, about: Dict[str, Any]) -> StoreError:
        status = about.get("status_code") or 0
        body = about.get("error_body") or b""
        named = _CODE.search(body)
        name = str(getattr(error, "name", type(error).__name__))
        code = named[1].decode() if named else _S3_CODES.get(name, name)
        if code == "AccessDenied" and b"kms:" in body:
            # S3 tells only in the message that it is the key which may not be used.
            code = "KMS.AccessDenied"
        if status == _NOT_FOUND:
            return NotFoundError(code, self._place)
        if status in _CONFLICTS:
            return ConflictError(code, self._place)
        transient = code in _TRANSIENT_CODES or (
            code != _SKEWED and (not status or status >= _SERVER_ERROR or status == _TOO_MANY)
        )
        return StoreError(code, self._place, transient=transient)


class _Signing:
    """How requests are signed, with credentials that are looked at again every few seconds.

    A provider that awscrt asks for each request costs a call into the interpreter each time.
    """

    def __init__(self, region: str, credentials: Any) -> None:
        self._region = region
        self._credentials = credentials
        self._known: object = None
        self._config: Any = None
        self._until = 0.0
        self._lock = threading.Lock()

    def current(self) -> Any:
        """awscrt's signing configuration with credentials that are valid now."""
        if time.monotonic() < self._until:
            return self._config
        with self._lock:
            # botocore refreshes them minutes before they expire.
            known = self._credentials.get_frozen_credentials()
            if known != self._known:
                self._config = _signing_config(self._region, known)
                self._known = known
            self._until = time.monotonic() + _CREDENTIALS_LOOKED_AT_SECONDS
            return self._config


def _signing_config(region: str, known: Any) -> Any:
    from awscrt import auth, s3

    provider = auth.AwsCredentialsProvider.new_static(
        known.access_key, known.secret_key, known.token
    )
    return s3.create_default_s3_signing_config(region=region, credential_provider=provider)


def _client(endpoint: Endpoint, signing_config: Any, connections: int) -> S3Client:
    from awscrt import s3

    plain = urlsplit(endpoint.url).scheme == "http"
    return s3.S3Client(
        region=endpoint.region,
        tls_mode=s3.S3RequestTlsMode.DISABLED if plain else s3.S3RequestTlsMode.ENABLED,
        signing_config=signing_config,
        # awscrt opens connections by the throughput it is to reach; the override only limits them.
        throughput_target_gbps=max(_LEAST_GBPS, connections * _GBPS_PER_CONNECTION),
        max_active_connections_override=connections,
    )


_clients: Dict[Tuple[Endpoint, str], CrtS3] = {}
_lock = threading.Lock()


def shared_client(boto_session: Any, endpoint: Endpoint) -> CrtS3:
    """One client an endpoint, kind of credentials and process, for each holds connections."""
    credentials = boto_session.get_credentials()
    key = (endpoint, str(getattr(credentials, "method", "")))
    with _lock:
        if key not in _clients:
            _clients[key] = CrtS3(endpoint, credentials)
        return _clients[key]
