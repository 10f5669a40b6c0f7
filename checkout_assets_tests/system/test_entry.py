"""The console script while it still imports: an interrupt ends it with one sentence."""

import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from checkout_assets.cli.interrupts import INTERRUPTED, SENTENCE

PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
WAITS = "print('importing', flush=True)\nimport time\ntime.sleep(5)\n"
SWALLOWS = f"try:\n    exec({WAITS!r})\nexcept BaseException:\n    pass\n"


def console_script() -> str:
    """What pip makes of it."""
    entry = tomllib.loads(PROJECT.read_text())["project"]["scripts"]["checkout-assets"]
    module, function = entry.split(":")
    return f"import sys; from {module} import {function}; sys.exit({function}())"


def run_with(typer: str, directory: Path) -> "subprocess.Popen[str]":
    """Start it with another typer, which is the first library that is imported."""
    (directory / "typer.py").write_text(typer)
    path = os.pathsep.join((str(directory), str(PROJECT.parent)))
    return subprocess.Popen(
        [sys.executable, "-c", console_script(), "--help"],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("typer", [WAITS, SWALLOWS], ids=["waits", "swallows"])
def test_an_interrupt_while_it_imports_is_one_sentence(
    tmp_path: Path, typer: str, sent: signal.Signals
) -> None:
    with run_with(typer, tmp_path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "importing\n"
        process.send_signal(sent)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (INTERRUPTED, f"{SENTENCE}\n")


def test_without_an_interrupt_it_runs_the_command_line() -> None:
    told = subprocess.run(
        [sys.executable, "-c", console_script(), "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "reconcile" in told.stdout
