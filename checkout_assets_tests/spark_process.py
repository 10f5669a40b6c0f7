"""A command in a separate process, with all processes that it starts."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

MARK = "CHECKOUT_TESTS_MARK"
"""An environment variable that every process the command starts inherits."""

_ENDS_WITHIN = 240
"""Seconds: far more than it takes, for a machine that does much else."""


class SparkProcess:
    """``checkout-assets`` (or another Python module) with Spark below it; a context manager.

    ``out`` and ``err`` hold what it printed, once it has ended.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str] | None = None,
        module: str = "checkout_assets.cli.main",
    ) -> None:
        self._mark = uuid.uuid4().hex
        self.out = self.err = ""
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env={**os.environ, **(environment or {}), MARK: self._mark},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> "SparkProcess":
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self.alive():
            os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def signal(self, number: int) -> None:
        """Send a signal to the process itself, as Ctrl-C or an init system does."""
        self._process.send_signal(number)

    def end(self) -> int:
        """Wait for its end and return the exit code."""
        self.out, self.err = self._process.communicate(timeout=_ENDS_WITHIN)
        return self._process.returncode

    def alive(self) -> list[int]:
        """Every process of this command that lives, wherever it went."""
        return [pid for pid in _processes() if self._is_ours(pid)]

    def runs(self, *words: str) -> bool:
        """Whether one of its processes has all these words in its command line."""
        return any(all(word in _read(pid, "cmdline") for word in words) for pid in self.alive())

    def _is_ours(self, pid: int) -> bool:
        return f"{MARK}={self._mark}" in _read(pid, "environ")


def wait_until(happened: Callable[[], object], seconds: float = _ENDS_WITHIN) -> None:
    """Check repeatedly until something is true; raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not happen in time")
        time.sleep(0.02)


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _read(pid: int, name: str) -> str:
    """Empty for a process that is gone, and for one that has ended and waits to be collected."""
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace")
    except OSError:
        return ""
