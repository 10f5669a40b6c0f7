"""Java as a child process: its start can be interrupted, and its end leaves nothing running.

PySpark starts Java itself, but loses track of it if it is interrupted while it waits; that Java
then never ends. So Java is started here, and PySpark gets the address to connect to.
"""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.structuring.java import first_words

STARTS_WITHIN = 300
"""Seconds after which a Java that has not reported its address is given up."""

_ENDS_WITHIN = 10
_LOOK_SECONDS = 0.05
_KEPT_LINES = 200
_TOLD_CHARACTERS = 400
_OPTIONS = "spark.driver.extraJavaOptions"


class StartCancelledError(Exception):
    """Spark was cancelled before it had started."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where Java listens for PySpark, and the secret that it requires."""

    port: int
    secret: str


class JavaProcess:
    """A running ``spark-submit`` in a process group of its own, so that all of it can be ended.

    It ends by itself when this process ends, because its standard input is then closed.
    """

    def __init__(self, spark_home: Path, config: Mapping[str, str]) -> None:
        """Start it; raises OSError if that fails."""
        self._directory = Path(tempfile.mkdtemp(prefix="checkout-assets-"))
        self._info = self._directory / "address"
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._listening = self._ending = False
        try:
            self._process = subprocess.Popen(
                [spark_home / "bin" / "spark-submit", *_flags(config), "pyspark-shell"],
                env={**os.environ, "_PYSPARK_DRIVER_CONN_INFO_PATH": str(self._info)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                process_group=0,
            )
        except BaseException:
            self._forget_directory()
            raise
        threading.Thread(target=self._hear, name="java-errors", daemon=True).start()

    def address(self, cancelled: threading.Event) -> Address:
        """Wait until Java listens.

        Raises StartCancelledError as soon as the event is set. Raises UsageError if Java ends or
        stays silent.
        """
        deadline = time.monotonic() + STARTS_WITHIN
        while not self._info.is_file():
            if cancelled.wait(_LOOK_SECONDS):
                raise StartCancelledError
            if self._process.poll() is not None:
                raise UsageError(self.why(f"Java ended with exit code {self._process.returncode}"))
            if time.monotonic() > deadline:
                raise UsageError(self.why(f"Java did not answer within {STARTS_WITHIN} seconds"))
        told = self._info.read_bytes()
        self._forget_directory()
        return _address(told)

    def listen(self) -> None:
        """From now on, pass Java's output to standard error; until now it was kept for ``why``."""
        self._listening = True

    def why(self, event: str) -> str:
        """Build the sentence for a Spark that could not start, with Java's output."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)  # its last output may not have arrived yet
        said = ": ".join(filter(None, (event, first_words(self._lines.copy()))))
        return (
            f"Spark could not start: {displayable(said, longest=_TOLD_CHARACTERS)}. Look at this "
            "machine's free memory and its limits (ulimit -a)."
        )

    def end(self, at_once: bool = False) -> None:
        """End Java and all its child processes, by force if it does not end by itself in time."""
        self._ending = True
        try:
            assert self._process.stdin is not None
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            if not at_once:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(_ENDS_WITHIN)
        finally:
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
            self._forget_directory()

    def _hear(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            text = line.decode(errors="replace")
            self._lines.append(text)
            if self._listening and not self._ending:
                with contextlib.suppress(OSError, ValueError):
                    sys.stderr.write(text)

    def _forget_directory(self) -> None:
        self._info.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._directory.rmdir()


def _flags(config: Mapping[str, str]) -> list[str]:
    # Java ignores TMPDIR, and finds no home for a user without an entry in passwd.
    scratch = tempfile.gettempdir()
    here = shlex.join([f"-Djava.io.tmpdir={scratch}", f"-Duser.home={scratch}"])
    settings = {**config, _OPTIONS: f"{config.get(_OPTIONS, '')} {here}".strip()}
    return [word for item in settings.items() for word in ("--conf", "=".join(item))]


def _address(told: bytes) -> Address:
    """Parse PySpark's format: the port, then the length of the secret and the secret."""
    port, length = int.from_bytes(told[:4], "big"), int.from_bytes(told[4:8], "big")
    return Address(port, told[8 : 8 + length].decode())
