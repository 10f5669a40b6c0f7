"""Starts and stops the stub, which serves a benchmark's documents."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.structure.stub import BUCKET, PREFIX

RAW_URI = f"s3://{BUCKET}/{PREFIX}"
FOLDER = "0A_CheckoutOrder"


@contextmanager
def served(
    documents: int, days: int, kind: str = "dirty", delay: float = 0.0, folders: int = 1
) -> Iterator[dict[str, str]]:
    """Serve a raw bucket of ``folders`` folders; yields the environment for clients."""
    names = [f"{number:02X}_CheckoutOrder" for number in range(10, 10 + folders)]
    asked = ["--documents", str(documents), "--days", str(days), "--kind", kind]
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.structure.stub", *asked, "--delay", str(delay), *names],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        port = process.stdout.readline().strip()
        try:
            yield {
                "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}",
                "AWS_ACCESS_KEY_ID": "bench",
                "AWS_SECRET_ACCESS_KEY": "bench",
                "AWS_DEFAULT_REGION": "us-east-2",
                "AWS_EC2_METADATA_DISABLED": "true",
            }
        finally:
            process.stdin.close()
