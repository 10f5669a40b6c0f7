"""Starts, controls and stops the stub."""

import http.client
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from benchmarks.copy.stub import CONTROL, RAW, RAW_PREFIX, SOURCE, SOURCE_PREFIX

SOURCE_URI = f"s3://{SOURCE}/{SOURCE_PREFIX}"
RAW_URI = f"s3://{RAW}/{RAW_PREFIX}"
FOLDER = "0A_CheckoutOrder"


@dataclass(frozen=True, slots=True)
class Stub:
    """A running stub."""

    port: int
    pid: int
    objects: int

    @property
    def url(self) -> str:
        """The stub's URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The AWS variables with which every client uses the stub."""
        return {
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
            "AWS_DEFAULT_REGION": "us-east-2",
            "AWS_REGION": "us-east-2",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def clear(self) -> None:
        """Empty the raw bucket and reset the counts of requests."""
        self._ask("clear")

    def fill(self) -> None:
        """Put all of the source's objects into raw."""
        self._ask("fill")

    def drop(self, every: int) -> None:
        """Remove each ``every``-th object from raw."""
        self._ask(f"drop?every={every}")

    def behave(self, **changes: float) -> None:
        """Change the latency or the faults from now on."""
        self._ask(f"behave?{urlencode(changes)}")

    def state(self) -> dict[str, Any]:
        """The buckets' counts and the counts of requests."""
        state: dict[str, Any] = json.loads(self._ask("state"))
        return state

    def arrived(self) -> int:
        """The number of the source's objects that are in raw under their keys."""
        return int(self.state()["buckets"][RAW]["numbered"])

    def asked(self) -> Counter[str]:
        """Requests per operation, and ``connections``, since the last ``clear``."""
        return Counter(self.state()["asked"])

    def _ask(self, what: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("GET", CONTROL + what)
            return connection.getresponse().read()
        finally:
            connection.close()


@contextmanager
def serving(objects: int, folders: Sequence[str] = (FOLDER,)) -> Iterator[Stub]:
    """Start a stub whose source has ``objects`` objects in each of the folders."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.copy.stub", "--objects", str(objects), *folders],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        port = int(process.stdout.readline())
        try:
            yield Stub(port, process.pid, objects * len(folders))
        finally:
            process.stdin.close()
