"""A store in a directory of this machine, with the same guarantees as the one in S3."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import secrets
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Dict, Iterable, Iterator, Optional, Tuple

from spark_jobs.store_errors import ConflictError, DiskError, NotFoundError, StoreError
from spark_jobs.stores.base import Blob, Entry, Read

TEMPORARY = ".tmp-"
"""How the name of a file begins while it is written; a killed writer leaves it."""

_LOCK = ".lock"
_ATTEMPTS = 20
_LONGEST_WRITE = 24 * 3600
"""Seconds after which a temporary file is listed, so that it can be removed: its writer is dead."""

_PIECE = 1024 * 1024
_NEIGHBOURS_DOING = (FileNotFoundError, FileExistsError)
"""Raised by a write if another process removes its empty directory at the same moment."""

_SEGMENTS = frozenset(("", ".", ".."))
"""Segments that a key must not have: a path would drop them, or leave the root."""


class LocalStore:
    """Objects are files; a write creates a temporary file and renames it.

    Records, which are written conditionally, are also synced to the disk. Other files are not,
    because a sync takes milliseconds: after a power failure reconciliation finds incomplete files.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.uri = str(self.root)

    def get(self, key: str) -> Blob:
        with self._errors(key):
            data = self._path(key).read_bytes()
        return Blob(data, _etag(data))

    def get_start(self, key: str, length: int) -> Blob:
        """The tag is computed from all bytes, read piece by piece."""
        with self._errors(key), open(self._path(key), "rb") as file:
            start = file.read(length)
            digest = hashlib.sha256(start)
            while piece := file.read(_PIECE):
                digest.update(piece)
        return Blob(start, digest.hexdigest())

    def read_many(self, keys: Iterable[str], in_flight: int = 64) -> Iterator[Read]:  # noqa: ARG002
        """Reads one after the other: a disk has no latency to hide."""
        for key in keys:
            try:
                yield key, self.get(key)
            except StoreError as error:
                yield key, error

    def put(
        self, key: str, data: bytes, if_match: Optional[str] = None, if_absent: bool = False
    ) -> str:
        with self._errors(key):
            if if_match is None and not if_absent:
                self._write(key, data, durable=False)
                return _etag(data)
            with self._exclusive(key):
                found = self._etag_of(key)
                if found != if_match:
                    raise ConflictError("PreconditionFailed", key)
                self._write(key, data, durable=True)
        return _etag(data)

    def size(self, key: str) -> Optional[int]:
        path = self._path(key)
        with self._errors(key):
            return path.stat().st_size if path.is_file() else None

    def sizes(
        self,
        keys: Iterable[str],
        in_flight: int = 64,  # noqa: ARG002
    ) -> Dict[str, Optional[int]]:
        return {key: self.size(key) for key in keys}

    def move_many(
        self,
        moves: Iterable[Tuple[str, str]],
        in_flight: int = 64,  # noqa: ARG002
    ) -> Dict[str, StoreError]:
        """Renames one after the other: a rename takes microseconds."""
        failed: Dict[str, StoreError] = {}
        for key, new_key in moves:
            try:
                self._rename(key, new_key)
            except StoreError as error:
                failed[new_key] = error
        return failed

    def _rename(self, key: str, new_key: str) -> None:
        with self._errors(key):
            for last in _attempts():
                target = self._path(new_key)
                try:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    os.replace(self._path(key), target)
                except _NEIGHBOURS_DOING:
                    if last or not self._path(key).exists():
                        raise
                else:
                    break
        self._remove_empty_parents(self._path(key))

    def delete(self, keys: Iterable[str]) -> None:
        """Directories that become empty are removed too."""
        for key in keys:
            path = self._path(key)
            with self._errors(key), contextlib.suppress(FileNotFoundError):
                path.unlink()
            self._remove_empty_parents(path)

    def list(self, prefix: str = "") -> Iterator[Entry]:
        start = self._path(prefix.rpartition("/")[0]) if "/" in prefix else self.root
        found = []
        with self._errors(prefix):
            for directory, _, names in os.walk(start, onerror=_raise_unless_gone):
                for name in names:
                    path = Path(directory, name)
                    key = path.relative_to(self.root).as_posix()
                    if key.startswith(prefix) and not _is_internal(path):
                        found.append((key.encode("utf-8", "surrogateescape"), key, path))
        for _, key, path in sorted(found):
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                changed = datetime.fromtimestamp(status.st_mtime, tz=timezone.utc)
                yield Entry(key, status.st_size, "", changed)

    @contextlib.contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise NotFoundError("NoSuchKey", key) from None
        except OSError as error:
            code = errno.errorcode.get(error.errno or 0, "OSError")
            meaning = os.strerror(error.errno) if error.errno else type(error).__name__
            raise DiskError(code, key, self.uri, meaning) from None

    def _path(self, key: str) -> Path:
        if not _SEGMENTS.isdisjoint(key.split("/")):
            raise StoreError("InvalidKey", key)
        return self.root / key

    def _etag_of(self, key: str) -> Optional[str]:
        try:
            return _etag(self._path(key).read_bytes())
        except FileNotFoundError:
            return None

    def _write(self, key: str, data: bytes, durable: bool) -> None:
        path = self._path(key)
        for last in _attempts():
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._replace(path, data, durable)
            except _NEIGHBOURS_DOING:
                if last:
                    raise
            else:
                break

    @staticmethod
    def _replace(path: Path, data: bytes, durable: bool) -> None:
        # Not tempfile, whose files have mode 0600: the umask decides who may read an object.
        temporary = path.with_name(TEMPORARY + secrets.token_hex(8))
        file = open(temporary, "xb")  # noqa: SIM115 - what was not made must not be removed
        try:
            with file:
                file.write(data)
                if durable:
                    file.flush()
                    os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
            raise

    @contextlib.contextmanager
    def _exclusive(self, key: str) -> Iterator[None]:
        lock = self._path(key + _LOCK)
        lock.parent.mkdir(parents=True, exist_ok=True)
        with open(lock, "w", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _remove_empty_parents(self, path: Path) -> None:
        for parent in path.parents:
            if parent == self.root or self.root not in parent.parents:
                return
            try:
                parent.rmdir()
            except OSError:
                return


def _etag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _is_internal(path: Path) -> bool:
    if path.name.startswith(TEMPORARY):
        with contextlib.suppress(FileNotFoundError):
            return time.time() - path.stat().st_mtime < _LONGEST_WRITE
        return True
    return path.name.endswith(_LOCK)


def _attempts() -> Iterator[bool]:
    for attempt in range(_ATTEMPTS):
        yield attempt == _ATTEMPTS - 1


def _raise_unless_gone(error: OSError) -> None:
    """Raise unless another process removed the directory: an unreadable one must not look empty."""
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
        raise error
