"""SQL over the analysts' tables: the views, what is refused, and how rows are printed."""

import csv
import io
import json
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from checkout_assets.cli.main import run
from checkout_assets.engines.compacting.catalogs import open_catalog
from checkout_assets.engines.compacting.choices import USUAL_COMPACTION
from checkout_assets.engines.compacting.engine import Compactor
from checkout_assets.engines.compacting.writing import LocalMonthWriter
from checkout_assets.engines.locations import LocalLocation
from checkout_assets_tests.in_process_spark import InProcessSpark
from checkout_assets_tests.published_lake import order_row, publish_rows
from spark_jobs.contract.order_types import OrderType

Captured = pytest.CaptureFixture[str]


pytestmark = pytest.mark.usefixtures("shared_schemas")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> LocalLocation:
    """Two versions of order 1, one of them without a zone; order 2 only once."""
    location = LocalLocation(tmp_path_factory.mktemp("queried") / "lake")
    rows = [
        order_row("1", "2018-10-31T10:00:00Z", value=100),
        order_row("1", "2018-11-02T10:00:00Z", value=200),
        order_row("1", "2018-12-24T10:00:00", value=300),
        order_row("2", "2018-10-31T10:00:00Z", value=7, sequence="=1+1"),
    ]
    publish_rows(location.open(), "0A_CheckoutOrder", "run1", rows)
    catalog = open_catalog("", location)
    compactor = Compactor(
        location, catalog, LocalMonthWriter(location, InProcessSpark, USUAL_COMPACTION)
    )
    assert all(each.ok for each in compactor.run({OrderType.CHECKOUT: None}, "run-a"))
    return location


@pytest.fixture(autouse=True)
def _configured(lake: LocalLocation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHECKOUT_LAKE_URI", lake.uri)


def rows_of(capsys: Captured, sql: str) -> list[list[object]]:
    assert run(["query", "--json", sql]) == 0
    rows: list[list[object]] = json.loads(capsys.readouterr().out)["rows"]
    return rows


def test_the_views_hold_all_versions_and_the_newest(capsys: Captured) -> None:
    assert rows_of(capsys, "SELECT id, value FROM checkout ORDER BY ALL") == [
        ["1", 100], ["1", 200], ["1", 300], ["2", 7],
    ]  # fmt: skip
    latest = rows_of(capsys, "SELECT id, value FROM checkout_latest ORDER BY id")
    assert latest == [["1", 200], ["2", 7]], "a version without a time is older than one with it"


def test_a_table_that_was_never_compacted_has_no_rows(capsys: Captured) -> None:
    assert rows_of(capsys, "SELECT count(*), count(order_date) FROM fulfillment_latest") == [[0, 0]]


def test_times_and_nested_values_are_printed_as_json(capsys: Captured) -> None:
    (row,) = rows_of(
        capsys,
        "SELECT order_date, changed_at, items[1].price, _rescued, 0.0 / 0.0 FROM checkout "
        "WHERE value = 7",
    )
    assert row == [
        "2018-10-31", "2018-10-31T10:00:00+00:00", 995, [{"path": "/x", "value": "1"}], None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT nope FROM checkout", 'column "nope"'),
        ("SELECT * FROM orders", "Table with name orders"),
        ("SELECT 1; SELECT 2", "Give one SELECT"),
        ("", "Give one SELECT"),
        ("DROP VIEW checkout_latest", "Give one SELECT"),
        ("COPY checkout TO '/tmp/out.csv'", "Give one SELECT"),
        ("ATTACH '/tmp/other.db'", "Give one SELECT"),
        ("SET enable_external_access = true", "Give one SELECT"),
        ("INSTALL httpfs", "Give one SELECT"),
        ("SELECT * FROM '/etc/passwd'", "does not exist"),
        ("SELECT * FROM read_text('/etc/passwd')", "Cannot access file"),
        ("SELECT * FROM glob('/etc/*')", "disabled by configuration"),
        ("SELECT * FROM rows", "Table with name rows"),
    ],
)
def test_what_is_not_a_valid_select_is_refused_in_one_line(
    sql: str, told: str, capsys: Captured
) -> None:
    assert run(["query", sql]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert told in captured.err
    assert captured.err.count("\n") == 1


def test_a_failure_does_not_quote_an_order(capsys: Captured) -> None:
    assert run(["query", "SELECT CAST(sequence AS INT) FROM checkout WHERE value = 7"]) == 1
    captured = capsys.readouterr()
    assert "=1+1" not in captured.err
    assert "TRY_CAST" in captured.err


def test_csv_is_read_back_and_holds_no_formula(capsys: Captured) -> None:
    assert run(["query", "--format", "csv", "SELECT id, sequence, items FROM checkout_latest"]) == 0
    names, *rows = csv.reader(io.StringIO(capsys.readouterr().out))
    assert names == ["id", "sequence", "items"]
    by_id = {row[0]: row for row in rows}
    assert by_id["2"][1] == "'=1+1"
    assert json.loads(by_id["2"][2])[0]["quantity"] == 2
    assert by_id["1"][1] == ""


def test_a_table_says_when_there_are_more_rows(capsys: Captured) -> None:
    assert run(["query", "--limit", "1", "SELECT id FROM checkout ORDER BY id DESC"]) == 0
    captured = capsys.readouterr()
    assert "2" in captured.out
    assert "--limit" in captured.err


def test_parquet_is_written_to_standard_output(
    capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path
) -> None:
    assert run(["query", "--format", "parquet", "SELECT id, items FROM checkout"]) == 0
    table = pq.read_table(pa.BufferReader(capfdbinary.readouterr().out))
    assert (table.num_rows, table.column_names) == (4, ["id", "items"])


def test_a_lake_without_tables_says_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setenv("CHECKOUT_LAKE_URI", str(tmp_path))
    assert run(["query", "SELECT 1"]) == 2
    assert "Run checkout-assets tables compact first" in capsys.readouterr().err


EXAMPLES = re.findall(
    r"```sql\n(.+?)```", (Path(__file__).parents[2] / "docs/analysts.md").read_text(), re.DOTALL
)


@pytest.mark.parametrize("sql", EXAMPLES)
def test_the_examples_of_the_docs_run(sql: str, capsys: Captured) -> None:
    assert run(["query", "--json", sql]) == 0, capsys.readouterr().err


def test_there_are_five_examples() -> None:
    assert len(EXAMPLES) == 5
