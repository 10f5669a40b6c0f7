"""Runs whose process was killed end as failed, and no others do."""

import json
import logging
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import dagster as dg
import pytest
from dagster._core.events import EngineEventData
from dagster._core.launcher import LaunchRunContext
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._daemon.monitoring import execute_run_monitoring_iteration
from dagster._grpc.client import DagsterGrpcClient
from dagster._grpc.types import CanCancelExecutionResult, CancelExecutionResult

from checkout_assets.automation import run_launcher
from checkout_assets.automation.run_ends import is_over
from checkout_assets.automation.run_launcher import RUN_HOST_TAG, HealthCheckingRunLauncher
from checkout_assets.demo.place import DemoPlace
from checkout_assets.engines.processes import BootedHost
from checkout_assets_tests.dagster.orphans import some_job, started
from checkout_assets_tests.real_dagster import shipped_home

AN_HOUR = 3600.0
NEARBY = {GRPC_INFO_TAG: json.dumps({"host": "localhost", "port": 1})}
"""Nobody listens there: its code server ended as well."""
HERE = {RUN_HOST_TAG: str(BootedHost.here()), **NEARBY}


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """The instance of a deployment; every test has a run of its own in it."""
    home = shipped_home(tmp_path_factory.mktemp("shipped"))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        yield instance


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    """The instance of a demo."""
    place = DemoPlace(tmp_path_factory.mktemp("demo"))
    place.prepare()
    with dg.DagsterInstance.from_config(str(place.dagster_home)) as instance:
        yield instance


@pytest.fixture(params=["shipped", "demo"])
def instance(request: pytest.FixtureRequest) -> dg.DagsterInstance:
    return cast(dg.DagsterInstance, request.getfixturevalue(request.param))


def tell_pid(instance: dg.DagsterInstance, run: dg.DagsterRun, pid: int, at: float) -> None:
    """As the run's process does, before it does anything else."""
    event = dg.DagsterEvent(
        dg.DagsterEventType.ENGINE_EVENT.value,
        run.job_name,
        message=f"Started process for run (pid: {pid}).",
        event_specific_data=EngineEventData.in_process(pid),
    )
    instance.report_dagster_event(event, run.run_id, timestamp=at)


