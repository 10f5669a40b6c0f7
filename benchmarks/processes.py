"""Running a program and counting the CPU of everything it started.

``getrusage`` of children counts only processes that were waited for, which misses Spark's Python
workers (it counted 4.7 of 20.6 seconds); a control group counts all processes.
"""

import os
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_NANOSECONDS = 1e9
_MICROSECONDS = 1e6


class CannotCountError(Exception):
    """This machine does not allow creating a control group."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A program's wall and CPU seconds (of its whole process tree), exit code and output."""

    seconds: float
    cpu_seconds: float
    code: int
    output: str


class ControlGroup:
    """A control group whose CPU is counted; version 1 or 2, whichever is mounted."""

    def __init__(self) -> None:
        is_second = (_ROOT / "cgroup.controllers").exists()
        parent = _ROOT if is_second else _ROOT / "cpuacct"
        self._path = parent / f"checkout-assets-{uuid.uuid4().hex[:12]}"
        try:
            self._path.mkdir()
        except OSError as error:
            raise CannotCountError(
                f"CPU cannot be counted: {parent} refuses a new control group ({error.strerror}). "
                "Run the benchmark as root on Linux."
            ) from None

    def entering(self) -> list[str]:
        """The start of a command that runs in the group, with all processes that it starts."""
        return [sys.executable, "-m", "benchmarks.processes", str(self._path)]

    def cpu_seconds(self) -> float:
        """User and system CPU seconds of all processes that have run in the group."""
        if (self._path / "cpu.stat").exists() and not (self._path / "cpuacct.usage").exists():
            stat = dict(line.split() for line in (self._path / "cpu.stat").read_text().splitlines())
            return int(stat["usage_usec"]) / _MICROSECONDS
        return int((self._path / "cpuacct.usage").read_text()) / _NANOSECONDS

    def members(self) -> list[int]:
        """Processes still in the group."""
        return [int(pid) for pid in (self._path / "cgroup.procs").read_text().split()]

    def remove(self, patience: float = 20.0) -> None:
        """Remove the group when its last process has ended; waits ``patience`` seconds at most."""
        deadline = time.monotonic() + patience
        while self.members() and time.monotonic() < deadline:
            time.sleep(0.05)
        self._path.rmdir()


def run_counted(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Measured:
    """Run a program to its end and count its process tree, which must end soon after it."""
    group = ControlGroup()
    started = time.monotonic()
    ended = subprocess.run(
        [*group.entering(), *command],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    seconds = time.monotonic() - started
    _wait_for_stragglers(group)
    cpu_seconds = group.cpu_seconds()
    group.remove()
    return Measured(seconds, cpu_seconds, ended.returncode, ended.stdout)


def _wait_for_stragglers(group: ControlGroup, patience: float = 10.0) -> None:
    deadline = time.monotonic() + patience
    while group.members() and time.monotonic() < deadline:
        time.sleep(0.02)


if __name__ == "__main__":
    # Joins the group named first and becomes the program named after it.
    (Path(sys.argv[1]) / "cgroup.procs").write_text(str(os.getpid()))
    os.execvp(sys.argv[2], sys.argv[2:])
