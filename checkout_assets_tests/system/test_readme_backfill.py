"""The README's shell command for a range of folders, run as it stands."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from checkout_assets.domain.folders import select_folders
from checkout_assets_tests.real_dagster import ROOT, shipped_home

LOADING_SECONDS = 300
"""A process that loads all definitions, on a busy machine."""


def test_the_command_queues_one_run_for_the_range(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (command,) = re.findall(r"^ *(dagster job launch .*)$", (ROOT / "README.md").read_text(), re.M)
    monkeypatch.setenv("DAGSTER_HOME", str(shipped_home(tmp_path)))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")

    subprocess.run(shlex.split(command), cwd=ROOT, check=True, timeout=LOADING_SECONDS)

    with dg.DagsterInstance.get() as instance:
        (run,) = instance.get_runs()
    assert (run.job_name, run.status) == ("repair_folders", dg.DagsterRunStatus.QUEUED)
    words = run.run_config["ops"]["repair"]["config"]["folders"]
    assert len(select_folders(words)) == 40
