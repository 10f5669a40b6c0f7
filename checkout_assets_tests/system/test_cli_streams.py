"""Whatever standard output and error lead to: an exit code of the contract, and no traceback."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from checkout_assets_tests.orders_place import FOLDER, OrdersPlace

NAME = f"{FOLDER}/A/id/jos\u00e9 \u4e2d\u6587"
CLI = f"{sys.executable} -m checkout_assets.cli.main"


def shell(
    words: Sequence[str], redirection: str, **variables: str
) -> subprocess.CompletedProcess[bytes]:
    """The command line in a shell; its exit code is the command's own, in a pipe too."""
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", f'{CLI} "$@" {redirection}', "bash", *words],
        env={**os.environ, **variables},
        capture_output=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def copied(place: OrdersPlace, monkeypatch: pytest.MonkeyPatch) -> OrdersPlace:
    """A source with one folder, and the variables by which commands find all places."""
    place.put(NAME)
    monkeypatch.setenv("CHECKOUT_SOURCE_URI", place.source.uri)
    monkeypatch.setenv("CHECKOUT_RAW_URI", place.raw.uri)
    monkeypatch.setenv("CHECKOUT_LAKE_URI", str(place.lake.path))
    return place


@pytest.mark.parametrize(
    ("words", "redirection", "code"),
    [
        (["copy", FOLDER], ">&-", 1),
        (["copy", FOLDER], "2>&-", 0),
        (["copy", FOLDER], ">/dev/full 2>/dev/full", 1),
        (["copy", FOLDER], "| true", 0),
        (["copy", "--json", FOLDER], "| true", 1),
        (["copy", "0B"], ">&- 2>&-", 2),
        (["--help"], ">/dev/full", 1),
        (["--help"], "| true", 0),
        (["demo", "--no-such"], ">/dev/full", 2),
    ],
)
def test_the_exit_code_is_one_of_the_contract(
    copied: OrdersPlace, words: list[str], redirection: str, code: int
) -> None:
    assert copied.source
    ended = shell(words, redirection)
    assert ended.returncode == code
    assert b"Traceback" not in ended.stderr
    assert b"Exception ignored" not in ended.stderr
    if code == 1 and "2>" not in redirection:
        assert b"The result could not be written to standard output" in ended.stderr


def test_what_an_encoding_cannot_hold_is_escaped(copied: OrdersPlace) -> None:
    copied.put("jos\u00e9/x")
    ended = shell(["reconcile"], "", PYTHONIOENCODING="ascii")
    assert ended.returncode == 1
    assert "Unexpected at the source: jos\\u{E9}/" in ended.stdout.decode("ascii")
    assert b"R" * 16 in ended.stdout  # the heat map, in letters


def test_a_document_that_is_refused_by_the_disk_leaves_the_objects_copied(
    copied: OrdersPlace, tmp_path: Path
) -> None:
    lost = shell(["copy", "--json", FOLDER], ">/dev/full")
    assert lost.returncode == 1
    again = shell(["copy", "--json", FOLDER], f">{tmp_path}/told")
    assert again.returncode == 0
    assert json.loads((tmp_path / "told").read_text())["totals"]["present"] == 1
    assert copied.source
