"""Counting CPU misses no process, however it was started and whoever waited for it."""

import sys

import pytest

from benchmarks.processes import CannotCountError, run_counted

BUSY = "import time\nbegun = time.process_time()\nwhile time.process_time() < begun + 0.4: pass\n"
# A child in a session of its own whose parent does not wait for it, as Spark's daemon has them.
DETACHED = (
    "import subprocess, sys\n"
    f"subprocess.Popen([sys.executable, '-c', {BUSY!r}], start_new_session=True)"
)


@pytest.mark.parametrize("program", [BUSY, DETACHED], ids=["itself", "detached"])
def test_the_cpu_of_the_whole_tree_is_counted(program: str) -> None:
    try:
        told = run_counted([sys.executable, "-c", program])
    except CannotCountError as error:
        pytest.skip(str(error))
    assert told.code == 0
    assert 0.3 <= told.cpu_seconds < 3


def test_a_failing_program_is_told_with_its_output() -> None:
    try:
        told = run_counted([sys.executable, "-c", "print('said'); raise SystemExit(3)"])
    except CannotCountError as error:
        pytest.skip(str(error))
    assert (told.code, told.output) == (3, "said\n")
