"""The analysts' tables: row for row the published ones, month by month, and never a mix."""

import datetime
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from checkout_assets.domain.compaction.contents import MonthState
from checkout_assets.domain.compaction.months import Month
from checkout_assets.domain.errors import MigrationError
from checkout_assets.engines.compacting import orders_table
from checkout_assets.engines.compacting.catalogs import open_catalog
from checkout_assets.engines.compacting.choices import USUAL_COMPACTION
from checkout_assets.engines.compacting.cleaning import expire_snapshots, remove_unnamed_files
from checkout_assets.engines.compacting.committing import MonthCompacted
from checkout_assets.engines.compacting.engine import Compactor
from checkout_assets.engines.compacting.iceberg_schema import iceberg_schema
from checkout_assets.engines.compacting.month_changes import MonthChange
from checkout_assets.engines.compacting.orders_table import OrdersTable
from checkout_assets.engines.compacting.writing import LocalMonthWriter
from checkout_assets.engines.locations import LocalLocation
from checkout_assets_tests.in_process_spark import InProcessSpark
from checkout_assets_tests.published_lake import comparable, order_row, plain_rows, publish_rows
from spark_jobs.contract.order_types import OrderType
from spark_jobs.contract.publication import PUBLISHING
from spark_jobs.schema import arrow_schema

CHECKOUT = OrderType.CHECKOUT
OCTOBER, NOVEMBER = Month(2018, 10), Month(2018, 11)
FIRST, SECOND = "00_CheckoutOrder", "01_CheckoutOrder"


pytestmark = pytest.mark.usefixtures("shared_schemas")


class Kill(BaseException):
    """What a kill -9 looks like from inside: nothing after it runs."""


class Orders:
    """A lake with two published folders in two months, and the compaction of its checkout table."""

    def __init__(self, directory: Path) -> None:
        self.location = LocalLocation(directory / "a lake")
        self.lake = self.location.open()
        publish_rows(self.lake, FIRST, "run1", [order_row("1"), order_row("2", "2018-11-01T00:00")])
        publish_rows(self.lake, SECOND, "run1", [order_row("4"), order_row("3")])

    def compactor(self) -> Compactor:
        catalog = open_catalog("", self.location)
        return Compactor(
            self.location,
            catalog,
            LocalMonthWriter(self.location, InProcessSpark, USUAL_COMPACTION),
        )

    def run(self, run_id: str, *months: Month) -> dict[Month, MonthCompacted]:
        ended = self.compactor().run({CHECKOUT: months or None}, run_id)
        return {each.contents.month: each for each in ended}

    def states(self) -> dict[Month, MonthState]:
        found = self.compactor().status(CHECKOUT)
        return {month: status.state for month, status in found.items()}

    @property
    def table(self) -> OrdersTable:
        return self.compactor().table(CHECKOUT)

    def files(self, month: Month | None = None) -> list[str]:
        """The data files of the current snapshot."""
        table = self.table.load()
        assert table is not None
        uris = sorted(task.file.file_path for task in table.scan().plan_files())
        paths = [uri.removeprefix("file://") for uri in uris]
        return [path for path in paths if month is None or f"/{month}/" in path]

    def rows(self) -> list[dict[str, Any]]:
        """What a reader of the current snapshot's file list sees."""
        return [row for path in self.files() for row in pq.read_table(path).to_pylist()]

    def assert_exact(self) -> None:
        assert comparable(self.rows(), "checkout") == comparable(
            plain_rows(self.lake, "checkout"), "checkout"
        )


def compacted_orders(directory: Path) -> Orders:
    """The lake after run-a, which compacted both months."""
    place = Orders(directory)
    assert all(each.ok for each in place.run("run-a").values())
    return place


@pytest.fixture
def orders(tmp_path: Path) -> Orders:
    return Orders(tmp_path)


