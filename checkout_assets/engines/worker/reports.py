"""The small files in S3 through which an instance and the process that follows it communicate.

They are below ``<fleet_uri>/runs/<run_id>/<worker>/``. The follower writes ``folders.json``, the
worker's assigned folders, and ``listener.json``. The worker writes ``progress.json``,
``results/<FOLDER>.json``, ``end.json`` and ``log.txt``.

An instance's reports are for people and for scheduling; only raw's completion record makes a folder
done. A file may be missing, incomplete or written by somebody else: readers then return None.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.folders import ALL_FOLDERS, Folder
from checkout_assets.domain.instants import instant_of
from checkout_assets.domain.longest_prefixes import LONGEST_RUN_ID
from spark_jobs.contract.failures import Failure
from spark_jobs.contract.record_format import VERSION_FIELD, members_of
from spark_jobs.stores import NotFoundError, Store

LISTENER, PROGRESS, END, LOG = "listener.json", "progress.json", "end.json", "log.txt"
ASSIGNED = "folders.json"
RESULTS = "results/"
FORMAT_VERSION = 1
"""The format version of every report; a report of an instance's script without one is the first."""

LONGEST_LOG = 64 * 1024
"""The last bytes of a log that are kept."""
LONGEST_SENTENCE = 400
_LONGEST_ID = 200
_COUNTS_END = 1 << 63

_RUN_ID = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST_RUN_ID - 1}}}")
_WORKER = re.compile(r"w[0-9]{3,6}")
_FOLDERS = {folder.name: folder for folder in ALL_FOLDERS}
_T = TypeVar("_T")


class Phase(StrEnum):
    """What a worker is doing."""

    INSTALLING = "installing"
    COPYING = "copying"


class WorkerOutcome(StrEnum):
    """How a worker ended."""

    DONE = "done"
    """All its folders are complete."""
    FAILED = "failed"
    """At least one folder is not complete, or nothing could be copied."""
    DEADLINE = "deadline"
    UNHEARD = "unheard"
    """No listener was there any longer."""
    INTERRUPTED = "interrupted"
    """By a signal, or by AWS's interruption notice for a Spot instance."""
    INSTALL = "install"
    """The copying never began."""


@dataclass(frozen=True, slots=True)
class Listening:
    """The follower was there at that time."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """What a worker has done by ``at``, since its copying began.

    ``objects`` and ``bytes`` are in raw; this worker wrote ``copied`` of the objects. ``rate`` is
    objects per second since the previous report. ``silent`` is for how many seconds S3 has not
    answered the copying, 0 if it does.
    """

    at: datetime
    phase: Phase
    folders_done: int = 0
    folders: int = 0
    objects: int = 0
    bytes: int = 0
    copied: int = 0
    rate: float = 0.0
    silent: float = 0.0


@dataclass(frozen=True, slots=True)
class FolderReport:
    """How a folder ended: ``error`` is one sentence without object names, empty if ``ok``.

    ``failure`` is None if it is ok, or if a worker of an earlier version reports.
    """

    folder: Folder
    ok: bool
    error: str = ""
    copy_id: str = ""
    seconds: float = 0.0
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class End:
    """How a worker ended, with one sentence.

    ``failure`` is None if all its folders are complete, or if an earlier version reports.
    """

    at: datetime
    outcome: WorkerOutcome
    message: str = ""
    failure: Failure | None = None


def is_run_id(text: str) -> bool:
    """Whether the text is a valid run id in keys and in a worker's command line."""
    return _RUN_ID.fullmatch(text) is not None


def worker_name(number: int) -> str:
    """Return the name of the ``number``-th instance of a run, from 1: ``w001``."""
    return f"w{number:03d}"


def worker_prefix(run_id: str, worker: str) -> str:
    """Where a worker's files are, below the fleet's place; ends in a slash.

    Raises ValueError for what is no run id or no worker's name.
    """
    if not is_run_id(run_id) or not _WORKER.fullmatch(worker):
        raise ValueError("a run id is letters, digits and ._- and a worker is w001, w002, ...")
    return f"runs/{run_id}/{worker}/"


def worker_uri(fleet_uri: str, run_id: str, worker: str) -> str:
    """Return the place of a worker's files, without a trailing slash, for ``copy --report``."""
    return f"{fleet_uri.rstrip('/')}/{worker_prefix(run_id, worker)}".rstrip("/")


def workers_of(fleet: Store, run_id: str) -> list[str]:
    """Return the names of a run's workers that have left a file, in order."""
    prefix = worker_prefix(run_id, worker_name(1)).rpartition("w")[0]
    names = {entry.key.removeprefix(prefix).partition("/")[0] for entry in fleet.list(prefix)}
    return sorted(name for name in names if _WORKER.fullmatch(name))


