"""Whether a process still runs, asked of real ones."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from checkout_assets.engines.processes import (
    BootedHost,
    ProcessState,
    interrupt_spawned,
    state_of,
)

AN_HOUR = 3600.0


def test_a_process_runs_until_it_has_ended(process: "subprocess.Popen[bytes]") -> None:
    seen = time.time()
    assert state_of(process.pid, seen) is ProcessState.RUNNING
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert state_of(process.pid, seen) is ProcessState.ZOMBIE
    process.wait()
    assert state_of(process.pid, seen) is ProcessState.GONE


def test_a_later_process_with_the_same_id_is_another_one(
    process: "subprocess.Popen[bytes]",
) -> None:
    assert state_of(process.pid, time.time() - AN_HOUR) is ProcessState.GONE


def test_this_process_runs_whenever_it_was_seen() -> None:
    assert state_of(os.getpid(), time.time() + AN_HOUR) is ProcessState.RUNNING


def test_a_process_of_another_user_is_looked_at_as_well() -> None:
    assert state_of(1, time.time()) is ProcessState.RUNNING


def test_a_host_is_told_by_a_text_without_its_name() -> None:
    here = BootedHost.here()
    assert BootedHost.parse(str(here)) == here
    assert socket.gethostname() not in str(here)


def test_a_host_with_another_name_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    here = BootedHost.here()
    monkeypatch.setattr(socket, "gethostname", lambda: "another")
    assert BootedHost.here().name != here.name
    assert BootedHost.here().boot == here.boot


@pytest.mark.parametrize(
    ("earlier", "later", "restarted"),
    [("a", "b", True), ("a", "a", False), ("", "b", False), ("a", "", False), ("", "", False)],
)
def test_only_two_known_boots_prove_a_restart(earlier: str, later: str, restarted: bool) -> None:
    assert BootedHost("host", later).is_known_restart_of(BootedHost("host", earlier)) is restarted


@pytest.fixture
def spawned() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that looks as if multiprocessing had started it."""
    command = [sys.executable, "-c", "import time; time.sleep(600)", "--multiprocessing-fork"]
    with subprocess.Popen(command) as started:
        yield started
        started.kill()


def test_a_spawned_process_is_interrupted(spawned: "subprocess.Popen[bytes]") -> None:
    assert interrupt_spawned(spawned.pid, time.time())
    assert spawned.wait(timeout=60) != 0


@pytest.mark.parametrize("seen", [-AN_HOUR, AN_HOUR], ids=["before-it", "long-after-it"])
def test_a_process_of_another_age_is_not_interrupted(
    spawned: "subprocess.Popen[bytes]", seen: float
) -> None:
    assert not interrupt_spawned(spawned.pid, time.time() + seen)
    assert spawned.poll() is None


def test_a_process_that_nothing_spawned_is_not_interrupted(
    process: "subprocess.Popen[bytes]",
) -> None:
    assert not interrupt_spawned(process.pid, time.time())
    process.kill()
    process.wait()
    assert not interrupt_spawned(process.pid, time.time())
