"""The run launcher that tells Dagster's run monitoring when a run's process has ended.

Only the code server that started a run's process notices its end, and Dagster's own launcher has no
health check. So when the code server ends as well, the run stays STARTED forever and keeps its
slot. This launcher checks the process itself.
"""

import ipaddress
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg
from dagster._config import UserConfigSchema
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG, HIDDEN_TAG_PREFIX
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import ConfigurableClassData

from checkout_assets.engines.processes import BootedHost, ProcessState, interrupt_spawned, state_of

RUN_HOST_TAG = f"{HIDDEN_TAG_PREFIX}checkout_run_host"
_FIRST_EVENTS = 20
_ANSWER_SECONDS = 10
_RUNNING = CheckRunHealthResult(WorkerStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class _RunProcess:
    """The process of a run, as its own first event names it."""

    pid: int
    seen: float


class HealthCheckingRunLauncher(dg.DefaultRunLauncher):
    """Launches runs as Dagster does by default, and finds those whose process has ended.

    It checks only runs of this host whose process is known: every other run counts as running. With
    ``single_host`` every run of the instance belongs to this host, whatever the host's name was and
    however the run was started, unless its code server is elsewhere.
    """

    def __init__(
        self, single_host: bool = False, inst_data: ConfigurableClassData | None = None
    ) -> None:
        super().__init__(inst_data)
        self._single_host = single_host

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """What dagster.yaml may configure."""
        return {"single_host": dg.Field(bool, default_value=False)}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> "HealthCheckingRunLauncher":
        """The launcher that dagster.yaml configures."""
        return cls(inst_data=inst_data, **config_value)

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Makes run monitoring call the health check."""
        return True

    def launch_run(self, context: LaunchRunContext) -> None:
        """Record this host in the run, then start its process."""
        self._instance.add_run_tags(
            context.dagster_run.run_id, {RUN_HOST_TAG: str(BootedHost.here())}
        )
        super().launch_run(context)

    def terminate(self, run_id: str) -> bool:
        """Cancel a run; if its code server no longer has it, interrupt its process.

        Otherwise a run that outlived its code server would be marked cancelled and continue.
        """
        try:
            if super().terminate(run_id):  # type: ignore[no-untyped-call]
                return True
        except DagsterUserCodeUnreachableError:
            pass  # the code server is not available at the moment
        run = self._instance.get_run_by_id(run_id)
        return run is not None and not run.is_finished and self._interrupt(run)

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """Return FAILED if the run's process has certainly ended, else RUNNING."""
        here, recorded = BootedHost.here(), _recorded_host(run)
        if not self._is_of_this_host(run, here, recorded):
            return _RUNNING
        if recorded and here.is_known_restart_of(recorded):
            return _failed("the host has restarted since the run started")
        process = self._process_of(run)
        if process is None or not self._has_ended(run, process):
            return _RUNNING
        return _failed(f"its process (pid {process.pid}) has ended without reporting its end")

    def _interrupt(self, run: dg.DagsterRun) -> bool:
        here, recorded = BootedHost.here(), _recorded_host(run)
        if not self._is_of_this_host(run, here, recorded):
            return False
        if recorded and here.is_known_restart_of(recorded):
            return False
        process = self._process_of(run)
        return process is not None and interrupt_spawned(process.pid, process.seen)

    def _is_of_this_host(
        self, run: dg.DagsterRun, here: BootedHost, recorded: BootedHost | None
    ) -> bool:
        if not _is_started_nearby(run):
            return False
        return self._single_host or (recorded is not None and recorded.name == here.name)

    def _process_of(self, run: dg.DagsterRun) -> _RunProcess | None:
        entries = self._instance.event_log_storage.get_logs_for_run(
            run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT, limit=_FIRST_EVENTS
        )
        return next((found for entry in entries if (found := _named_process(entry))), None)

    def _has_ended(self, run: dg.DagsterRun, process: _RunProcess) -> bool:
        """Whether the process has ended; its code server may know a process that is not visible.

        The code server, its parent, may be in a container that shares only this one's network. Or
        the clock was set forward, which makes a process look newer than it is.
        """
        state = state_of(process.pid, process.seen)
        if state is ProcessState.GONE:
            return not self._code_server_has(run)
        return state is ProcessState.ZOMBIE

    def _code_server_has(self, run: dg.DagsterRun) -> bool:
        client = self._get_grpc_client_for_termination(run.run_id)  # type: ignore[no-untyped-call]
        if client is None:
            return False
        asked = CanCancelExecutionRequest(run_id=run.run_id)
        try:
            answer = client.can_cancel_execution(asked, timeout=_ANSWER_SECONDS)
        except DagsterUserCodeUnreachableError:
            return False
        return dg.deserialize_value(answer, CanCancelExecutionResult).can_cancel


def _failed(why: str) -> CheckRunHealthResult:
    told = f"{why}. What it completed is kept; re-execute the run for the rest"
    return CheckRunHealthResult(WorkerStatus.FAILED, told)


def _recorded_host(run: dg.DagsterRun) -> BootedHost | None:
    recorded = run.tags.get(RUN_HOST_TAG)
    return BootedHost.parse(recorded) if recorded else None


def _is_started_nearby(run: dg.DagsterRun) -> bool:
    """Whether a code server on the launcher's own host started it, or no code server did."""
    server = json.loads(run.tags.get(GRPC_INFO_TAG, "{}"))
    host = server.get("host")
    return not host or "socket" in server or _is_this_host(host)


def _is_this_host(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in {"localhost", socket.gethostname()}


def _named_process(entry: dg.EventLogEntry) -> _RunProcess | None:
    event = entry.dagster_event
    pid = event.engine_event_data.metadata.get("pid") if event else None
    text = str(pid.value) if pid else ""
    return _RunProcess(int(text), entry.timestamp) if text.isdecimal() else None