@pytest.fixture(scope="module")
def compacted(tmp_path_factory: pytest.TempPathFactory) -> Orders:
    """For tests that only read."""
    return compacted_orders(tmp_path_factory.mktemp("compacted"))


def test_every_month_has_exactly_the_rows_of_the_plain_table(compacted: Orders) -> None:
    compacted.assert_exact()
    assert set(compacted.states().values()) == {MonthState.UP_TO_DATE}


def test_duckdb_reads_the_file_list_exactly(compacted: Orders) -> None:
    names = ", ".join(f'"{name}"' for name in arrow_schema("checkout").names)
    found = duckdb.sql(f"SELECT {names} FROM read_parquet({compacted.files()!r})").fetchall()
    plain = str(compacted.location.path / "consumable_tables/checkout/**/*.parquet")
    expected = duckdb.sql(
        f"SELECT {names} FROM read_parquet('{plain}', hive_partitioning = false)"
    ).fetchall()
    assert sorted(map(repr, found)) == sorted(map(repr, expected))
    assert len(found) == 4


def test_pyiceberg_reads_the_table_by_its_own_filters(compacted: Orders) -> None:
    """PyIceberg 0.12 reads a null list of structs as an empty one (apache/iceberg-python 3833)."""
    table = compacted.table.load()
    assert table is not None
    rows = table.scan(row_filter="order_date >= '2018-11-01'").to_arrow().to_pylist()
    assert [(row["id"], row["value"], row["items"][0]["id"]) for row in rows] == [
        ("2", 1990, "sku-1")
    ]
    assert table.scan().count() == 4


def test_derived_columns_hold_the_day_and_instants_in_utc(orders: Orders) -> None:
    publish_rows(orders.lake, FIRST, "run2", [order_row("9", "2018-10-31T23:30:00-03:00")])
    publish_rows(orders.lake, SECOND, "run2", [order_row("8", "2018-10-31T23:30:00")])
    ended = orders.run("run-a")
    first, second = sorted(orders.rows(), key=lambda row: row["id"], reverse=True)
    assert first["order_date"] == datetime.date(2018, 10, 31)
    assert first["changed_at"] == datetime.datetime(2018, 11, 1, 2, 30, tzinfo=datetime.UTC)
    assert first["created_at"].isoformat() == "2018-10-31T00:30:00.123456+00:00"
    assert second["changed_at"] is None, "its text has no time zone"
    assert ended[OCTOBER].unstated == {"created_at": 0, "changed_at": 1}


def test_rows_are_sorted_by_order_and_time_of_change(compacted: Orders) -> None:
    (path,) = compacted.files(OCTOBER)
    assert [row["id"] for row in pq.read_table(path).to_pylist()] == ["1", "3", "4"]


def test_a_folder_structured_again_makes_exactly_its_months_stale(orders: Orders) -> None:
    publish_rows(orders.lake, "00_FulfillmentOrder", "run1", [order_row("9")])
    for order_type in OrderType:
        assert all(each.ok for each in orders.compactor().run({order_type: None}, "run-a"))
    before = files_below(orders.location.path / "orders")
    of_november = orders.files(NOVEMBER)
    publish_rows(orders.lake, SECOND, "run2", [order_row("3"), order_row("5")])
    assert orders.states() == {OCTOBER: MonthState.STALE, NOVEMBER: MonthState.UP_TO_DATE}
    ended = orders.run("run-b")
    assert {month: each.files for month, each in ended.items()} == {OCTOBER: 1, NOVEMBER: 0}
    after = files_below(orders.location.path / "orders")
    assert {path: after.get(path) for path in before} == before, "a snapshot still names them"
    written = [path for path in after.keys() - before.keys() if path.suffix == ".parquet"]
    assert [str(path) for path in written] == orders.files(OCTOBER)
    assert orders.files(NOVEMBER) == of_november
    orders.assert_exact()


