"""The runbook knows every sentence that blames the machine."""

import errno
import os
import re
from pathlib import Path

import pytest

from checkout_assets.domain import faults
from spark_jobs import refusals

RUNBOOK = Path(__file__).resolve().parents[2] / "docs" / "runbook.md"
OTHERS = [
    OSError(errno.EROFS, "Read-only file system"),
    RuntimeError("can't start new thread"),
    MemoryError(),
    FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']"),
]


def section() -> str:
    text = RUNBOOK.read_text()
    begins = text.index("# When the machine is at fault")
    return text[begins : text.index("\n# ", begins)]


def start_of(sentence: str) -> str:
    """The sentence up to what to do, or up to the value that it names."""
    return re.split(r": |\)|\{| \(\{", sentence)[0].rstrip(" (")


@pytest.mark.parametrize(
    "error",
    [*(OSError(number, os.strerror(number)) for number in faults._WAYS_OUT), *OTHERS],
    ids=repr,
)
def test_a_fault_of_the_machine_is_in_the_runbook(error: BaseException) -> None:
    sentence = faults.machine_fault(error)
    start = start_of(sentence)
    if error is OTHERS[0]:
        start = start.partition(" (")[0]
    _, _, reason = start.rpartition(" (")
    assert reason in section()
    assert start.partition(" (")[0] in section()


@pytest.mark.parametrize(
    "sentence", sorted({*refusals._MACHINE.values(), refusals._UNTRUSTED}), ids=str
)
def test_a_refusal_of_the_machine_is_in_the_runbook(sentence: str) -> None:
    assert f"*{start_of(sentence)}*" in section()


def test_what_is_no_fault_of_the_machine_is_told_from_it() -> None:
    try:
        raise KeyError("made up")
    except KeyError as error:
        told = faults.explain_fault(error)
    assert told.rpartition(": ")[2].rstrip(".") in section()
