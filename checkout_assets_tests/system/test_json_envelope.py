"""Every command's JSON begins alike: which command, whether all is complete, and why it ended."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from checkout_assets.cli import structure
from checkout_assets.cli.main import build_app, run
from checkout_assets.domain.folders import Folder
from checkout_assets.engines.structuring.spark_engine import StructuredFolder
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from spark_jobs.contract.totals import StructureTotals

ACCOUNT = "arn:aws:iam::123456789012:role/"


def commands(group: Any = None, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command that there is, by its words."""
    for name, command in (group or typer.main.get_command(build_app())).commands.items():
        words = (*before, name)
        yield from commands(command, words) if hasattr(command, "commands") else [words]


@pytest.fixture(autouse=True)
def _configured(place: OrdersPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lake").mkdir()
    settings = {
        "SOURCE_URI": place.source.uri,
        "RAW_URI": place.raw.uri,
        "LAKE_URI": str(tmp_path / "lake"),
        "ACCESS_REQUESTER": "orders team",
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"CHECKOUT_{name}", value)


def document_of(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = run([*words, "--json"])
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert list(document)[:3] == ["command", "complete", "error"]
    assert document["complete"] is (code == 0)
    return code, document


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_a_refused_command_says_which_it_was_and_why(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code, document = document_of(capsys, *words, "--no-such-option")
    assert (code, document["command"]) == (2, " ".join(words))
    assert "--no-such-option" in document["error"]


@pytest.mark.parametrize(
    "words",
    [
        ("copy", FOLDER),
        ("reconcile", FOLDER),
        ("quarantine list", FOLDER),
        ("quarantine retry", FOLDER),
    ],
)
def test_a_command_that_is_not_complete_begins_as_one_that_is(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    name, *rest = words
    code, document = document_of(capsys, *name.split(), *rest)
    assert (code, document["command"], document["error"]) == (1, name, None)


@pytest.mark.parametrize("error", ["", f"{FOLDER}: it failed"])
def test_structuring_names_itself(
    error: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    result = StructuredFolder(
        Folder.parse(FOLDER), "run", StructureTotals(documents=1, rows=1), 1, error=error
    )
    monkeypatch.setattr(structure, "run_folders", lambda *_: [result])
    code, document = document_of(capsys, "structure", FOLDER)
    assert (code, document["command"], document["error"]) == (int(bool(error)), "structure", None)
    assert document["folders"][0]["error"] == error


def test_a_complete_command_has_no_error(
    place: OrdersPlace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place.put(f"{FOLDER}/A/id/1")
    told = [document_of(capsys, "copy", FOLDER)]
    monkeypatch.setenv("CHECKOUT_COPY_ROLE_ARN", f"{ACCOUNT}copy")
    told.append(document_of(capsys, "access", "show"))
    assert [(code, document["error"]) for code, document in told] == [(0, None)] * 2
    assert [document["command"] for _, document in told] == ["copy", "access show"]


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("checkout-assets ")
