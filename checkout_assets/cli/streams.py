"""Standard output and standard error whose failures never end a command.

The terminal may be closed, a pipe's reader may have ended, a disk may be full, an encoding may lack
a character. The command continues its work; if its result was lost, the exit code says so.
"""

import codecs
import errno
import io
import os
import select
import sys
from typing import TYPE_CHECKING, TextIO

from checkout_assets.domain.displayable import escape_unencodable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STANDARD = (0, 1, 2)
_ESCAPED = "displayable"


class Channel(io.RawIOBase):
    """A file descriptor that remembers its first failed write and drops all later data."""

    def __init__(self, descriptor: int, is_open: bool) -> None:
        self._descriptor = descriptor
        self._is_open = is_open
        self.lost: OSError | None = None

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return self._is_open and os.isatty(self._descriptor)

    def writable(self) -> bool:
        return True

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write some of the data, or drop it; never raises OSError."""
        if self.lost is None:
            try:
                return self._write(data)
            except OSError as error:
                self.lost = error
        return memoryview(data).nbytes

    def _write(self, data: "ReadableBuffer") -> int:
        if not self._is_open:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        while True:
            try:
                return os.write(self._descriptor, data)
            except BlockingIOError:  # another program has set the terminal to non-blocking
                select.select((), (self._descriptor,), ())


def guard_streams() -> Channel:
    """Replace standard output and error by guarded streams; returns the channel of the output.

    Characters that an encoding lacks are escaped as in ``displayable``. A closed standard
    descriptor is opened to the null device: else the next file or connection would get its number.
    """
    closed = [each for each in _STANDARD if not _is_open(each)]
    for _ in closed:  # the lowest free number is used first
        os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    codecs.register_error(_ESCAPED, escape_unencodable)
    output, errors = (Channel(each, each not in closed) for each in (1, 2))
    sys.stdout = _text(output, sys.stdout, by_line=False)
    sys.stderr = _text(errors, sys.stderr, by_line=True)
    return output


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _text(channel: Channel, replaced: TextIO | None, by_line: bool) -> io.TextIOWrapper:
    encoding = getattr(replaced, "encoding", None) or "utf-8"
    return io.TextIOWrapper(
        io.BufferedWriter(channel),
        encoding,
        errors=_ESCAPED,
        line_buffering=by_line or channel.isatty(),
    )
