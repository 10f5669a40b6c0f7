"""The real job as a cluster runs it: spark-submit, Java and Python workers."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pyspark

from checkout_assets.engines.structuring.session import local_spark_config, use_java

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "spark_jobs" / "structure_orders.py"
ENDS_WITHIN = 120
_AS_ON_A_CLUSTER = {"spark.driver.memory": "512m", "spark.python.daemon.module": "pyspark.daemon"}


class JobProcess:
    """``spark-submit`` of a script in a session of its own, so that all of it can die.

    ``command`` is the script and its arguments. S3 answers it at ``endpoint_url``; what it and
    Spark print goes to ``log``; ``conf`` adds to Spark's settings, ``environment`` to the
    environment of all its processes.
    """

    def __init__(
        self,
        log: Path,
        command: list[str],
        endpoint_url: str,
        conf: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        use_java()
        settings = {**local_spark_config("local[2]"), **_AS_ON_A_CLUSTER, **(conf or {})}
        submit = Path(pyspark.__file__).parent / "bin" / "spark-submit"
        flags = [word for item in settings.items() for word in ("--conf", "=".join(item))]
        self.log = log
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [str(submit), *flags, *command],
                env={
                    **os.environ,
                    "AWS_ENDPOINT_URL_S3": endpoint_url,
                    "PYTHONPATH": str(ROOT),
                    "PYSPARK_DRIVER_PYTHON": sys.executable,
                    **(environment or {}),
                },
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def told(self) -> str:
        """All that was printed so far."""
        return self.log.read_text(errors="replace")

    def running(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """Kill -9 all processes at once: no handler runs, no response is awaited."""
        os.kill(self._process.pid, signal.SIGKILL)
        wait_until(self._all_killed)
        self._process.wait(ENDS_WITHIN)

    def end(self) -> int:
        """Wait for the end and return the exit code."""
        return self._process.wait(ENDS_WITHIN)

    def discard(self) -> None:
        """Kill the remaining processes."""
        wait_until(self._all_killed)
        self._process.wait(ENDS_WITHIN)

    def workers(self) -> list[int]:
        """The Python workers that run tasks; their parent is Spark's Python daemon."""
        daemons = {pid for pid in self._members() if "pyspark.daemon" in _command(pid)}
        return [pid for pid in daemons if _parent(pid) in daemons]

    def _all_killed(self) -> bool:
        members = self._members()
        for pid in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not members

    def _members(self) -> list[int]:
        # By session: Spark's Python daemon leaves the process group.
        return [pid for pid in _processes() if _session(pid) == self._process.pid]


def wait_until(happened: Callable[[], bool], pause: float = 0.02) -> None:
    """Check repeatedly, after ``pause`` seconds; a short state needs a short pause."""
    deadline = time.monotonic() + ENDS_WITHIN
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not happen in time")
        time.sleep(pause)


def _processes() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ["X", "0", "0", "0"]


def _session(pid: int) -> int:
    state, _, _, session = _stat(pid)[:4]
    return int(session) if state not in "XZ" else 0


def _parent(pid: int) -> int:
    return int(_stat(pid)[1])


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return ""