def files_below(directory: Path) -> dict[Path, bytes]:
    """Every file but the catalog's database, with its bytes."""
    files = (path for path in directory.rglob("*") if path.is_file() and path.suffix != ".db")
    return {path: path.read_bytes() for path in files}


def test_a_month_that_all_rows_left_becomes_empty(orders: Orders) -> None:
    orders.run("run-a")
    publish_rows(orders.lake, FIRST, "run2", [order_row("1"), order_row("2")])
    assert orders.states()[NOVEMBER] is MonthState.STALE
    assert orders.run("run-b")[NOVEMBER].ok
    assert orders.files(NOVEMBER) == []
    assert orders.states() == {OCTOBER: MonthState.UP_TO_DATE}
    orders.assert_exact()


def test_a_month_without_rows_takes_no_commit_and_no_spark(orders: Orders) -> None:
    writer = LocalMonthWriter(orders.location, _no_session, USUAL_COMPACTION)
    compactor = Compactor(orders.location, open_catalog("", orders.location), writer)
    (ended,) = compactor.run({CHECKOUT: [Month(1999, 1)]}, "run-a")
    assert (ended.ok, ended.before, ended.files) == (True, MonthState.EMPTY, 0)
    assert orders.table.load() is None


def _no_session() -> Any:
    raise AssertionError("Spark was started")


