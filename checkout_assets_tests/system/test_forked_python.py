"""A forked Python is like one that was started: what it is given, how it ends, what ends it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from checkout_assets_tests.forked_python import ForkedPython
from checkout_assets_tests.spark_process import wait_until

TELLS = """
import os, sys
print(sys.argv, os.getcwd(), os.environ["GIVEN"], sys.stdin.read(), "boto3" in sys.modules)
print("an error", file=sys.stderr)
sys.exit(7)
"""
WAITS = "import os, sys; print(os.getpid(), flush=True); sys.stdin.read()"


def started(python: ForkedPython, code: str) -> "subprocess.Popen[bytes]":
    pipe = subprocess.PIPE
    return subprocess.Popen([*python.command, "-c", code], stdin=pipe, stdout=pipe)


def test_it_is_given_all_that_a_process_is(forked_python: ForkedPython, tmp_path: Path) -> None:
    ended = subprocess.run(
        [*forked_python.command, "-c", TELLS, "a b", "\u4e2d"],
        input="typed",
        env={"GIVEN": "x y"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (7, "an error\n")
    assert ended.stdout == f"{['-c', 'a b', chr(0x4E2D)]} {tmp_path} x y typed True\n"


@pytest.mark.parametrize("words", [["-m", "json.tool", "--no-such"], ["-c", "1 / 0"]])
def test_it_ends_as_python_does(forked_python: ForkedPython, words: list[str]) -> None:
    forked, real = (
        subprocess.run([*python, *words], capture_output=True, text=True, check=False)
        for python in (forked_python.command, [sys.executable])
    )
    assert forked.returncode == real.returncode != 0
    assert forked.stderr.splitlines()[-1] == real.stderr.splitlines()[-1]


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_reaches_it(forked_python: ForkedPython, sent: signal.Signals) -> None:
    code = f"import signal; signal.signal({sent}, lambda *_: sys.exit(42)); {WAITS}"
    with started(forked_python, f"import sys; {code}") as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(sent)
        assert process.wait(60) == 42


@pytest.mark.parametrize("kills", ["it", "what stands for it"])
def test_neither_outlives_the_other(forked_python: ForkedPython, kills: str) -> None:
    with started(forked_python, WAITS) as process:
        assert process.stdout is not None
        forked = int(process.stdout.readline())
        os.kill(forked if kills == "it" else process.pid, signal.SIGKILL)
        assert process.wait(60) == -signal.SIGKILL
    wait_until(lambda: not Path(f"/proc/{forked}").exists())


HOLDS = """
import pathlib, sys
from checkout_assets_tests.forked_python import ForkedPython
with ForkedPython(pathlib.Path(sys.argv[1]), []).running() as python:
    print(*python.command, sep="\\n", flush=True)
    sys.stdin.read()
"""


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    words = [sys.executable, "-c", HOLDS, tmp_path]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True) as holder:
        assert holder.stdout is not None
        command = [holder.stdout.readline().strip() for _ in range(4)]
        assert subprocess.run([*command, "-c", "pass"], check=False).returncode == 0
        holder.kill()
    refused = [*command, "-c", "pass"]
    wait_until(lambda: subprocess.run(refused, capture_output=True, check=False).returncode != 0)
