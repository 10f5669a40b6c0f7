"""Ctrl-C more than once: however they fall, the command says once what it says, and ends."""

import json
import subprocess
import sys
from itertools import product
from typing import Any

import pytest

from checkout_assets.cli.interrupts import BEGINS_ANEW, INTERRUPTED

COMMANDS = """
import json, os, signal, sys, tempfile
from checkout_assets.cli import main

def interrupt():
    os.kill(os.getpid(), signal.SIGINT)

def interrupted(command):
    def in_between(*arguments):
        interrupt()
        return command(*arguments)
    return in_between

def app(while_tidying_up):
    def command(**_):
        try:
            interrupt()
        finally:
            for _ in range(while_tidying_up):
                interrupt()
    return lambda **options: command(**options)

def run(at, while_answering, while_tidying_up):
    build, calls = main.build_app, []
    def build_app(arguments):
        calls.append(0)
        if len(calls) == 1:
            return app(while_tidying_up)
        if len(calls) - 2 < while_answering:
            interrupt()
        return build(arguments)
    main.build_app = build_app
    for name in at:
        setattr(main, name, interrupted(getattr(main, name)))
    sys.argv[1:] = ["reconcile"]
    main.main()

main.build_app(["reconcile"])
ended = []
for case in json.load(sys.stdin):
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            run(*case)
            raise AssertionError("a command line ends its process")
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        told = [file.seek(0) or file.read().decode() for file in (out, err)]
        ended.append([code, *told])
print(json.dumps(ended))
"""
"""Each command line is a process of its own; the imports, which take a second, are made once."""

NUMBERS = (0, 1, 3)
CASES = list(product(([], ["say"], ["say", "_leave_at_once"]), NUMBERS, NUMBERS))
"""What an interrupt comes before, how many come while it answers, and while it tidies up."""


@pytest.fixture(scope="module")
def ended() -> list[Any]:
    """How the command line of each case ended: its exit code, and what it wrote."""
    run = subprocess.run(
        [sys.executable, "-c", COMMANDS],
        input=json.dumps(CASES),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return list(json.loads(run.stdout))


@pytest.mark.parametrize("case", range(len(CASES)), ids=[str(case) for case in CASES])
def test_any_number_of_interrupts_ends_with_the_sentence_once(ended: list[Any], case: int) -> None:
    assert len(ended) == len(CASES)
    assert ended[case] == [INTERRUPTED, "", f"{BEGINS_ANEW}\n"]
