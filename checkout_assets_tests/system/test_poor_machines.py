"""Commands in processes of their own on machines that lack something."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from checkout_assets_tests.orders_place import FOLDER, OrdersPlace


@pytest.mark.parametrize("directory", ["absent", "a-file"])
def test_a_temporary_directory_that_is_none_does_no_harm_beside_others(
    place: OrdersPlace, tmp_path: Path, directory: str
) -> None:
    place.put(f"{FOLDER}/A/id/1")
    (tmp_path / "a-file").touch()
    done = subprocess.run(
        [
            sys.executable, "-m", "checkout_assets.cli.main", "copy",
            "--source", place.source.uri, "--raw", place.raw.uri, FOLDER,
        ],
        env={**os.environ, "TMPDIR": str(tmp_path / directory)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_lake_that_takes_no_byte_is_named_before_spark_starts(
    place: OrdersPlace, tmp_path: Path
) -> None:
    place.put(f"{FOLDER}/A/id/1")
    assert place.copy_one().ok
    done = subprocess.run(
        [
            sys.executable, "-m", "checkout_assets.cli.main", "structure",
            "--raw", place.raw.uri, "--lake", str(tmp_path / "lake"), FOLDER,
        ],
        env=os.environ, capture_output=True, text=True, timeout=60, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
    )  # fmt: skip
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2
    assert line == f"Error: The lake {tmp_path / 'lake'} cannot be written: File too large."
