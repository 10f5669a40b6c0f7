"""HTTP connections to one S3 endpoint, by awscrt: opened as needed, used again, watched.

awscrt's own S3 client is made for large objects, which it cuts into parts: for small ones its HTTP
layer, on which this builds, costs less CPU (docs/performance.md).
"""

from __future__ import annotations

import ctypes
import threading
from collections import deque
from concurrent.futures import Future
from functools import cache, partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Callable, Deque, List, Optional, Sequence, Set, Tuple
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from spark_jobs.stores.later import Later

if TYPE_CHECKING:
    from awscrt.http import HttpClientConnection, HttpProxyOptions, HttpRequest
    from awscrt.io import ClientBootstrap, ClientTlsContext

Headers = Sequence[Tuple[str, str]]

SILENCE_SECONDS = 120.0
"""How long S3 may say nothing; copying 5 GB between regions it sends spaces to say it is alive."""

_LOOKS = 4
"""How often within that time connections are looked at."""

_PORTS = {"http": 80, "https": 443}


class Exchange:
    """A request and what has come of it.

    ``make`` makes the request, signed as of now, when its turn has come. ``on_end`` is called once
    with the exchange and the exception if it failed. Both may be called on awscrt's thread: they
    must be quick. ``headers`` stay empty unless they are wanted, for they cost a tenth of all.
    """

    __slots__ = (
        "begun", "chunks", "connection", "headers", "heard", "make", "on_end", "resent", "silent",
        "status", "stream", "wants_headers",
    )  # fmt: skip

    def __init__(
        self,
        make: Callable[[], HttpRequest],
        on_end: Callable[[Exchange, Optional[BaseException]], None],
        wants_headers: bool,
    ) -> None:
        self.make = make
        self.on_end = on_end
        self.wants_headers = wants_headers
        self.connection: Any = None
        self.stream: Any = None
        self.begun = self.heard = 0.0
        self.resent = self.silent = False
        self.begin()

    def begin(self) -> None:
        """Forget whatever came before."""
        self.status = 0
        self.headers: Headers = ()
        self.chunks: List[bytes] = []

    def on_response(self, status_code: int, headers: Headers, **_: object) -> None:
        """The head of the answer."""
        self.status = status_code
        self.headers = headers
        self.heard = monotonic()

    def on_body(self, chunk: bytes, **_: object) -> None:
        """A piece of the answer."""
        self.chunks.append(bytes(chunk))
        self.heard = monotonic()


class Connections:
    """At most so many connections to the host of ``url``; safe to use from many threads.

    What has to wait for one is begun on awscrt's thread as soon as another exchange ends there,
    which costs half of beginning it on any other thread.
    """

    def __init__(
        self, url: str, most: int, silence: float = SILENCE_SECONDS, ca_bundle: str = ""
    ) -> None:
        self._new = _opener(url, ca_bundle)
        self.most = most
        self._silence = silence
        self._lock = threading.Lock()
        self._idle: List[HttpClientConnection] = []
        self._waiting: Deque[Exchange] = deque()
        self._opened = self._opening = 0
        self._busy: Set[Exchange] = set()
        self._later = Later()
        self._watched = self._closed = False

    def send(self, exchange: Exchange) -> None:
        """Begin an exchange as soon as there is a connection for it."""
        with self._lock:
            connection = self._take_idle()
            if connection is None:
                self._waiting.append(exchange)
                wanted = self._wants_another()
        if connection is not None:
            self._begin(connection, exchange)
        elif wanted:
            self._open()

    def close(self) -> None:
        """Let go of idle connections; to be called when nothing is under way any more."""
        self._closed = True
        with self._lock:
            self._idle.clear()
        self._later.close()

    def _take_idle(self) -> Optional[HttpClientConnection]:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open():
                return connection
            self._opened -= 1
        return None

    def _wants_another(self) -> bool:
        """Whether a connection is to be opened; it counts as opened from now on."""
        wanted = self._opened < self.most and self._opening < len(self._waiting)
        if wanted:
            self._opened += 1
            self._opening += 1
        return wanted

    def _open(self) -> None:
        self._new().add_done_callback(self._on_opened)

    def _on_opened(self, future: Any) -> None:
        _keep_thread_state()
        error = future.exception()
        failed: Optional[Exchange] = None
        with self._lock:
            self._opening -= 1
            if error is not None:
                self._opened -= 1
                failed = self._waiting.popleft() if self._waiting else None
        if error is None:
            self._next(future.result())
            return
        self._replace()
        if failed is not None:
            failed.on_end(failed, error)

    def _replace(self) -> None:
        """After a connection was lost: open another one if somebody waits."""
        with self._lock:
            wanted = self._wants_another()
        if wanted:
            self._open()

    def _next(self, connection: HttpClientConnection) -> None:
        with self._lock:
            if not self._waiting:
                self._idle.append(connection)
                return
            exchange = self._waiting.popleft()
        self._begin(connection, exchange)

    def _begin(self, connection: HttpClientConnection, exchange: Exchange) -> None:
        exchange.connection = connection
        exchange.begun = exchange.heard = monotonic()
        self._busy.add(exchange)
        if not self._watched:
            self._watched = True
            self._later.call(self._silence / _LOOKS, self._look)
        try:
            request = exchange.make()
        except Exception as error:
            # Not the connection's fault.
            self._busy.discard(exchange)
            exchange.connection = None
            self._next(connection)
            exchange.on_end(exchange, error)
            return
        try:
            on_response = exchange.on_response if exchange.wants_headers else None
            stream = connection.request(request, on_response, exchange.on_body)
            exchange.stream = stream
            stream.activate()
        except Exception as error:
            self._end(connection, exchange, error)
        else:
            stream.completion_future.add_done_callback(
                partial(self._completed, connection, exchange)
            )

    def _completed(
        self, connection: HttpClientConnection, exchange: Exchange, future: Future[int]
    ) -> None:
        error = future.exception()
        if error is None:
            exchange.status = future.result()
        self._end(connection, exchange, error)

    def _end(
        self,
        connection: HttpClientConnection,
        exchange: Exchange,
        error: Optional[BaseException],
    ) -> None:
        self._busy.discard(exchange)
        exchange.connection = exchange.stream = None
        # First of all, so that the connection works while the answer is looked at.
        if error is None and self._opened <= self.most and connection.is_open():
            self._next(connection)
        else:
            with self._lock:
                self._opened -= 1
            self._replace()
        unheard = not (exchange.status or exchange.chunks or exchange.silent)
        if error is not None and unheard and not exchange.resent:
            # S3 closes a connection when it likes; what was sent meanwhile nobody has read.
            exchange.resent = True
            exchange.begin()
            self.send(exchange)
        else:
            exchange.on_end(exchange, error)

    def _look(self) -> None:
        """Close connections on which nothing has been heard for too long."""
        if self._closed:
            return
        limit = monotonic() - self._silence
        for exchange in list(self._busy):
            connection = exchange.connection
            if exchange.heard < limit and connection is not None:
                exchange.silent = True
                connection.close()
        self._later.call(self._silence / _LOOKS, self._look)


