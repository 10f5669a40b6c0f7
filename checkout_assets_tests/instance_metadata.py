"""An EC2 instance's metadata as IMDSv2 serves them: nothing without a token."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_TOKEN = "the-token"
_ROLES = "/latest/meta-data/iam/security-credentials/"
_ROLE = "copy-worker"


class InstanceMetadata:
    """The metadata: at first without a Spot notice and without credentials.

    A role's credentials are not there at once: EC2 User Guide, "Retrieve security credentials
    from instance metadata", and IAM's changes are eventually consistent.
    """

    url: str = ""
    notice: bytes | None = None
    credentials: bytes | None = None

    def give_credentials(self) -> None:
        """The instance's role has credentials now."""
        expires = datetime.now(UTC) + timedelta(hours=6)
        told = {
            "Code": "Success",
            "Type": "AWS-HMAC",
            "Expiration": f"{expires:%Y-%m-%dT%H:%M:%SZ}",
        }
        keys = {"AccessKeyId": "ASIATEST", "SecretAccessKey": "test", "Token": "test"}
        self.credentials = json.dumps({**told, **keys}).encode()

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
            served = {
                "/latest/meta-data/spot/instance-action": metadata.notice,
                _ROLES: _ROLE.encode() if metadata.credentials else None,
                _ROLES + _ROLE: metadata.credentials,
            }
            allowed = self.headers.get("X-aws-ec2-metadata-token") == _TOKEN
            self._answer(served.get(self.path) if allowed else None)

        def _answer(self, body: bytes | None) -> None:
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *words: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    metadata.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield metadata
    finally:
        server.shutdown()
        server.server_close()