class WorkerReports:
    """The files of one worker: those of ``store`` below ``prefix`` (see worker_prefix).

    The worker itself opens a store at its own place and needs no prefix. Readers return None for a
    file that is missing or unreadable. All methods raise StoreError if the store refuses or fails.
    """

    def __init__(self, store: Store, prefix: str = "") -> None:
        self._store = store
        self._prefix = prefix

    def assign(self, folders: Sequence[Folder]) -> None:
        """Write the folders that the worker is given: another process that attaches reads them."""
        self._write(ASSIGNED, {"folders": [folder.name for folder in folders]})

    def assigned(self) -> frozenset[Folder] | None:
        """Read the assigned folders; None also if an earlier version launched the worker."""
        return self._read(ASSIGNED, lambda told: frozenset(map(_folder, told["folders"])))

    def listen(self, listening: Listening) -> None:
        """Write that a follower is there."""
        self._write(LISTENER, asdict(listening))

    def listening(self) -> Listening | None:
        """Read when a follower was last there."""
        return self._read(LISTENER, lambda told: Listening(_instant(told["at"])))

    def report(self, progress: Progress) -> None:
        """Write the worker's progress."""
        self._write(PROGRESS, asdict(progress))

    def progress(self) -> Progress | None:
        """Read the worker's progress."""
        return self._read(PROGRESS, _progress)

    def finish_folder(self, result: FolderReport) -> None:
        """Write how a folder ended."""
        told = {**asdict(result), "folder": result.folder.name}
        self._write(f"{RESULTS}{result.folder}.json", told)

    def result(self, folder: Folder) -> FolderReport | None:
        """Read how the folder ended."""
        found = self._read(f"{RESULTS}{folder}.json", _folder_report)
        return found if found is not None and found.folder == folder else None

    def results(self) -> dict[Folder, FolderReport]:
        """Read how each folder ended that has ended."""
        prefix = f"{self._prefix}{RESULTS}"
        names = {entry.key.removeprefix(prefix) for entry in self._store.list(prefix)}
        ended = (self.result(folder) for folder in ALL_FOLDERS if f"{folder}.json" in names)
        return {result.folder: result for result in ended if result is not None}

    def end(self, end: End) -> None:
        """Write how the worker ended."""
        self._write(END, asdict(end))

    def ended(self) -> End | None:
        """Read how the worker ended."""
        return self._read(END, _end)

    def log(self) -> str:
        """Read the end of the worker's log, not yet displayable; empty if it left none."""
        try:
            data = self._store.get(self._prefix + LOG).data
        except NotFoundError:
            return ""
        return data[-LONGEST_LOG:].decode("utf-8", "replace")

    def _write(self, name: str, told: Mapping[str, Any]) -> None:
        versioned = {VERSION_FIELD: FORMAT_VERSION, **told}
        text = json.dumps(versioned, default=_plain, allow_nan=False)
        self._store.put(self._prefix + name, text.encode())

    def _read(self, name: str, understand: Callable[[Mapping[str, Any]], _T]) -> _T | None:
        try:
            told = members_of("report", self._store.get(self._prefix + name).data)
            if _count(told.get(VERSION_FIELD, FORMAT_VERSION)) > FORMAT_VERSION:
                return None
            return understand(told)
        except NotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            return None


def _progress(told: Mapping[str, Any]) -> Progress:
    return Progress(
        at=_instant(told["at"]),
        phase=Phase(told["phase"]),
        folders_done=_count(told["folders_done"]),
        folders=_count(told["folders"]),
        objects=_count(told["objects"]),
        bytes=_count(told["bytes"]),
        copied=_count(told["copied"]),
        rate=_number(told["rate"]),
        silent=_number(told.get("silent", 0.0)),
    )


def _folder_report(told: Mapping[str, Any]) -> FolderReport:
    if not isinstance(told["ok"], bool):
        raise TypeError("ok is true or false")
    return FolderReport(
        folder=_folder(told["folder"]),
        ok=told["ok"],
        error=_sentence(told["error"]),
        copy_id=_sentence(told["copy_id"], _LONGEST_ID),
        seconds=_number(told["seconds"]),
        failure=_failure(told.get("failure")),
    )


def _failure(told: Any) -> Failure | None:
    if told is None:
        return None
    if not isinstance(told["transient"], bool):
        raise TypeError("transient is true or false")
    return Failure(_sentence(told["code"], _LONGEST_ID), told["transient"])


def _end(told: Mapping[str, Any]) -> End:
    return End(
        at=_instant(told["at"]),
        outcome=WorkerOutcome(told["outcome"]),
        message=_sentence(told["message"]),
        failure=_failure(told.get("failure")),
    )


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    raise TypeError(f"{type(value).__name__} is not reported")


def _instant(text: Any) -> datetime:
    found = instant_of(text)
    if found is None:
        raise ValueError("an instant has a zone")
    return found


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("a count is a whole number")
    if not 0 <= value < _COUNTS_END:
        raise ValueError("negative, or more than there can be")
    return value


def _number(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError("no number")
    if not math.isfinite(value) or value < 0:
        raise ValueError("not finite, or negative")
    return float(value)


def _sentence(text: Any, longest: int = LONGEST_SENTENCE) -> str:
    if not isinstance(text, str):
        raise TypeError("no text")
    return displayable(text, longest)


def _folder(name: Any) -> Folder:
    found = _FOLDERS.get(name)
    if found is None:
        raise ValueError("no folder")
    return found
