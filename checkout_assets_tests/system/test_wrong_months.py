"""A month of an analysts' table that somebody damaged: told in red, and mended as documented."""

import io
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from checkout_assets.cli.main import run
from checkout_assets.domain.reporting.analysts_tables import CHECK
from checkout_assets.engines.structuring.session import LocalSpark
from checkout_assets_tests.in_process_spark import InProcessSpark
from checkout_assets_tests.orders_place import OrdersPlace
from checkout_assets_tests.published_lake import order_row, publish_rows

FOLDER = "0A_CheckoutOrder"
RUNBOOK = Path(__file__).resolve().parents[2] / "docs" / "runbook.md"
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def october(place: OrdersPlace, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data file of the only month of a compacted table."""
    monkeypatch.setattr(LocalSpark, "session", lambda _: InProcessSpark())
    monkeypatch.setenv("CHECKOUT_LAKE_URI", place.lake.uri)
    monkeypatch.setenv("CHECKOUT_RAW_URI", place.raw.uri)
    publish_rows(place.lake.open(), FOLDER, "run1", [order_row("1"), order_row("2")])
    assert run(["tables", "compact"]) == 0
    (path,) = (place.lake.path / "orders/checkout/data/2018-10").iterdir()
    return path


def _without_a_row(file: Path) -> None:
    out = io.BytesIO()
    pq.write_table(pq.read_table(file).slice(1), out, compression="zstd")
    file.write_bytes(out.getvalue())


def _deleted(file: Path) -> None:
    file.unlink()


def documented(_: str) -> list[str]:
    """The command of the check's section in the runbook, which names this month."""
    section = RUNBOOK.read_text().partition(f"## {CHECK}\n")[2].partition("\n## ")[0]
    (command,) = re.findall(r"^ *checkout-assets (.*)$", section, re.MULTILINE)
    return shlex.split(command)


def printed(report: str) -> list[str]:
    """The command that the report prints."""
    (command,) = re.findall("^Write the wrong months again: checkout-assets (.*)$", report, re.M)
    return shlex.split(command)


def table_in_report(capsys: Captured) -> dict[str, Any]:
    capsys.readouterr()
    run(["report", "--json"])
    document = json.loads(capsys.readouterr().out)
    found: dict[str, Any] = document["analysts_tables"][0]
    return found


@pytest.mark.parametrize(("damage", "remedy"), [(_without_a_row, documented), (_deleted, printed)])
def test_a_wrong_month_is_red_until_the_remedy_and_green_afterwards(
    october: Path,
    damage: Callable[[Path], None],
    remedy: Callable[[str], list[str]],
    capsys: Captured,
) -> None:
    damage(october)
    found = table_in_report(capsys)
    assert (found["state"], found["months_wrong"]) == ("red", ["2018-10"])
    assert "2018-10: 1 data file is missing or of another size." in found["text"]

    run(["report"])
    told = capsys.readouterr()
    assert f"Analysts' table {found['text']}" in told.out
    assert f"See docs/runbook.md#{CHECK}." in told.out
    assert found["text"] in told.err, "the last lines say what is not complete"
    assert run(remedy(told.out)) == 0

    found = table_in_report(capsys)
    assert (found["state"], found["rows"], found["rows_recorded"]) == ("green", 2, 2)
    assert (found["files_before"], found["files"]) == (1, 1)


def test_a_changed_byte_is_red_for_a_deep_reconciliation_until_the_remedy(
    october: Path, capsys: Captured
) -> None:
    october.write_bytes(october.read_bytes().replace(b"PAR1", b"PAR2", 1))

    def reconciled(*words: str) -> tuple[str, str]:
        capsys.readouterr()
        run(["reconcile", "--json", *words])
        found = json.loads(capsys.readouterr().out)["analysts_tables"][0]
        return found["state"], found["text"]

    assert reconciled()[0] == "green"
    state, told = reconciled("--deep")
    assert state == "red"
    assert "2018-10: 1 data file has other bytes than were written." in told
    assert run(documented("")) == 0
    state, told = reconciled("--deep")
    assert (state, told.endswith(" 1 data file was read, every byte.")) == ("green", True)


def test_the_newest_report_tells_the_tables_again(october: Path, capsys: Captured) -> None:
    _deleted(october)
    made = table_in_report(capsys)
    assert run(["report", "--latest", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["analysts_tables"][0] == made


@pytest.mark.usefixtures("october")
def test_months_to_rewrite_must_be_named(capsys: Captured) -> None:
    capsys.readouterr()
    assert run(["tables", "compact", "--rewrite"]) == 2
    told = capsys.readouterr()
    assert told.err == "Error: --rewrite needs the months to write again, such as 2018-10.\n"
