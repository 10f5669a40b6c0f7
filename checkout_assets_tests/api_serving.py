"""Serves a double of an AWS API over HTTP."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from moto.core.request import Request
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Response


@contextmanager
def serving_api(answer: Callable[[Request], Response]) -> Iterator[str]:
    """Serve the API on a free port of this machine; yields its URL."""

    def serve(environ: Any, start: Any) -> Iterable[bytes]:
        return answer(Request(environ))(environ, start)

    server = make_server("127.0.0.1", 0, serve, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002
        """Tests need no access log."""
