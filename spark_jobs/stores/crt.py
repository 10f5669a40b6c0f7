"""S3 requests by awscrt: Amazon's own C library does HTTP, TLS and signing.

A request costs a thirtieth of boto3's CPU and waits outside the interpreter's lock, so it carries
all bulk work: reading objects here, copying them in the platform.
"""

from __future__ import annotations

import math
import random
import re
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property, partial
from io import BytesIO
from typing import TYPE_CHECKING, Any, Callable, Dict, List, NamedTuple, Optional, Tuple
from urllib.parse import quote, urlsplit

from spark_jobs.service_codes import EXPIRED, is_transient
from spark_jobs.stores.base import ConflictError, NotFoundError, StoreError
from spark_jobs.stores.connections import (
    DEADLINE_SECONDS,
    SILENCE_SECONDS,
    Connections,
    Exchange,
    Headers,
    HungUpError,
)
from spark_jobs.stores.later import Later
from spark_jobs.stores.refusals import LENGTH_MISSING, UNREADABLE_CREDENTIALS
from spark_jobs.stores.signing import Reading, Signing

if TYPE_CHECKING:
    from awscrt.http import HttpRequest

DEFAULT_CONNECTIONS = 128
DEFAULT_TRIES = 6
_SHORTEST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 10.0
_USER_AGENT = "checkout-assets"
_CODE = re.compile(rb"<Code>([A-Za-z0-9.]{1,80})</Code>")
_CONDITION = re.compile(rb"<Condition>([A-Za-z-]{1,80})</Condition>")
_LOST_CONDITION = "PreconditionFailed"
_BARE_CODES = {
    403: "AccessDenied",
    404: "NotFound",
    409: "ConditionalRequestConflict",
    412: _LOST_CONDITION,
    503: "SlowDown",
}
"""What an answer without a body says."""

_PLAIN_KEY = re.compile(r"[A-Za-z0-9/._~-]*")
_LENGTH = frozenset(("content-length", "transfer-encoding"))
_REDIRECTED = 300
_NOT_FOUND = 404
_PRECONDITION_FAILED = 412
_LONGEST_SIGNING_SECONDS = 5.0
LONGEST_TRYING_SECONDS = 300.0
"""After that much a request is not tried once more: S3 may stay silent two minutes each time."""


class Response(NamedTuple):
    """An answer of S3: status, headers as they came, body, and how long it took on its connection.

    The answer to a PUT has no headers.
    """

    status: int = 0
    headers: Headers = ()
    body: bytes = b""
    seconds: float = 0.0

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
    """Where S3 answers, as botocore resolves it: see ``endpoints.endpoint_of``.

    ``url`` may have a path, below which buckets lie. With ``virtual_hosts`` the bucket goes before
    the host, else before the key. ``ca_bundle`` is a file of certificates to trust instead of the
    system's: AWS_CA_BUNDLE.
    """

    url: str
    region: str
    ca_bundle: str = ""
    virtual_hosts: bool = False

    def address(self, bucket: str, key: str) -> Tuple[str, str]:
        """Host header and percent-encoded path of an object."""
        authority, base = self._parts
        path = "/" + encoded(key)
        if self.virtual_hosts:
            return f"{bucket}.{authority}", base + path
        return authority, f"{base}/{bucket}{path}"

    @cached_property
    def _parts(self) -> Tuple[str, str]:
        parts = urlsplit(self.url)
        return parts.netloc, parts.path.rstrip("/")


def encoded(key: str) -> str:
    """A key as it stands in a request's path or in ``x-amz-copy-source``."""
    return key if _PLAIN_KEY.fullmatch(key) else quote(key, safe="/-_.~")


def copy_source(bucket: str, key: str) -> str:
    """An object, or the beginning of its key, as the value of ``x-amz-copy-source``.

    Without a slash before it, as botocore sends it: not every server takes one.
    """
    return f"{bucket}/{encoded(key)}"