_kept = threading.local()


def _keep_thread_state() -> None:
    """Let Python keep what it knows of the calling thread, which awscrt made.

    It would make and forget that with each call that comes from there, and map and unmap memory for
    it: a fifth of a copy's CPU. C API, "Non-Python created threads": what was ensured twice stays
    after one release.
    """
    if not hasattr(_kept, "state"):
        _kept.state = ctypes.pythonapi.PyGILState_Ensure()


def _opener(url: str, ca_bundle: str) -> Callable[[], Future[HttpClientConnection]]:
    """What opens a connection to the host of ``url``, by a proxy if the environment names one."""
    from awscrt.http import HttpClientConnection
    from awscrt.io import SocketOptions

    asked = urlsplit(url)
    host = asked.hostname or ""
    tls = None
    if asked.scheme == "https":
        tls = _tls_context(ca_bundle).new_connection_options()
        tls.set_server_name(host)
    return partial(
        HttpClientConnection.new,
        host,
        asked.port or _PORTS[asked.scheme],
        _bootstrap(),
        SocketOptions(),
        tls,
        _proxy(asked.scheme, host),
    )


def _proxy(scheme: str, host: str) -> Optional[HttpProxyOptions]:
    """The proxy that HTTP_PROXY or HTTPS_PROXY names for this host, unless NO_PROXY excepts it."""
    from awscrt import http

    place = getproxies().get(scheme, "")
    if not place or proxy_bypass(host):
        return None
    proxy = urlsplit(place if "://" in place else f"http://{place}")
    basic = http.HttpProxyAuthenticationType.Basic if proxy.username else None
    tunnel = scheme == "https"
    kinds = http.HttpProxyConnectionType
    return http.HttpProxyOptions(
        proxy.hostname or "",
        proxy.port or _PORTS["http"],
        auth_type=basic or http.HttpProxyAuthenticationType.Nothing,
        auth_username=unquote(proxy.username) if proxy.username else None,
        auth_password=unquote(proxy.password) if proxy.password else None,
        connection_type=kinds.Tunneling if tunnel else kinds.Forwarding,
    )


@cache
def _tls_context(ca_bundle: str) -> ClientTlsContext:
    from awscrt.io import ClientTlsContext, TlsContextOptions

    options = TlsContextOptions()
    if ca_bundle:
        options.override_default_trust_store_from_path(None, ca_bundle)
    return ClientTlsContext(options)


@cache
def _bootstrap() -> ClientBootstrap:
    """One thread does all of a process's requests: a second costs more CPU than it brings."""
    from awscrt.io import ClientBootstrap, DefaultHostResolver, EventLoopGroup

    loops = EventLoopGroup(1)
    return ClientBootstrap(loops, DefaultHostResolver(loops))
