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


@pytest.mark.parametrize(
    ("command", "limit"),
    [
        ("copy", 8),
        ("copy", 64),
        ("reconcile", 16),
        ("structure", 8),
        ("quarantine", 24),
        ("demo", 32),
        ("report", 8),
        ("orphans", 16),
        ("access", 64),
    ],
)
def test_too_few_open_files_are_told_at_once_in_one_line(
    place: OrdersPlace, tmp_path: Path, command: str, limit: int
) -> None:
    place.put(f"{FOLDER}/A/id/1")
    source, raw = ("--source", place.source.uri), ("--raw", place.raw.uri)
    lake = ("--lake", str(tmp_path / "lake"))
    words = {
        "copy": ["copy", *source, *raw, FOLDER],
        "reconcile": ["reconcile", *source, *raw, *lake, FOLDER],
        "structure": ["structure", *raw, *lake, FOLDER],
        "quarantine": ["quarantine", "list", *lake],
        "report": ["report", *source, *raw, *lake],
        "orphans": ["orphans", "list", *lake],
        "access": ["access", "status", *source, *raw, *lake],
        "demo": ["demo", "--directory", str(tmp_path / "demo")],
    }
    done = subprocess.run(
        [sys.executable, "-m", "checkout_assets.cli.main", *words[command]],
        env=os.environ, capture_output=True, text=True, timeout=60, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)),
    )  # fmt: skip
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2, line
    assert line.startswith(f"Error: Only {limit} files may be open at once (ulimit -n)")
    assert not (tmp_path / "demo").exists()
