"""How a connection to a host is opened: proxy, trusted certificates, thread."""

from __future__ import annotations

import ctypes
import threading
from concurrent.futures import Future
from functools import cache, partial
from typing import TYPE_CHECKING, Callable, Optional
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

if TYPE_CHECKING:
    from awscrt.http import HttpClientConnection, HttpProxyOptions
    from awscrt.io import ClientBootstrap, ClientTlsContext

_PORTS = {"http": 80, "https": 443}

_kept = threading.local()


def keep_thread_state() -> None:
    """Make Python keep its thread state for the calling thread, which awscrt created.

    Otherwise every call from that thread would create and free it, and map and unmap memory: a
    fifth of a copy's CPU. After two calls of PyGILState_Ensure, one release keeps the state (C API,
    "Non-Python created threads").
    """
    if not hasattr(_kept, "state"):
        _kept.state = ctypes.pythonapi.PyGILState_Ensure()


def opener(url: str, ca_bundle: str) -> Callable[[], Future[HttpClientConnection]]:
    """A function that opens a connection to the host of ``url``, by the environment's proxy if any.

    ``ca_bundle`` is a file of certificates to trust, empty for the system's. Raises ValueError if
    the proxy is not a URL.
    """
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
    """The proxy that HTTP_PROXY or HTTPS_PROXY names for this host, unless NO_PROXY exempts it.

    Raises ValueError if it is not a URL.
    """
    from awscrt import http

    place = getproxies().get(scheme, "")
    if not place or proxy_bypass(host):
        return None
    try:
        proxy = urlsplit(place if "://" in place else f"http://{place}")
        port = proxy.port or _PORTS["http"]
    except ValueError:  # its message may contain a password
        raise ValueError(f"{scheme.upper()}_PROXY does not hold the URL of a proxy") from None
    basic = http.HttpProxyAuthenticationType.Basic if proxy.username else None
    tunnel = scheme == "https"
    kinds = http.HttpProxyConnectionType
    return http.HttpProxyOptions(
        proxy.hostname or "",
        port,
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
    """One thread for all requests of a process: a second one costs more CPU than it saves."""
    from awscrt.io import ClientBootstrap, DefaultHostResolver, EventLoopGroup

    loops = EventLoopGroup(1)
    return ClientBootstrap(loops, DefaultHostResolver(loops))