class CrtS3:
    """Sends requests to one S3 endpoint; safe to use from many threads, not across a fork."""

    def __init__(  # noqa: PLR0913, PLR0917 - what a client is made of
        self,
        endpoint: Endpoint,
        credentials: Any,
        connections: int = DEFAULT_CONNECTIONS,
        tries: int = DEFAULT_TRIES,
        silence: float = SILENCE_SECONDS,
        deadline: float = DEADLINE_SECONDS,
    ) -> None:
        """``credentials`` is botocore's credentials object; it refreshes itself.

        What is transient is tried ``tries`` times, with full jitter.
        """
        self.tries = tries
        self.later = Later()
        self.signing = Signing(endpoint.region, credentials, self.later)
        self.hung_up = 0.0
        """The monotonic instant before which requests began that must not be tried again."""
        self._endpoint = endpoint
        self._connections = connections
        self._limits = silence, deadline
        self._pools: Dict[str, Connections] = {}
        self._lock = threading.Lock()

    def send(  # noqa: PLR0913, PLR0917 - these are the parts of a request
        self,
        method: str,
        bucket: str,
        key: str,
        headers: Headers = (),
        query: str = "",
        body: bytes = b"",
    ) -> Future[Response]:
        """Start a request.

        The future raises NotFoundError, ConflictError or StoreError, also for a copy's 200 that
        carries an ``<Error>``.
        """
        future: Future[Response] = Future()

        def on_end(response: Response, error: Optional[StoreError]) -> None:
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(response)

        self.start(method, bucket, key, on_end, headers, query, body)
        return future

    def start(  # noqa: PLR0913, PLR0917 - these are the parts of a request
        self,
        method: str,
        bucket: str,
        key: str,
        on_end: OnEnd,
        headers: Headers = (),
        query: str = "",
        body: bytes = b"",
    ) -> None:
        """Start a request as ``send`` does, and hear of its end on awscrt's thread.

        Cheaper than a future; ``on_end`` must be quick and must not raise.
        """
        host, path = self._endpoint.address(bucket, key)
        told = [("host", host), ("user-agent", _USER_AGENT), *headers]
        if method == "PUT":
            told.append(("content-length", str(len(body))))
        pool = self._pools.get(host) or self._pool(host)
        target = f"{path}?{query}" if query else path
        _Call(self, pool, (method, target, told, body), f"s3://{bucket}/{key}", on_end).send()

    def rehearse(self, bucket: str) -> None:
        """Do all that a request to the bucket needs but send it; raises whatever refuses.

        That is wrong configuration: a region, credentials, certificates or a proxy. Closes this
        client.
        """
        host, path = self._endpoint.address(bucket, "")
        try:
            self._pool(host)
            _sign(self.signing.read(), ("GET", path, [("host", host)], b""))
        finally:
            self.close()

    def limit(self, connections: int) -> None:
        """From now on use at most so many connections to a host."""
        self._connections = connections
        for pool in list(self._pools.values()):
            pool.most = connections

    @property
    def last_heard(self) -> float:
        """The monotonic instant at which S3 last said anything; 0 before that."""
        return max((pool.last_heard for pool in list(self._pools.values())), default=0.0)

    def hang_up(self) -> None:
        """End all requests now with the error ``HungUp``; later ones are not affected."""
        self.hung_up = time.monotonic()
        for pool in list(self._pools.values()):
            pool.hang_up()
        self.later.do_all()

    def close(self) -> None:
        """Hang up and release the connections: every request that has not ended ends now."""
        self.hung_up = math.inf
        self.later.close()
        for pool in list(self._pools.values()):
            pool.close()

    def _pool(self, host: str) -> Connections:
        """The connections to a host: Amazon's S3 has one for each bucket."""
        scheme = self._endpoint.url.partition("://")[0]
        with self._lock:
            if host not in self._pools:
                url, bundle = f"{scheme}://{host}", self._endpoint.ca_bundle
                self._pools[host] = Connections(url, self._connections, *self._limits, bundle)
            return self._pools[host]


_Parts = Tuple[str, str, List[Tuple[str, str]], bytes]
"""Method, target, headers and body."""


def _sign(reading: Reading, parts: _Parts) -> HttpRequest:
    from awscrt.auth import aws_sign_request
    from awscrt.http import HttpHeaders, HttpRequest

    method, target, headers, body = parts
    request = HttpRequest(method, target, HttpHeaders(headers), BytesIO(body) if body else None)
    # With credentials at hand it is signed when the call returns.
    signed: HttpRequest = aws_sign_request(request, reading.config).result(_LONGEST_SIGNING_SECONDS)
    return signed


