"""An EC2 instance's metadata as IMDSv2 serves them: nothing without a token."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_TOKEN = "the-token"


class InstanceMetadata:
    """What is served: no Spot notice until one is announced."""

    url: str = ""
    notice: bytes | None = None

    def announce(self, action: str) -> None:
        """AWS will take the instance back."""
        self.notice = json.dumps({"action": action, "time": "2026-03-04T05:08:07Z"}).encode()

    def announce_after(self, event: threading.Event) -> None:
        """AWS will take the instance back once the event is set."""

        def wait() -> None:
            if event.wait(60):
                self.announce("terminate")

        threading.Thread(target=wait, daemon=True).start()


@contextmanager
def instance_metadata() -> Iterator[InstanceMetadata]:
    """Served at ``url`` while the body runs."""
    metadata = InstanceMetadata()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            lives = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
            known = self.path == "/latest/api/token" and lives
            self._answer(_TOKEN.encode() if known else None)

        def do_GET(self) -> None:
            allowed = self.headers.get("X-aws-ec2-metadata-token") == _TOKEN
            known = self.path == "/latest/meta-data/spot/instance-action" and allowed
            self._answer(metadata.notice if known else None)

        def _answer(self, body: bytes | None) -> None:
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *words: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    metadata.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield metadata
    finally:
        server.shutdown()
        server.server_close()
