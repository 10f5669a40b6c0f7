"""Processes of this host: the host's identity, and whether a process is still running."""

import hashlib
import signal
import socket
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

import psutil

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_NAME_DIGITS = 16
_CLOCK_STEP_SECONDS = 5.0
"""The clock may have been set forward by this much since a process started."""

_LONGEST_START_SECONDS = 600.0
"""A process reports its id after its imports, which take seconds, on a loaded host minutes."""

_SPAWNED = "--multiprocessing-fork"
"""The argument with which multiprocessing starts a process."""


@dataclass(frozen=True, slots=True)
class BootedHost:
    """A host from one boot to the next."""

    name: str
    """A digest of the host name, which may be personal."""
    boot: str = ""
    """The boot id, which changes with each boot; empty on systems without one (macOS)."""

    @classmethod
    def here(cls) -> "BootedHost":
        """This host."""
        digest = hashlib.sha256(socket.gethostname().encode()).hexdigest()
        return cls(digest[:_NAME_DIGITS], _boot_id())

    @classmethod
    def parse(cls, text: str) -> "BootedHost":
        """The host from the text that ``str`` returned for it."""
        name, _, boot = text.partition("/")
        return cls(name, boot)

    def __str__(self) -> str:
        return f"{self.name}/{self.boot}"

    def is_known_restart_of(self, earlier: "BootedHost") -> bool:
        """Whether it is the same host after a reboot, so that all earlier processes have ended."""
        return "" not in (self.boot, earlier.boot) and self.boot != earlier.boot


class ProcessState(Enum):
    """The state of a process."""

    RUNNING = auto()
    ZOMBIE = auto()
    """It has ended, and its parent has not waited for it."""
    GONE = auto()
    """It does not exist: no process has its id, or only a later one."""


def state_of(pid: int, seen: float) -> ProcessState:
    """The state of the process that had the id ``pid`` at the time ``seen`` (seconds since 1970).

    A process that this user may not inspect counts as running.
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
    """Send SIGINT to the process that reported at the time ``seen`` that its id is ``pid``.

    Returns whether it was sent: only to a process that multiprocessing started shortly before.
    Containers may share a host name but not processes, so the id may belong to another process.
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


def _boot_id() -> str:
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""
