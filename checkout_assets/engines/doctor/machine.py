"""This machine: Python, Java, open files, directories and ports."""

import json
import re
import socket
import urllib.request
from collections.abc import Iterator
from importlib.metadata import metadata
from platform import python_version_tuple
from typing import Any

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.doctor import CheckResult, Topic
from checkout_assets.engines.doctor.settling import settled
from checkout_assets.engines.open_files import LEAST_OPEN_FILES, ensure_open_files
from checkout_assets.engines.structuring.java import JAVA_MAJOR, find_java
from checkout_assets.engines.structuring.machine import check_scratch, scratch_directories
from checkout_assets.settings import MachineSettings

MACHINE = "this machine"
UI_PORT = 3000
_LOOPBACK = "127.0.0.1"
_ANSWERS_WITHIN = 2.0
_GUIDE = "docs/runbook.md#when-structuring-on-this-machine-fails"
_INSTALL_JAVA = f"Install Java {JAVA_MAJOR} and set JAVA_HOME to it."
_FREE_SCRATCH = "Free space there, or set SPARK_LOCAL_DIRS or TMPDIR to another directory."


def machine_results(structures_here: bool = True) -> Iterator[CheckResult]:
    """The needs of copying, structuring and the UI; Java and scratch only to structure here."""
    yield from settled(_PYTHON, _python)
    if structures_here:
        yield from settled(_JAVA, _java, _INSTALL_JAVA)
        yield from settled(_SCRATCH, _scratch, _FREE_SCRATCH)
    yield from settled(_OPEN_FILES, _open_files, "Raise the limit: ulimit -n 4096.")
    yield from settled(_LOCAL_PORTS, _local_ports)
    yield from settled(_UI, _ui_port)


_PYTHON = Topic(MACHINE, "Python")
_JAVA = Topic(MACHINE, "Java", _GUIDE)
_SCRATCH = Topic(MACHINE, "temporary directories", _GUIDE)
_OPEN_FILES = Topic(MACHINE, "open files")
_LOCAL_PORTS = Topic(MACHINE, "local ports")
_UI = Topic(MACHINE, f"port {UI_PORT}")


def _python() -> Iterator[CheckResult]:
    major, minor, _ = python_version_tuple()
    running, told = (int(major), int(minor)), f"{major}.{minor}"
    wanted = str(metadata("checkout-assets")["Requires-Python"])
    if _meets(running, wanted):
        yield _PYTHON.ok(f"Python {told}")
    else:
        yield _PYTHON.failed(
            f"Python {told} is not supported: {wanted} is required.",
            "Install Python 3.11, 3.12 or 3.13 and run make PYTHON=/path/to/python.",
        )


def _meets(running: tuple[int, ...], wanted: str) -> bool:
    """Whether the version satisfies a range such as ``>=3.11,<3.14``."""
    limits = re.findall(r"(>=|<)\s*(\d+)\.(\d+)", wanted)
    bounds = [(sign, (int(major), int(minor))) for sign, major, minor in limits]
    return all(running >= bound if sign == ">=" else running < bound for sign, bound in bounds)


def _java() -> Iterator[CheckResult]:
    home = find_java(MachineSettings().java_home)
    yield _JAVA.ok(f"Java {JAVA_MAJOR} in {displayable(str(home))}")


def _scratch() -> Iterator[CheckResult]:
    check_scratch()
    named = ", ".join(map(displayable, scratch_directories()))
    yield _SCRATCH.ok(f"{named} can be written")


def _open_files() -> Iterator[CheckResult]:
    ensure_open_files()
    yield _OPEN_FILES.ok(f"at least {LEAST_OPEN_FILES} may be open at once")


def _local_ports() -> Iterator[CheckResult]:
    """Whether loopback ports can be opened: Spark and the demo's S3 server listen there."""
    try:
        with socket.socket() as probe:
            probe.bind((_LOOPBACK, 0))
    except OSError as error:
        yield _LOCAL_PORTS.failed(
            f"No port of {_LOOPBACK} can be opened ({error.strerror}).",
            "Bring up the loopback interface, and allow this user to listen there.",
        )
    else:
        yield _LOCAL_PORTS.ok(f"ports of {_LOOPBACK} can be opened")


def _ui_port() -> Iterator[CheckResult]:
    address = f"{_LOOPBACK}:{UI_PORT}"
    if not _listens(UI_PORT):
        yield _UI.ok("free for the Dagster UI")
    elif _is_dagster(f"http://{address}/server_info"):
        yield _UI.ok("a Dagster UI answers there")
    else:
        yield _UI.failed(
            f"Another program listens on {address}: the Dagster UI will use another port.",
            "Open the address that make ui prints, or stop the other program.",
        )


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(_ANSWERS_WITHIN)
        return probe.connect_ex((_LOOPBACK, port)) == 0


def _is_dagster(url: str) -> bool:
    # No proxy: the address is this machine's own.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(url, timeout=_ANSWERS_WITHIN) as answer:
            served: Any = json.load(answer)
    except (OSError, ValueError):
        return False
    return isinstance(served, dict) and "dagster_webserver_version" in served
