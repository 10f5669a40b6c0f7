"""``checkout-assets tables``: what it prints, how it exits, and that it runs on real Spark."""

import json
from pathlib import Path
from typing import Any

import pytest

from checkout_assets.cli.main import run
from checkout_assets.engines.structuring.session import LocalSpark
from checkout_assets_tests.in_process_spark import InProcessSpark
from checkout_assets_tests.published_lake import order_row, publish_rows
from spark_jobs.contract.publication import PUBLISHING
from spark_jobs.stores import Store, open_store

FOLDER = "0A_CheckoutOrder"
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    store = open_store(str(tmp_path / "lake"))
    rows = [order_row("1"), order_row("2", "2018-11-01T00:00:00")]
    publish_rows(store, FOLDER, "run1", rows)
    monkeypatch.setenv("CHECKOUT_LAKE_URI", store.uri)
    return store


@pytest.fixture
def _no_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalSpark, "session", lambda _: InProcessSpark())


def document_of(capsys: Captured, *words: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = run([*words, "--json"])
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, document


def states(capsys: Captured) -> tuple[int, dict[str, str]]:
    code, document = document_of(capsys, "tables", "status")
    return code, {f"{each['table']} {each['month']}": each["state"] for each in document["months"]}


def test_on_real_spark_a_second_run_changes_nothing(lake: Store, capsys: Captured) -> None:
    code, document = document_of(capsys, "tables", "compact")
    assert (code, [each["rows"] for each in document["months"]]) == (0, [1, 1])
    before = {entry.key for entry in lake.list("orders/")}
    code, document = document_of(capsys, "tables", "compact")
    assert (code, {each["before"] for each in document["months"]}) == (0, {"up_to_date"})
    assert {entry.key for entry in lake.list("orders/")} == before


@pytest.mark.usefixtures("_no_java")
def test_status_exits_with_1_until_all_is_compacted(lake: Store, capsys: Captured) -> None:
    found = states(capsys)
    assert found == (1, {"checkout 2018-10": "missing", "checkout 2018-11": "missing"})
    assert run(["tables", "compact", "2018-10"]) == 0
    assert "checkout: 1 month written, 0 unchanged; 1 row" in capsys.readouterr().out
    assert states(capsys)[1] == {"checkout 2018-10": "up_to_date", "checkout 2018-11": "missing"}
    assert run(["tables", "compact"]) == 0
    assert "1 time without a time zone is null" in capsys.readouterr().out
    assert states(capsys)[0] == 0


@pytest.mark.usefixtures("_no_java")
def test_a_month_that_fails_is_told_and_exits_with_1(lake: Store, capsys: Captured) -> None:
    october = next(lake.list("consumable_tables/checkout/YEAR=2018/MONTH=10/"))
    lake.delete([october.key])
    assert run(["tables", "compact"]) == 1
    captured = capsys.readouterr()
    assert "checkout, 2018-10: a published file is gone" in captured.err.splitlines()[-1]
    assert states(capsys)[1]["checkout 2018-11"] == "up_to_date"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["compact", "2018-13"], 2, '"2018-13" is not a month'),
        (["compact", "--catalog", "hive"], 2, '"hive" names no catalog'),
        (["status", "--lake", "/nowhere/at/all"], 2, "does not exist"),
        (["status", "2019-01..2018-01"], 2, "runs backwards"),
    ],
)
def test_wrong_usage_is_one_line(
    lake: Store, words: list[str], code: int, told: str, capsys: Captured
) -> None:
    assert run(["tables", *words]) == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert told in captured.err


@pytest.mark.usefixtures("_no_java")
def test_a_folder_that_is_being_published_is_told(lake: Store, capsys: Captured) -> None:
    publish_rows(lake, FOLDER, "run2", [order_row("1")], state=PUBLISHING)
    assert run(["tables", "compact"]) == 1
    assert f"{FOLDER} is being published" in capsys.readouterr().err
