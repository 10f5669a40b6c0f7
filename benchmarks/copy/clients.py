"""The copying programs, ours and its peers, as commands that are run and measured."""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.copy.place import FOLDER, RAW_URI, SOURCE_URI, Stub
from benchmarks.processes import ControlGroup

_KIB_PER_MB = 1024
_BETWEEN_LOOKS = 0.05
_PATIENCE = 10.0
"""Seconds for which a client's child processes may outlive it."""

_TRANSFERS = "64"
_PROFILES = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
"""Keeps the user's own AWS configuration out of the measurement."""


@dataclass(frozen=True, slots=True)
class Run:
    """The cost of a client: CPU of its process tree, and peak memory of its largest process."""

    seconds: float
    cpu_seconds: float
    peak_mb: int
    code: int
    output: str


@dataclass(frozen=True, slots=True)
class Client:
    """A program that copies one folder; ``program`` is the executable that it needs."""

    name: str
    program: str
    command: Callable[[str, Stub], list[str]]


def _ours(program: str, stub: Stub) -> list[str]:
    del program, stub
    command = [sys.executable, "-m", "checkout_assets.cli.main", "copy", FOLDER, "--json"]
    return [*command, "--source", SOURCE_URI, "--raw", RAW_URI]


def _s5cmd(subcommand: str) -> Callable[[str, Stub], list[str]]:
    places = [f"{SOURCE_URI}/{FOLDER}/*", f"{RAW_URI}/{FOLDER}/"]
    return lambda program, stub: [
        program, "--endpoint-url", stub.url, "--log", "error", subcommand, *places,
    ]  # fmt: skip


def _aws(program: str, stub: Stub) -> list[str]:
    del stub
    places = [f"{SOURCE_URI}/{FOLDER}", f"{RAW_URI}/{FOLDER}"]
    return [program, "s3", "sync", *places, "--only-show-errors"]


def _rclone(subcommand: str) -> Callable[[str, Stub], list[str]]:
    places = [f"{uri}/{FOLDER}".replace("s3://", "stub:") for uri in (SOURCE_URI, RAW_URI)]
    # Without --checksum it requests each object's modification time, with one HEAD each.
    options = ["--transfers", _TRANSFERS, "--checkers", _TRANSFERS, "--checksum"]
    return lambda program, _: [
        program, subcommand, *places, *options, "--s3-no-check-bucket", "--quiet",
    ]  # fmt: skip


OURS = Client("ours", sys.executable, _ours)
S5CMD_CP = Client("s5cmd cp", "s5cmd", _s5cmd("cp"))
S5CMD_SYNC = Client("s5cmd sync", "s5cmd", _s5cmd("sync"))
AWS_SYNC = Client("aws s3 sync", "aws", _aws)
RCLONE_COPY = Client("rclone copy", "rclone", _rclone("copy"))
RCLONE_SYNC = Client("rclone sync", "rclone", _rclone("sync"))


def find_program(client: Client) -> str | None:
    """The path of the client's program: beside this Python, else on the PATH."""
    beside = str(Path(sys.executable).parent)
    return shutil.which(client.program, path=os.pathsep.join([beside, os.environ["PATH"]]))


def run_client(client: Client, stub: Stub) -> Run:
    """One run of a client over the stub's folder; raises RuntimeError if it is not installed."""
    program = find_program(client)
    if program is None:
        raise RuntimeError(f"{client.program} is not installed: pip install '.[bench]'.")
    return run_measured(client.command(program, stub), {**stub.environment, **_rclone_place(stub)})


def run_measured(command: Sequence[str], environment: Mapping[str, str]) -> Run:
    """Run a program to its end and measure it and all it starts."""
    group = ControlGroup()
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [*group.entering(), *command],
            env={**os.environ, **_PROFILES, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        peaks: dict[int, int] = {}
        watched = threading.Event()
        watch = threading.Thread(target=_watch, args=(group, peaks, watched))
        watch.start()
        code = process.wait()
        seconds = time.monotonic() - started
        watched.set()
        watch.join()
        deadline = time.monotonic() + _PATIENCE
        while group.members() and time.monotonic() < deadline:
            time.sleep(_BETWEEN_LOOKS)
        cpu_seconds = group.cpu_seconds()
        group.remove()
        output.seek(0)
        return Run(seconds, cpu_seconds, max(peaks.values(), default=0), code, output.read())


def _watch(group: ControlGroup, peaks: dict[int, int], ended: threading.Event) -> None:
    """Record each process's peak resident size so far, as counted by the kernel."""
    while not ended.wait(_BETWEEN_LOOKS):
        for pid in group.members():
            peaks[pid] = max(peaks.get(pid, 0), _peak_mb(pid))


def _peak_mb(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # it has just ended
        return 0
    found = next((line for line in lines if line.startswith("VmHWM:")), "VmHWM: 0 kB")
    return int(found.split()[1]) // _KIB_PER_MB


def _rclone_place(stub: Stub) -> dict[str, str]:
    settings = {
        "type": "s3", "provider": "Other", "env_auth": "true", "endpoint": stub.url,
        "region": "us-east-2", "list_version": "2",
    }  # fmt: skip
    named = {f"RCLONE_CONFIG_STUB_{name.upper()}": value for name, value in settings.items()}
    return {"RCLONE_CONFIG": "", **named}
