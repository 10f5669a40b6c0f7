"""A proxy between a client and the S3 server that makes chosen requests fail."""

import http.client
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

RESET = -1
_POLL_SECONDS = 0.02
"""Seconds until a proxy notices that it must end."""
_HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}


@dataclass(frozen=True)
class Request:
    """A client's request: method, percent-encoded path with query, headers in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = b""

    @property
    def is_copy(self) -> bool:
        return self.method == "PUT" and "x-amz-copy-source" in self.headers

    @property
    def lists_a_folder(self) -> bool:
        """Of the source or of raw: no listing of what raw keeps beside its folders."""
        return "list-type" in self.path and "_manifests" not in self.path


@dataclass(frozen=True)
class Answer:
    """What the client gets instead; the status RESET drops the connection.

    With ``done`` the server has done what was asked, and only its answer is lost; ``then`` is
    called in between. ``content`` takes the place of an error's body, ``exact`` of any body.
    """

    status: int
    code: str = ""
    done: bool = False
    then: Callable[[], object] = lambda: None
    message: str = "made up"
    content: str = ""
    exact: bytes | None = None
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/xml"),)

    @property
    def body(self) -> bytes:
        if self.exact is not None:
            return self.exact
        if self.content:
            return self.content.encode()
        return f"<Error><Code>{self.code}</Code><Message>{self.message}</Message></Error>".encode()


Rule = Callable[[Request], Answer | None]
"""Sees each request before the server does; returns None to let it pass."""


class ManyClients(ThreadingHTTPServer):
    """A server that accepts hundreds of simultaneous connections; the default backlog is five."""

    request_queue_size = 1024

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report an error, unless the client has only closed the connection."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class FaultProxy:
    """Forwards to the S3 server at ``upstream``; ``seen`` holds every request.

    With ``below``, a path, it answers 404 to what does not lie there, and leaves it out upstream.
    """

    def __init__(self, upstream: str, below: str = "") -> None:
        self.rule: Rule = lambda _: None
        self.seen: list[Request] = []
        self._upstream = urlsplit(upstream).netloc
        self._below = below
        self._server = ManyClients(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.endpoint_url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def copies(self) -> list[Request]:
        return [request for request in self.seen if request.is_copy]

    def forward(self, request: Request) -> Answer:
        """The response of the server behind the proxy."""
        upstream = http.client.HTTPConnection(self._upstream)
        path = request.path[len(self._below) :]
        upstream.putrequest(request.method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.items():
            upstream.putheader(name, value)
        upstream.endheaders(request.body)
        response = upstream.getresponse()
        content = response.read()
        upstream.close()
        return Answer(response.status, exact=content, headers=tuple(response.getheaders()))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_one(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                body = self._body(headers)
                request = Request(self.command, self.path, headers, body)
                proxy.seen.append(request)
                inside = self.path.startswith(proxy._below + "/")
                answer = proxy.rule(request) if inside else Answer(404, "NotFound")
                if answer is None or answer.done:
                    answered = proxy.forward(request)
                if answer is not None:
                    answer.then()
                if answer is None:
                    self._send(answered)
                elif answer.status == RESET:
                    self.close_connection = True
                    self.connection.close()
                else:
                    self._send(answer)

            def _body(self, headers: dict[str, str]) -> bytes:
                """The body; one that came in chunks is passed on as a whole."""
                if headers.pop("transfer-encoding", "") != "chunked":
                    return self.rfile.read(int(headers.get("content-length") or 0))
                body = b""
                while length := int(self.rfile.readline(), 16):
                    body += self.rfile.read(length)
                    self.rfile.readline()
                self.rfile.readline()
                headers["content-length"] = str(len(body))
                return body

            def _send(self, answer: Answer) -> None:
                self.send_response_only(answer.status)
                headers, body = answer.headers, answer.body
                length = next((v for n, v in headers if n.lower() == "content-length"), "")
                for name, value in headers:
                    if name.lower() not in _HOP_BY_HOP:
                        self.send_header(name, value)
                is_head = self.command == "HEAD"
                self.send_header("content-length", length if is_head and length else str(len(body)))
                self.end_headers()
                if not is_head:
                    self.wfile.write(body)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_one  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        return Handler

    @contextmanager
    def serving(self) -> Iterator["FaultProxy"]:
        thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,), daemon=True
        )
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
