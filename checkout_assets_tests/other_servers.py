"""S3 servers other than ministack, and what each of them cannot do.

ministack keeps every key and knows conditions, but checks no signature. What it and our own code
misunderstand alike shows only on servers that others wrote.
"""

import contextlib
import logging
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 60.0
REGION = "us-east-2"
ACCESS_KEY, SECRET_KEY = "stranger", "stranger-secret"
_IDENTITIES = (
    '{"identities": [{"name": "tests", "actions": ["Admin"], "credentials": '
    f'[{{"accessKey": "{ACCESS_KEY}", "secretKey": "{SECRET_KEY}"}}]}}]}}'
)
_WEED_PORTS = (
    "admin.port",
    "admin.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "master.port",
    "master.port.grpc",
    "s3.port",
    "s3.port.grpc",
    "volume.port",
    "volume.port.grpc",
)
_UNTIL_INPUT_ENDS = '"$@" </dev/null & child=$!; cat >/dev/null; kill $child; wait $child'
"""For a shell whose input is our pipe, which closes in every case when this process ends."""


@dataclass(frozen=True)
class OtherServer:
    """A running server, and its known differences from Amazon S3.

    ``refused`` are names that it does not take in a key, ``renamed`` those that it keeps as others;
    ``uncopyable`` it lists and cannot copy. ``has_directories`` tells whether a key below which
    there are others counts as taken, ``checks_source`` tells whether a copy on condition of
    the source's tag is refused if that does not hold, ``checks_signatures`` whether the secret
    matters.
    """

    name: str
    endpoint_url: str
    refused: frozenset[str] = frozenset()
    renamed: frozenset[str] = frozenset()
    uncopyable: frozenset[str] = frozenset()
    has_directories: bool = False
    checks_source: bool = True
    checks_signatures: bool = True

    def environment(self) -> dict[str, str]:
        """The standard AWS variables by which clients find this server."""
        return {
            "AWS_ENDPOINT_URL_S3": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }


@contextmanager
def moto() -> Iterator[OtherServer]:
    """moto's server in this process; its objects stay in memory."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield OtherServer(
            "moto",
            f"http://{host}:{port}",
            refused=frozenset({"new\nline"}),
            checks_source=False,
            checks_signatures=False,
        )
    finally:
        server.stop()


@contextmanager
def seaweedfs() -> Iterator[OtherServer]:
    """SeaweedFS as a separate process that ends with this one; its objects are on disk."""
    with tempfile.TemporaryDirectory(prefix="weed-") as directory, ExitStack() as stack:
        ports = _free_ports(len(_WEED_PORTS))
        url = f"http://127.0.0.1:{ports[_WEED_PORTS.index('s3.port')]}"
        process = stack.enter_context(_weed(Path(directory), ports))
        _wait_until_it_answers(url, process)
        yield OtherServer(
            "seaweedfs",
            url,
            refused=frozenset({"..", "x/..", "x/./y"}),
            renamed=frozenset({"x//y", "back\\slash"}),
            uncopyable=frozenset({"ends in a slash/"}),
            has_directories=True,
        )


@contextmanager
def _weed(directory: Path, ports: list[int]) -> Iterator["subprocess.Popen[bytes]"]:
    identities = directory / "identities.json"
    identities.write_text(_IDENTITIES)
    options = {
        "dir": directory,
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "s3.config": identities,
        "filer.localSocket": directory / "filer.sock",
        "s3.localSocket": directory / "s3.sock",
        # Nothing but S3, and nothing told to its makers.
        "master.telemetry": "false",
        "admin.ui": "false",
        "webdav": "false",
        "s3.iam": "false",
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        **dict(zip(_WEED_PORTS, ports, strict=True)),
    }
    weed = shutil.which("weed", path=_path_with_this_python())
    assert weed is not None, "SeaweedFS is not installed: make test-servers"
    words = [weed, "mini", *(f"-{name}={value}" for name, value in options.items())]
    process = subprocess.Popen(
        ["/bin/sh", "-c", _UNTIL_INPUT_ENDS, "sh", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=directory,
        env={"PATH": os.defpath, "HOME": str(directory)},
        start_new_session=True,  # Ctrl-C is for the tests
    )
    assert process.stdin is not None
    try:
        yield process
    finally:
        process.stdin.close()
        process.wait()


def _path_with_this_python() -> str:
    import sys

    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(contextlib.closing(socket.socket())) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def _wait_until_it_answers(url: str, process: "subprocess.Popen[bytes]") -> None:
    import urllib.error
    import urllib.request

    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url)
        except urllib.error.HTTPError:  # it answers, although not to strangers
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("SeaweedFS did not start")
