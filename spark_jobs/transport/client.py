"""The client of one S3 endpoint: sends requests, and ends all of them on ``hang_up``."""

from __future__ import annotations

import math
import threading
from concurrent.futures import Future
from time import monotonic
from typing import Any, Dict, Optional, Tuple

from spark_jobs.store_errors import StoreError
from spark_jobs.transport.answers import Headers, Response
from spark_jobs.transport.calls import Call, OnEnd, Trying, sign
from spark_jobs.transport.connections import DEADLINE_SECONDS, SILENCE_SECONDS, Connections
from spark_jobs.transport.endpoints import Endpoint
from spark_jobs.transport.later import Later
from spark_jobs.transport.opening import opener
from spark_jobs.transport.signing import Signing

DEFAULT_CONNECTIONS = 128
DEFAULT_TRIES = 6
_USER_AGENT = "checkout-assets"


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

        Requests with transient errors are attempted ``tries`` times, with full jitter.
        """
        self._later = Later()
        signing = Signing(endpoint.region, credentials, self._later)
        self._trying = Trying(tries, self._later, signing)
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
        """Start a request as ``send`` does; ``on_end`` is called on awscrt's thread.

        This is cheaper than a future. ``on_end`` must be quick and must not raise.
        """
        host, path = self._endpoint.address(bucket, key)
        told = [("host", host), ("user-agent", _USER_AGENT), *headers]
        if method == "PUT":
            told.append(("content-length", str(len(body))))
        pool = self._pools.get(host) or self._pool(host)
        target = f"{path}?{query}" if query else path
        Call(
            self._trying, pool, (method, target, told, body), f"s3://{bucket}/{key}", on_end
        ).send()

    def rehearse(self, bucket: str) -> None:
        """Do all that a request to the bucket needs except sending it; raises any error.

        An error is a wrong configuration: a region, credentials, certificates or a proxy. Closes
        this client.
        """
        host, path = self._endpoint.address(bucket, "")
        try:
            self._pool(host)
            sign(self._trying.signing.read(), ("GET", path, [("host", host)], b""))
        finally:
            self.close()

    def limit(self, connections: int) -> None:
        """From now on use at most ``connections`` connections per host."""
        self._connections = connections
        for pool in list(self._pools.values()):
            pool.limit(connections)

    @property
    def last_heard(self) -> float:
        """The monotonic time at which S3 last sent data; 0 before that."""
        return max((pool.last_heard for pool in list(self._pools.values())), default=0.0)

    def hang_up(self) -> None:
        """End all requests now with the error ``HungUp``; later ones are not affected."""
        self._end_all(monotonic())
        self._later.do_all()

    def close(self) -> None:
        """Hang up and release the connections: every request that has not ended ends now."""
        self._end_all(math.inf)
        self._later.close()

    def _end_all(self, asked_by: float) -> None:
        self._trying.hung_up = max(asked_by, self._trying.hung_up)
        for pool in list(self._pools.values()):
            pool.hang_up(asked_by)

    def _pool(self, host: str) -> Connections:
        """Return the connections to a host: Amazon's S3 has one host per bucket."""
        scheme = self._endpoint.url.partition("://")[0]
        with self._lock:
            if host not in self._pools:
                open_one = opener(f"{scheme}://{host}", self._endpoint.ca_bundle)
                self._later.begin()
                pool = Connections(open_one, self._later, self._connections, *self._limits)
                self._pools[host] = pool
                pool.hang_up(self._trying.hung_up)  # hang_up may have missed this new pool
            return self._pools[host]


_clients: Dict[Tuple[Endpoint, str], CrtS3] = {}
_lock = threading.Lock()


def shared_client(boto_session: Any, endpoint: Endpoint) -> CrtS3:
    """Return one client per endpoint, kind of credentials and process, to reuse its connections."""
    credentials = boto_session.get_credentials()
    key = (endpoint, str(getattr(credentials, "method", "")))
    with _lock:
        if key not in _clients:
            _clients[key] = CrtS3(endpoint, credentials)
        return _clients[key]
