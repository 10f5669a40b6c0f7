"""Python processes that begin with their imports made: forked from one that has made them.

A command line imports for a second and then works for a tenth of one. What ``ForkedPython.command``
starts takes the arguments of ``python``, ``-m MODULE`` or ``-c CODE``, and has the environment,
directory, streams, exit code and signals of the process that was started in its place; it ends with
that process, in a session of its own.
"""

import array
import contextlib
import gc
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_READY = b"r"

_CLIENT = """
import array, json, os, signal, socket, sys
server = socket.socket(socket.AF_UNIX)
server.connect(sys.argv[1])
for number in (1, 2, 15):
    signal.signal(number, lambda number, _: server.send(bytes([number])))
asked = json.dumps([sys.argv[2:], dict(os.environ), os.getcwd()]).encode()
streams = array.array("i", (0, 1, 2))
about = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)]
server.sendmsg([len(asked).to_bytes(4, "big")], about)
server.sendall(asked)
code = int.from_bytes(server.recv(2), "big", signed=True)
if code < 0:
    if code != -9:
        signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
os._exit(code)
"""
"""Python's own start without its site takes 15 ms."""


class ForkedPython:
    """A process that has imported ``modules``, as a context manager; it is asked on a socket."""

    def __init__(self, directory: Path, modules: Sequence[str]) -> None:
        self._socket = directory / "socket"
        self._client = directory / "client.py"
        self._modules = modules

    @contextmanager
    def running(self) -> Iterator["ForkedPython"]:
        """Start it, and end it."""
        self._client.write_text(_CLIENT)
        words = [sys.executable, "-m", __spec__.name, str(self._socket), *self._modules]
        with subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        ) as server:
            assert server.stdout is not None
            assert server.stdout.read(1) == _READY
            yield self
            server.kill()

    @property
    def command(self) -> list[str]:
        """What stands for ``python``."""
        return [sys.executable, "-IS", str(self._client), str(self._socket)]


def _serve(path: str) -> Callable[[], None]:
    """Answer until standard input ends; in a forked process, return what it is to run."""
    # The system removes processes that ended, since this one does not wait for them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        os.write(1, _READY)
        while True:
            ready, _, _ = select.select([listening, sys.stdin], [], [])
            if sys.stdin in ready:
                sys.exit()  # whoever started it is gone
            asked, _ = listening.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listening.close()
                return _answer(asked)
            asked.close()


def _answer(asked: socket.socket) -> Callable[[], None]:
    room = socket.CMSG_SPACE(3 * array.array("i").itemsize)
    head, [(_, _, streams)], _, _ = asked.recvmsg(4, room)
    with asked.makefile("rb", buffering=0) as body:
        words, environment, directory = json.loads(_whole(body.read, int.from_bytes(head, "big")))
    begun = os.fork()
    if begun:
        _watch(asked, begun)
    asked.close()
    os.setsid()
    for number, stream in enumerate(array.array("i", streams)):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[0] = directory
    return lambda: _run(words)


def _whole(read: Callable[[int], bytes | None], size: int) -> bytes:
    data = b""
    while len(data) < size:
        data += read(size - len(data)) or b""
    return data


def _watch(asked: socket.socket, begun: int) -> None:
    """Pass signals on, kill it when who asked is gone, tell how it ended; ends this process."""
    ended = os.pidfd_open(begun)
    while True:
        ready, _, _ = select.select([asked, ended], [], [])
        if ended in ready:
            break
        numbers = asked.recv(1)
        if not numbers:
            os.killpg(begun, signal.SIGKILL)
            break
        os.kill(begun, numbers[0])
    code = os.waitstatus_to_exitcode(os.waitpid(begun, 0)[1])
    with contextlib.suppress(OSError):
        asked.sendall(code.to_bytes(2, "big", signed=True))
    os._exit(0)


def _run(words: Sequence[str]) -> None:
    how, what, *arguments = words
    if how == "-c":
        sys.argv = ["-c", *arguments]
        exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})
    else:
        sys.argv = [what, *arguments]
        runpy.run_module(what, run_name="__main__", alter_sys=True)


def main() -> None:
    """Import, then serve."""
    path, *modules = sys.argv[1:]
    for name in modules:
        import_module(name)
    gc.freeze()  # what was imported stays shared with this process
    _serve(path)()


if __name__ == "__main__":
    main()
