"""Explain an exception that no code expected: a fault of the machine, or of the program."""

import errno
import os
import sqlite3
import traceback
from collections.abc import Iterator
from pathlib import Path

from checkout_assets.domain.displayable import displayable

_SPACE = "free some, or set TMPDIR if it is the temporary directory"
_WAYS_OUT = {
    errno.EMFILE: "raise this process's limit of open files (ulimit -n 4096)",
    errno.ENFILE: "raise this machine's limit of open files (sysctl fs.file-max)",
    errno.EAGAIN: "raise the limit of processes and threads (ulimit -u)",
    errno.ENOMEM: "free memory, or use a machine that has more",
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: "raise this process's limit of a file's size (ulimit -f)",
}
_OF_DATABASES = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_NOMEM: errno.ENOMEM,
    sqlite3.SQLITE_IOERR: errno.EIO,
    sqlite3.SQLITE_READONLY: errno.EROFS,
}
_PRIMARY_CODE = 0xFF
"""The lower byte of SQLite's error codes; the other bytes are details."""

_USUAL_WAY = "check this machine's disks, network and permissions"
_NO_TEMPORARY = "No usable temporary directory"
_NO_THREAD = "can't start new thread"


def explain_fault(error: BaseException) -> str:
    """Explain the exception in one sentence, without its text, which may hold untrusted names."""
    if machine := machine_fault(error) or next(_deeper(error), ""):
        return f"{machine}."
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(last.filename).name}, line {last.lineno}"
    return f"{type(error).__name__} in {place}: a fault of the program, please report it."


def machine_fault(error: BaseException) -> str:
    """Return what this machine lacks or refuses, and what to do; empty for other faults."""
    if isinstance(error, MemoryError):
        return _refused(errno.ENOMEM)
    if isinstance(error, RuntimeError) and str(error) == _NO_THREAD:
        return _refused(errno.EAGAIN, "no thread can be started")
    if isinstance(error, sqlite3.Error):
        number = _OF_DATABASES.get(getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE, 0)
        return _refused(number, f"{os.strerror(number)}, a database") if number else ""
    if not isinstance(error, OSError):
        return ""
    if str(error.strerror).startswith(_NO_TEMPORARY):
        return (
            "this machine has no temporary directory that can be written: set TMPDIR to a "
            "directory with free space"
        )
    where = f" at {displayable(str(error.filename))}" if error.filename else ""
    number = error.errno or 0
    told = os.strerror(number) if number in errno.errorcode else type(error).__name__
    return _refused(number, f"{told}{where}")


def _deeper(error: BaseException) -> Iterator[str]:
    """Yield what the machine lacks according to the causes of this error."""
    cause = error.__cause__
    while cause is not None:
        if not isinstance(cause, OSError) or cause.errno in _WAYS_OUT:
            yield from filter(None, [machine_fault(cause)])
        cause = cause.__cause__


def _refused(number: int, told: str = "") -> str:
    way = _WAYS_OUT.get(number, _USUAL_WAY)
    return f"this machine refused what was needed ({told or os.strerror(number)}): {way}"
