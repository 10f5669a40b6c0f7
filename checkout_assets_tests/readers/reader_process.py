"""Runs a reader's script in the Python that has the reader's library."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
OF_THIS_PROJECT = {"pyarrow", "duckdb", "spark"}
"""These run in the tests' own Python; the others have requirements of their own."""


def told_by(script: str, reader: str, asked: object) -> dict[str, Any]:
    """What the script prints as JSON for this reader; skips if it cannot be installed."""
    ended = subprocess.run(
        [_python_of(reader), script, reader],
        env={**os.environ, "PYTHONPATH": str(ROOT)},  # a script finds only its own directory
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found


def _python_of(reader: str) -> str:
    """The interpreter that has this reader; make test-readers names that of the foreign ones."""
    if reader in OF_THIS_PROJECT:
        return sys.executable
    python = os.environ["READERS_PYTHON"]
    probe = subprocess.run([python, "-c", f"import {reader}"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip(f"{reader} cannot be installed for this Python: make test-readers says why")
    return python