class _Call:
    """A request with all its tries; ``on_end`` is called once."""

    __slots__ = ("_began", "_crt", "_number", "_on_end", "_parts", "_place", "_pool", "_reading")

    def __init__(
        self,
        crt: CrtS3,
        pool: Connections,
        parts: _Parts,
        place: str,
        on_end: OnEnd,
    ) -> None:
        self._crt = crt
        self._pool = pool
        self._parts = parts
        self._place = place
        self._on_end = on_end
        self._reading: Optional[Reading] = None
        self._number = 0
        self._began = time.monotonic()

    def send(self) -> None:
        """Try, once more or for the first time."""
        self._number += 1
        if self._crt.signing.ready:
            self._exchange(None)
        else:
            self._crt.signing.look(self._exchange)

    def _exchange(self, error: Optional[BaseException]) -> None:
        if error is not None:
            self._end_or_repeat(_without_credentials(error, self._place))
        elif self._began <= self._crt.hung_up:
            self._end_or_repeat(StoreError(HungUpError.name, self._place))
        else:
            self._pool.send(Exchange(self._signed, self._ended, self._parts[0] != "PUT"))

    def _signed(self) -> HttpRequest:
        self._reading = self._crt.signing.current()
        return _sign(self._reading, self._parts)

    def _ended(self, exchange: Exchange, error: Optional[BaseException]) -> None:
        body = b"".join(exchange.chunks)
        if error is not None:
            self._failed(_broken(exchange, error, self._place))
        elif exchange.status >= _REDIRECTED or (self._parts[0] == "PUT" and b"<Error>" in body):
            self._failed(_refusal(exchange.status, body, self._place))
        elif not body and self._parts[0] == "GET" and not _tells_length(exchange.headers):
            self._failed(StoreError(LENGTH_MISSING, self._place))
        else:
            taken = time.monotonic() - exchange.begun
            self._on_end(Response(exchange.status, exchange.headers, body, taken), None)

    def _failed(self, error: StoreError) -> None:
        if error.code in EXPIRED and self._reading is not None:
            self._crt.signing.look(partial(self._looked, error), self._reading)
        else:
            self._end_or_repeat(error)

    def _looked(self, error: StoreError, _: Optional[BaseException]) -> None:
        """S3 calls the credentials expired: whether there are others by now has been looked at."""
        if not self._crt.signing.confirms(self._reading):
            error = StoreError(error.code, self._place, transient=True)
        self._end_or_repeat(error)

    def _end_or_repeat(self, error: StoreError) -> None:
        crt = self._crt
        if self._began <= crt.hung_up:
            self._on_end(Response(), StoreError(HungUpError.name, self._place))
        elif error.transient and self._number < crt.tries and self._is_in_time():
            longest = min(_LONGEST_PAUSE_SECONDS, _SHORTEST_PAUSE_SECONDS * 2**self._number)
            crt.later.call(random.uniform(0, longest), self.send)
        else:
            self._on_end(Response(), error)

    def _is_in_time(self) -> bool:
        return time.monotonic() - self._began < LONGEST_TRYING_SECONDS


def _without_credentials(error: BaseException, place: str) -> StoreError:
    """The error of a request that cannot be signed; who has no credentials may have some later."""
    response = getattr(error, "response", None) or {}
    code = str(response.get("Error", {}).get("Code", type(error).__name__))
    if code in EXPIRED:
        return StoreError(code, place)
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return StoreError("EAGAIN", place, transient=True)
    return StoreError(UNREADABLE_CREDENTIALS + code, place, transient=True)


def _tells_length(headers: Headers) -> bool:
    """Whether an empty body is what was sent: awscrt drops one that ends with the connection."""
    return not _LENGTH.isdisjoint(name.lower() for name, _ in headers)


def _broken(exchange: Exchange, error: BaseException, place: str) -> StoreError:
    """The error of a request that S3 has not answered."""
    silent = exchange.silent or isinstance(error, TimeoutError)
    name = "TimedOut" if silent else getattr(error, "name", type(error).__name__)
    return StoreError(str(name), place, transient=not isinstance(error, HungUpError))


def _refusal(status: int, body: bytes, place: str) -> StoreError:
    """The error that an answer stands for."""
    named = _CODE.search(body)
    nameless = "UnnamedError" if status < _REDIRECTED else str(status)
    code = named[1].decode() if named else _BARE_CODES.get(status, nameless)
    if code == "AccessDenied" and b"kms:" in body:
        # S3 tells only in the message that it is the key which may not be used.
        code = "KMS.AccessDenied"
    if status == _NOT_FOUND:
        return NotFoundError(code, place)
    if status == _PRECONDITION_FAILED or code == _LOST_CONDITION:
        condition = _CONDITION.search(body)
        return ConflictError(
            code, place, condition=condition[1].decode().lower() if condition else ""
        )
    return StoreError(code, place, transient=is_transient(code, status))


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