@pytest.mark.parametrize("phase", ["replace", "_change"])
def test_a_kill_before_the_commit_costs_one_more_run(
    orders: Orders, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    orders.run("run-a")
    seen = orders.rows()
    publish_rows(orders.lake, SECOND, "run2", [order_row("6")])
    with monkeypatch.context() as patch:
        patch.setattr(OrdersTable, phase, _killed)
        with pytest.raises(Kill):
            orders.run("run-b")
    assert orders.rows() == seen, "readers see the old month"
    orders.run("run-c")
    orders.assert_exact()


def _killed(*_: object) -> None:
    raise Kill


def test_two_runs_of_one_month_leave_one_of_them(orders: Orders) -> None:
    slow = orders.compactor()
    status = slow.status(CHECKOUT)[OCTOBER]
    assert orders.run("run-a", OCTOBER)[OCTOBER].ok
    change = MonthChange(status.contents, (), status.committed)
    refused = slow.table(CHECKOUT).replace([change], "run-b")
    assert "another run replaced this month meanwhile" in str(refused[OCTOBER])
    assert len(orders.files(OCTOBER)) == 1


def test_a_commit_of_another_month_in_between_is_retried(
    orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = OrdersTable._change
    others: Iterator[Any] = iter([lambda: orders.run("run-b", NOVEMBER)])

    def overtaken(self: OrdersTable, *arguments: Any) -> None:
        change(self, *arguments)
        for other in others:
            other()

    monkeypatch.setattr(OrdersTable, "_change", overtaken)
    assert orders.run("run-a", OCTOBER)[OCTOBER].ok
    assert set(orders.states().values()) == {MonthState.UP_TO_DATE}
    orders.assert_exact()


def test_a_folder_that_is_published_while_its_month_is_read_is_told(orders: Orders) -> None:
    compactor = orders.compactor()
    contents = compactor.status(CHECKOUT)
    publish_rows(orders.lake, SECOND, "run2", [order_row("7")])
    compactor.status = lambda _: contents  # type: ignore[method-assign]
    ended = {each.contents.month: each for each in compactor.run({CHECKOUT: None}, "run-a")}
    assert "a published file is gone" in ended[OCTOBER].error
    assert ended[OCTOBER].failure is not None
    assert ended[OCTOBER].failure.transient
    assert ended[NOVEMBER].ok, "its neighbour is not affected"


def test_a_folder_that_is_being_published_is_refused(orders: Orders) -> None:
    publish_rows(orders.lake, SECOND, "run2", [order_row("7")], state=PUBLISHING)
    with pytest.raises(MigrationError, match=f"{SECOND} is being published"):
        orders.run("run-a")


def test_a_file_that_is_not_what_its_record_states_is_not_compacted(orders: Orders) -> None:
    record = publish_rows(orders.lake, SECOND, "run2", [order_row("7")])
    path = record.files[0].path
    orders.lake.put(path, orders.lake.get(path).data[:-1] + b"\0")
    assert "is not what its publication record states" in orders.run("run-a")[OCTOBER].error


def test_rows_that_were_not_written_are_not_committed(orders: Orders) -> None:
    record = publish_rows(orders.lake, SECOND, "run2", [order_row("7")])
    lying = replace(record, files=[replace(record.files[0], rows=2)])
    orders.lake.put(f"_published/{SECOND}.json", lying.to_json())
    assert orders.run("run-a")[OCTOBER].error
    assert OCTOBER not in orders.table.committed()


def test_a_table_gets_the_columns_that_the_schema_got_since(
    orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyiceberg.schema import Schema

    today = iceberg_schema("checkout")
    earlier = Schema(*(field for field in today.fields if field.name not in {"value", "items"}))
    with monkeypatch.context() as patch:
        patch.setattr(orders_table, "iceberg_schema", lambda _: earlier)
        orders.table.create()
    assert all(each.ok for each in orders.run("run-a").values())
    table = orders.table.load()
    assert table is not None
    rows = table.scan(selected_fields=("id", "value", "items")).to_arrow().to_pylist()
    assert {(row["value"], row["items"][0]["id"]) for row in rows} == {(1990, "sku-1")}


def test_a_reader_in_a_loop_sees_the_old_month_or_the_new_one(
    orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders.run("run-a", OCTOBER)
    old = {row["_run_id"] for row in orders.rows()}
    publish_rows(orders.lake, FIRST, "run2", [order_row("1")])
    publish_rows(orders.lake, SECOND, "run2", [order_row("4"), order_row("3")])
    done = threading.Event()
    seen: list[set[str]] = []

    def read() -> None:
        while not done.is_set():
            seen.append({row["_run_id"] for row in orders.rows()})

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert orders.run("run-b", OCTOBER)[OCTOBER].ok
    finally:
        done.set()
        reader.join()
    seen.append({row["_run_id"] for row in orders.rows()})
    assert all(each in (old, {"run2"}) for each in seen)
    assert seen[-1] == {"run2"}


def test_fulfillment_has_its_own_table_with_its_own_columns(orders: Orders) -> None:
    folder = "00_FulfillmentOrder"
    publish_rows(orders.lake, folder, "run1", [order_row("1", marketplacepaymentreferencevalue=5)])
    (ended,) = orders.compactor().run({OrderType.FULFILLMENT: None}, "run-a")
    assert ended.ok
    table = orders.compactor().table(OrderType.FULFILLMENT).load()
    assert table is not None
    found = table.scan(selected_fields=("marketplacepaymentreferencevalue",)).to_arrow()
    assert found.to_pylist() == [{"marketplacepaymentreferencevalue": 5}]


def test_files_that_no_snapshot_names_go_after_their_time(orders: Orders) -> None:
    orders.run("run-a")
    (before,) = orders.files(OCTOBER)
    publish_rows(orders.lake, SECOND, "run2", [order_row("6")])
    orders.run("run-b")
    week, now = datetime.timedelta(days=7), datetime.datetime.now(datetime.UTC)
    later = now + datetime.timedelta(days=8)
    table = orders.table
    assert expire_snapshots(table, week, now) == 0
    assert remove_unnamed_files(table, orders.lake, week, later) == 0, "a snapshot names them"
    assert expire_snapshots(table, week, later) == 1
    assert remove_unnamed_files(table, orders.lake, week, now) == 0, "too young"
    assert remove_unnamed_files(table, orders.lake, week, later)
    assert not Path(before).exists()
    orders.assert_exact()
    table_now = orders.table.load()
    assert table_now is not None
    assert table_now.scan().count() == 3
