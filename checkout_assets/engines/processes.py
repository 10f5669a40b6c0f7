"""Processes of this host: which host it is, and whether a process of it still runs."""

import hashlib
import signal
import socket
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

import psutil

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_NAME_DIGITS = 16
_CLOCK_STEP_SECONDS = 5.0
"""By so much the clock may have been set forward since a process started."""

_LONGEST_START_SECONDS = 600.0
"""A process says who it is after its imports, which take seconds; minutes on a loaded host."""

_SPAWNED = "--multiprocessing-fork"
"""The argument with which multiprocessing starts a process."""


@dataclass(frozen=True, slots=True)
class BootedHost:
    """A host between two restarts."""

    name: str
    """A digest of the host name, which may be a person's."""
    boot: str = ""
    """Differs after each restart; empty where the system has no such id (macOS)."""

    @classmethod
    def here(cls) -> "BootedHost":
        """This host."""
        digest = hashlib.sha256(socket.gethostname().encode()).hexdigest()
        return cls(digest[:_NAME_DIGITS], _boot_id())

    @classmethod
    def parse(cls, text: str) -> "BootedHost":
        """The host that ``str`` gave this text for."""
        name, _, boot = text.partition("/")
        return cls(name, boot)

    def __str__(self) -> str:
        return f"{self.name}/{self.boot}"

    def is_known_restart_of(self, earlier: "BootedHost") -> bool:
        """Whether all processes of the earlier one have certainly ended."""
        return "" not in (self.boot, earlier.boot) and self.boot != earlier.boot


class ProcessState(Enum):
    """What became of a process."""

    RUNNING = auto()
    ZOMBIE = auto()
    """It has ended, and its parent did not ask how."""
    GONE = auto()
    """It is not here: no process has its id, or a later one has it."""


def state_of(pid: int, seen: float) -> ProcessState:
    """The state of the process that had the id ``pid`` at the time ``seen`` (seconds since 1970).

    A process that this user may not look at counts as running.
    """
    try:
        process = psutil.Process(pid)
        if process.create_time() > seen + _CLOCK_STEP_SECONDS:
            return ProcessState.GONE
        has_ended = process.status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
    except psutil.ZombieProcess:
        return ProcessState.ZOMBIE
    except psutil.NoSuchProcess:
        return ProcessState.GONE
    except psutil.AccessDenied:
        return ProcessState.RUNNING
    return ProcessState.ZOMBIE if has_ended else ProcessState.RUNNING


def interrupt_spawned(pid: int, seen: float) -> bool:
    """Interrupt, as Ctrl-C does, the process that told at the time ``seen`` that its id is ``pid``.

    Returns whether that was done: only to a process that multiprocessing started shortly before.
    Containers may share a host name and not their processes, so the id may be another process.
    """
    try:
        process = psutil.Process(pid)
        age = seen + _CLOCK_STEP_SECONDS - process.create_time()
        if not (0 <= age <= _LONGEST_START_SECONDS and _SPAWNED in process.cmdline()):
            return False
        process.send_signal(signal.SIGINT)
    except psutil.Error:
        return False
    return True


def terminate_children(program: str) -> None:
    """Terminate those of this process's child processes that run the program of this name."""
    for child in psutil.Process().children():
        with suppress(psutil.Error):  # it has ended meanwhile
            if child.name() == program:
                child.terminate()


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""
