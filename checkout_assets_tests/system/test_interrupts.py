"""Ctrl-C more than once: however they fall, the command says once what it says, and ends."""

import subprocess
import sys

import pytest

from checkout_assets.cli.interrupts import BEGINS_ANEW, INTERRUPTED

COMMAND = """
import os, signal, sys
from checkout_assets.cli import main

def interrupt():
    os.kill(os.getpid(), signal.SIGINT)

def interrupted(command):
    def in_between(*arguments):
        interrupt()
        return command(*arguments)
    return in_between

def app():
    def command(**_):
        try:
            interrupt()
        finally:
            for _ in range({while_tidying_up}):
                interrupt()
    return lambda **options: command(**options)

build, calls = main.build_app, []
def build_app(arguments):
    calls.append(0)
    if len(calls) == 1:
        return app()
    if len(calls) - 2 < {while_answering}:
        interrupt()
    return build(arguments)

main.build_app = build_app
for name in {at}:
    setattr(main, name, interrupted(getattr(main, name)))
sys.argv[1:] = ["reconcile"]
main.main()
"""


@pytest.mark.parametrize("while_tidying_up", [0, 1, 3])
@pytest.mark.parametrize("while_answering", [0, 1, 3])
@pytest.mark.parametrize("at", [[], ["say"], ["say", "_leave_at_once"]])
def test_any_number_of_interrupts_ends_with_the_sentence_once(
    while_tidying_up: int, while_answering: int, at: list[str]
) -> None:
    script = COMMAND.format(
        while_tidying_up=while_tidying_up, while_answering=while_answering, at=at
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (INTERRUPTED, "", f"{BEGINS_ANEW}\n")
