"""Items buffered and read back in the order of their keys, on disk if there are many."""

import contextlib
import pickle
import tempfile
from collections.abc import Iterator
from heapq import merge
from operator import itemgetter
from typing import IO, Generic, TypeVar

_T = TypeVar("_T")

_MOST_IN_MEMORY = 10_000
_AT_ONCE = 100
"""Items of a sorted run that are read at a time, so that merging many runs needs little memory."""

_by_key = itemgetter(0)


class Spool(Generic[_T]):
    """An external sort: sorted runs in one temporary file, merged when they are read back."""

    def __init__(self) -> None:
        self._waiting: list[tuple[str, _T]] = []
        self._runs: list[list[int]] = []
        self._file: IO[bytes] | None = None

    def add(self, key: str, item: _T) -> None:
        """Buffer an item."""
        self._waiting.append((key, item))
        if len(self._waiting) >= _MOST_IN_MEMORY:
            self._write_run()

    def drain(self) -> Iterator[tuple[str, _T]]:
        """Yield all items with their keys, ascending; items of one key come in any order."""
        self._waiting.sort(key=_by_key)
        runs = [self._read_run(places) for places in self._runs]
        yield from merge(*runs, self._waiting, key=_by_key)
        self.close()

    def close(self) -> None:
        """Delete the temporary file."""
        self._waiting, self._runs = [], []
        if self._file is not None:
            with contextlib.suppress(OSError):  # unwritten data is not needed
                self._file.close()
            self._file = None

    def _write_run(self) -> None:
        try:
            self._write()
        except OSError as error:  # a write does not name the file
            raise OSError(error.errno, error.strerror, tempfile.gettempdir()) from None

    def _write(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="checkout-assets-")  # noqa: SIM115
        self._waiting.sort(key=_by_key)
        places = []
        for first in range(0, len(self._waiting), _AT_ONCE):
            places.append(self._file.tell())
            pickle.dump(self._waiting[first : first + _AT_ONCE], self._file)
        self._file.flush()
        self._runs.append(places)
        self._waiting = []

    def _read_run(self, places: list[int]) -> Iterator[tuple[str, _T]]:
        assert self._file is not None
        for place in places:
            self._file.seek(place)
            yield from pickle.load(self._file)
