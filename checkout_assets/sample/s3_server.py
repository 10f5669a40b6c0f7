"""An S3 API server on this machine, for the demo and the tests."""

import atexit
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from checkout_assets.domain.errors import UsageError

START_SECONDS = 60.0
STOP_SECONDS = 60.0
REGION = "us-east-2"
_LOG_LINES_TOLD = 5


class EmbeddedS3Server:
    """ministack as a child process on a free port of 127.0.0.1; a context manager.

    It ends with this process in every case. With ``snapshot`` it continues with the objects of the
    last server with that file, and writes the file when it is stopped.
    """

    def __init__(self, snapshot: Path | None = None, log: Path | None = None) -> None:
        self._snapshot = snapshot
        self._log = log or Path(tempfile.mkdtemp(prefix="s3-server-")) / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self.endpoint_url = ""

    def __enter__(self) -> "EmbeddedS3Server":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.stop()
        else:
            self._end()  # the first error is the one to report

    def start(self) -> None:
        """Start and wait until requests are answered; raises UsageError with the log's end."""
        # The child inherits the socket, so no other process can take the port while it starts.
        with socket.socket() as bound, self._log.open("wb") as log:
            bound.bind(("127.0.0.1", 0))
            port = bound.getsockname()[1]
            self.endpoint_url = f"http://127.0.0.1:{port}"
            arguments = [str(bound.fileno()), *([str(self._snapshot)] if self._snapshot else [])]
            command = [sys.executable, "-m", "checkout_assets.sample.s3_process", *arguments]
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,  # its end tells the child to stop
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[bound.fileno()],
                start_new_session=True,  # Ctrl-C reaches only this process, which stops the child
                env={**os.environ, **self._own_environment(port)},
            )
        atexit.register(self._end)
        self._wait_until_it_answers()

    def stop(self) -> None:
        """Stop the server if it runs; raises UsageError if its snapshot was not written."""
        if self._end() != 0 and self._snapshot is not None:
            raise UsageError(
                f"The S3 server ended without keeping its objects in {self._snapshot}; its log "
                f"{self._log} ends with: {self._log_tail()}"
            )

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return self._process.pid if self._process else None

    def environment(self) -> dict[str, str]:
        """The standard AWS variables by which clients find this server."""
        return {
            "AWS_ENDPOINT_URL_S3": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": "embedded",
            "AWS_SECRET_ACCESS_KEY": "embedded",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            # The user's own configuration for AWS must have no effect.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def client(self, attempts: int = 5) -> Any:
        """A boto3 client of this server, whatever the environment says."""
        from botocore.config import Config

        from spark_jobs.stores.sessions import new_session

        return new_session().client(
            "s3",
            endpoint_url=self.endpoint_url,
            aws_access_key_id="embedded",
            aws_secret_access_key="embedded",
            region_name=REGION,
            config=Config(
                max_pool_connections=64,
                retries={"total_max_attempts": attempts},
                s3={"addressing_style": "path"},
            ),
        )

    def _end(self) -> int:
        """End the child and return its exit code, 0 if there is none."""
        process, self._process = self._process, None
        if process is None:
            return 0
        atexit.unregister(self._end)
        assert process.stdin is not None
        process.stdin.close()
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def _own_environment(self, port: int) -> dict[str, str]:
        scratch = str(self._log.parent)
        return {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "SERVICES": "s3",
            "LOG_LEVEL": "WARNING",
            "MINISTACK_REGION": REGION,
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            # Only S3 is needed: ministack must not use containers or write files elsewhere.
            "DOCKER_HOST": f"unix://{scratch}/none.sock",
            "TMPDIR": scratch,
        }

    def _wait_until_it_answers(self) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        client = self.client(attempts=1)
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self._process is not None
            if self._process.poll() is not None:
                break
            try:
                client.list_buckets()
            except (BotoCoreError, ClientError):
                time.sleep(0.1)
            else:
                return
        self._end()
        raise UsageError(
            f"The S3 server did not start; its log {self._log} ends with: {self._log_tail()}"
        )

    def _log_tail(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return " | ".join(lines[-_LOG_LINES_TOLD:]) or "nothing"
