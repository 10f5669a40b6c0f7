"""The services of a deployment, started, stopped and restarted as systemd would by their units."""

import os
import shlex
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from checkout_assets_tests.deployment import SystemdUnit

NAMES = ("code-server", "daemon", "webserver")
_START_SECONDS = 240
_STOP_SECONDS = 30


class Service:
    """A service that a unit describes; its user is this one."""

    def __init__(self, unit: Path, log: Path) -> None:
        self._unit, self._log = SystemdUnit(unit.read_text()), log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The id of its main process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, and wait until it is ready by its unit."""
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                self._with_variables(shlex.split(self._unit.one("Service", "ExecStart"))),
                cwd=self._unit.one("Service", "WorkingDirectory"),
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        for command in self._unit.all("Service", "ExecStartPost"):
            words = self._with_variables(shlex.split(command))
            subprocess.run(words, check=True, timeout=_START_SECONDS, capture_output=True)

    def stop(self) -> None:
        """Send the unit's signal to the processes that its KillMode means; then SIGKILL."""
        assert self._process is not None
        told = self._unit.all("Service", "KillSignal") or ["SIGTERM"]
        kill_mode = self._unit.all("Service", "KillMode") or ["control-group"]
        meant = [psutil.Process(self.pid)]
        if kill_mode == ["control-group"]:
            meant += meant[0].children(recursive=True)
        self._signal(meant, signal.Signals[told[0]])
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP_SECONDS)
        self._signal(meant, signal.SIGKILL)
        self._process.wait()

    def restart(self) -> None:
        """As ``systemctl restart``."""
        self.stop()
        self.start()

    def kill(self) -> None:
        """Kill -9 its main process; it starts again, if the unit says so."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        assert self._unit.one("Service", "Restart") == "always"
        self.start()

    def _with_variables(self, words: list[str]) -> list[str]:
        files = self._unit.all("Service", "EnvironmentFile")
        own = "".join(f"{variable}; " for variable in self._unit.all("Service", "Environment"))
        read = own + "".join(f". {shlex.quote(file)}; " for file in files)
        return ["sh", "-c", f'set -a; {read}set +a; exec "$@"', "service", *words]

    @staticmethod
    def _signal(processes: list[psutil.Process], sent: signal.Signals) -> None:
        for each in processes:
            with suppress(psutil.NoSuchProcess):
                each.send_signal(sent)


@contextmanager
def running_services(home: Path, logs: Path) -> Iterator[dict[str, Service]]:
    """The three services by name, in the order in which they start; all that they left is ended."""
    services = {
        name: Service(home / "systemd" / f"checkout-assets-{name}.service", logs / f"{name}.log")
        for name in NAMES
    }
    try:
        for service in services.values():
            service.start()
        yield services
    finally:
        _end_all_of(home)


def _end_all_of(home: Path) -> None:
    """Runs outlive their services, so they are known by their environment."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            own = process.pid != os.getpid() and process.environ().get("DAGSTER_HOME") == str(home)
            if own:
                process.kill()