def told(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    """What the run's log says last."""
    return instance.all_logs(run.run_id)[-1].message


def look(instance: dg.DagsterInstance) -> None:
    """What the daemon does when it starts, and then again and again."""
    context = SimpleNamespace(instance=instance, create_request_context=lambda: None)
    for error in execute_run_monitoring_iteration(cast(Any, context), logging.getLogger(__name__)):
        assert error is None


def status(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status


def assert_failed(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    look(instance)
    assert status(instance, run) is dg.DagsterRunStatus.FAILURE
    assert is_over(instance, run.run_id)  # what the sensors for orphans go by


def assert_left_alone(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    look(instance)
    assert status(instance, run) is dg.DagsterRunStatus.STARTED


def gone(process: "subprocess.Popen[bytes]") -> float:
    process.kill()
    process.wait()
    return time.time()


def zombie(process: "subprocess.Popen[bytes]") -> float:
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    return time.time()


def id_used_again(_: "subprocess.Popen[bytes]") -> float:
    return time.time() - AN_HOUR


ENDS = [gone, zombie, id_used_again]


@pytest.mark.parametrize("end", ENDS)
def test_a_run_whose_process_has_ended_fails(
    instance: dg.DagsterInstance,
    process: "subprocess.Popen[bytes]",
    end: Callable[["subprocess.Popen[bytes]"], float],
) -> None:
    run = started(instance, tags=HERE)
    tell_pid(instance, run, process.pid, at=end(process))
    assert_failed(instance, run)
    assert f"(pid {process.pid}) has ended" in told(instance, run)
    assert "re-execute the run" in told(instance, run)


def test_a_run_whose_process_runs_is_left_alone(
    instance: dg.DagsterInstance, process: "subprocess.Popen[bytes]"
) -> None:
    run = started(instance, tags=HERE)
    tell_pid(instance, run, process.pid, at=time.time())
    assert_left_alone(instance, run)
    gone(process)
    assert_failed(instance, run)


def test_the_first_process_that_a_run_names_is_its_own(
    instance: dg.DagsterInstance, process: "subprocess.Popen[bytes]"
) -> None:
    """Steps may have processes of their own, which end before it."""
    run = started(instance, tags=HERE)
    tell_pid(instance, run, os.getpid(), at=time.time())
    tell_pid(instance, run, process.pid, at=gone(process))
    assert_left_alone(instance, run)


def test_a_run_without_a_known_process_is_left_alone(instance: dg.DagsterInstance) -> None:
    run = started(instance, tags=HERE)
    instance.report_engine_event("Something else.", run)
    assert_left_alone(instance, run)


def test_a_restart_of_the_host_ends_all_earlier_runs(instance: dg.DagsterInstance) -> None:
    """Even if the clock is wrong after it, and the id belongs to another process."""
    before = BootedHost(BootedHost.here().name, "another-boot")
    run = started(instance, tags={**HERE, RUN_HOST_TAG: str(before)})
    tell_pid(instance, run, os.getpid(), at=time.time())
    look(instance)
    if BootedHost.here().boot:
        assert status(instance, run) is dg.DagsterRunStatus.FAILURE
        assert "the host has restarted" in told(instance, run)


@pytest.mark.parametrize("host", ["code-server", "10.0.0.7", "::2"])
def test_a_run_of_another_hosts_code_server_is_left_alone(
    instance: dg.DagsterInstance, process: "subprocess.Popen[bytes]", host: str
) -> None:
    elsewhere = {GRPC_INFO_TAG: json.dumps({"host": host, "port": 4000})}
    run = started(instance, tags={**HERE, **elsewhere})
    tell_pid(instance, run, process.pid, at=gone(process))
    assert_left_alone(instance, run)


@pytest.mark.parametrize(
    "server",
    [
        {"host": "127.0.0.1", "port": 1},
        {"host": "::1", "port": 1},
        {"host": socket.gethostname(), "port": 1},
        {"host": "localhost", "socket": "/nowhere/at-all"},
    ],
    ids=["127.0.0.1", "::1", "own-name", "socket"],
)
def test_every_name_of_this_host_is_this_host(
    shipped: dg.DagsterInstance, process: "subprocess.Popen[bytes]", server: dict[str, Any]
) -> None:
    run = started(shipped, tags={**HERE, GRPC_INFO_TAG: json.dumps(server)})
    tell_pid(shipped, run, process.pid, at=gone(process))
    assert_failed(shipped, run)


@pytest.mark.parametrize("has_it", [True, False])
def test_a_run_that_its_code_server_still_has_is_left_alone(
    instance: dg.DagsterInstance,
    process: "subprocess.Popen[bytes]",
    monkeypatch: pytest.MonkeyPatch,
    has_it: bool,
) -> None:
    """Containers may share a network and no processes; a new server has no earlier run."""
    answer = dg.serialize_value(CanCancelExecutionResult(can_cancel=has_it))
    monkeypatch.setattr(DagsterGrpcClient, "can_cancel_execution", lambda *_, **__: answer)
    run = started(instance, tags=HERE)
    tell_pid(instance, run, process.pid, at=gone(process))
    (assert_left_alone if has_it else assert_failed)(instance, run)


OTHER_NAME = {**HERE, RUN_HOST_TAG: str(BootedHost("0123456789abcdef", BootedHost.here().boot))}


@pytest.mark.parametrize("tags", [OTHER_NAME, NEARBY, {}], ids=["other-name", "unknown", "cli"])
def test_only_an_instance_of_a_single_host_judges_runs_of_an_unknown_host(
    shipped: dg.DagsterInstance,
    demo: dg.DagsterInstance,
    process: "subprocess.Popen[bytes]",
    tags: dict[str, str],
) -> None:
    ended = gone(process)
    for instance, judge in ((shipped, assert_left_alone), (demo, assert_failed)):
        run = started(instance, tags=tags)
        tell_pid(instance, run, process.pid, at=ended)
        judge(instance, run)


@pytest.mark.parametrize(
    ("state", "event", "end"),
    [
        ("STARTING", dg.DagsterEventType.RUN_STARTING, "FAILURE"),
        ("CANCELING", dg.DagsterEventType.RUN_CANCELING, "CANCELED"),
    ],
)
def test_what_was_killed_while_it_started_or_was_cancelled_ends_as_well(
    instance: dg.DagsterInstance, state: str, event: dg.DagsterEventType, end: str
) -> None:
    run = instance.create_run_for_job(some_job, tags=HERE)
    happened = dg.DagsterEvent(event.value, run.job_name)
    instance.report_dagster_event(happened, run.run_id, timestamp=time.time() - AN_HOUR)
    assert status(instance, run) is dg.DagsterRunStatus[state]
    look(instance)
    assert status(instance, run) is dg.DagsterRunStatus[end]


def test_the_host_is_recorded_before_the_process_starts(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that no run that has begun lacks it."""
    recorded: list[str | None] = []

    def launch(_: dg.DefaultRunLauncher, context: LaunchRunContext) -> None:
        run = instance.get_run_by_id(context.dagster_run.run_id)
        assert run is not None
        recorded.append(run.tags.get(RUN_HOST_TAG))

    monkeypatch.setattr(dg.DefaultRunLauncher, "launch_run", launch)
    assert isinstance(instance.run_launcher, HealthCheckingRunLauncher)
    run = instance.create_run_for_job(some_job)
    instance.run_launcher.launch_run(LaunchRunContext(run, workspace=None))
    assert recorded == [str(BootedHost.here())]


@pytest.fixture
def outliving(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The processes that were interrupted; no code server has the run any more."""
    interrupted: list[int] = []

    def interrupt(pid: int, seen: float) -> bool:
        interrupted.append(pid)
        return seen > 0

    monkeypatch.setattr(run_launcher, "interrupt_spawned", interrupt)
    return interrupted


UNKNOWN = dg.serialize_value(
    CancelExecutionResult(success=False, message=None, serializable_error_info=None)
)


@pytest.mark.parametrize("answers", [True, False], ids=["new-code-server", "no-code-server"])
def test_a_run_that_outlived_its_code_server_can_be_cancelled(
    instance: dg.DagsterInstance,
    outliving: list[int],
    monkeypatch: pytest.MonkeyPatch,
    answers: bool,
) -> None:
    if answers:
        monkeypatch.setattr(DagsterGrpcClient, "cancel_execution", lambda *_, **__: UNKNOWN)
    run = started(instance, tags=HERE)
    tell_pid(instance, run, 4711, at=time.time())
    assert instance.run_launcher.terminate(run.run_id)
    assert outliving == [4711]
    assert status(instance, run) is dg.DagsterRunStatus.CANCELING


def test_a_run_that_its_code_server_cancels_is_not_interrupted_as_well(
    shipped: dg.DagsterInstance, outliving: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = dg.serialize_value(
        CancelExecutionResult(success=True, message=None, serializable_error_info=None)
    )
    monkeypatch.setattr(DagsterGrpcClient, "cancel_execution", lambda *_, **__: answer)
    run = started(shipped, tags=HERE)
    tell_pid(shipped, run, 4711, at=time.time())
    assert shipped.run_launcher.terminate(run.run_id)
    assert outliving == []


ELSEWHERE = {
    "another-host": OTHER_NAME,
    "another-boot": {**HERE, RUN_HOST_TAG: str(BootedHost(BootedHost.here().name, "another-boot"))},
    "another-code-server": {**HERE, GRPC_INFO_TAG: json.dumps({"host": "10.0.0.7", "port": 1})},
}


@pytest.mark.parametrize("where", ELSEWHERE)
def test_no_process_is_interrupted_for_a_run_of_elsewhere(
    shipped: dg.DagsterInstance,
    outliving: list[int],
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    if where == "another-boot" and not BootedHost.here().boot:
        pytest.skip("this system does not tell its boots apart")
    monkeypatch.setattr(DagsterGrpcClient, "cancel_execution", lambda *_, **__: UNKNOWN)
    run = started(shipped, tags=ELSEWHERE[where])
    tell_pid(shipped, run, 4711, at=time.time())
    assert not shipped.run_launcher.terminate(run.run_id)
    assert outliving == []
