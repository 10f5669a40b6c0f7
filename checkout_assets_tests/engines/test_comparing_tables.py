"""The analysts' tables held against the publication records: exact, stale, missing, or wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest

from checkout_assets.domain.compaction.comparing import TableCompared
from checkout_assets.domain.compaction.contents import MonthState
from checkout_assets.domain.compaction.months import Month
from checkout_assets.domain.folders import Folder
from checkout_assets.domain.reconciliation import FolderReconciled, LakeEvidence, State
from checkout_assets.engines.compacting.catalogs import open_catalog
from checkout_assets.engines.compacting.choices import USUAL_COMPACTION
from checkout_assets.engines.compacting.comparing import compare_tables
from checkout_assets.engines.compacting.engine import Compactor
from checkout_assets.engines.compacting.writing import LocalMonthWriter
from checkout_assets.engines.locations import LocalLocation
from checkout_assets_tests.in_process_spark import InProcessSpark
from checkout_assets_tests.published_lake import order_row, publish_rows
from spark_jobs.contract.order_types import OrderType
from spark_jobs.contract.publication import PUBLISHED, PUBLISHING

CHECKOUT = OrderType.CHECKOUT
OCTOBER, NOVEMBER = Month(2018, 10), Month(2018, 11)
FOLDER = "00_CheckoutOrder"
ROWS = [order_row("1"), order_row("2"), order_row("3", "2018-11-01T00:00:00Z")]


class Orders:
    """A lake with one published folder in two months, and its analysts' table."""

    def __init__(self, directory: Path) -> None:
        self.location = LocalLocation(directory / "lake")
        self.lake = self.location.open()
        self.record = publish_rows(self.lake, FOLDER, "run1", ROWS)

    def publish(self, rows: list[dict[str, object]], state: str = PUBLISHED) -> None:
        self.record = publish_rows(self.lake, FOLDER, "run2", rows, state)

    @property
    def compactor(self) -> Compactor:
        catalog = open_catalog("", self.location)
        return Compactor(
            self.location,
            catalog,
            LocalMonthWriter(self.location, InProcessSpark, USUAL_COMPACTION),
        )

    def compact(self, *months: Month) -> None:
        assert all(each.ok for each in self.compactor.run({CHECKOUT: months or None}, "run-a"))

    def compared(self, catalog: str = "") -> TableCompared:
        folder = FolderReconciled(Folder.parse(FOLDER), lake=LakeEvidence(self.record))
        return compare_tables(self.location, catalog, [folder])[0]


@pytest.fixture
def orders(tmp_path: Path) -> Orders:
    return Orders(tmp_path)


def test_a_table_that_holds_all_rows_is_green(orders: Orders) -> None:
    orders.compact()
    found = orders.compared()
    assert (found.state, found.rows, found.recorded) == (State.GREEN, 3, 3)
    assert found.sentence == (
        "checkout: 2 months up to date; 3 rows, exactly those of the publication records."
    )


def test_a_table_that_was_never_made_is_told_and_green(orders: Orders) -> None:
    found = orders.compared()
    assert (found.state, found.is_made) == (State.GREEN, False)
    assert found.sentence == "checkout: no analysts' table was made, which is optional."
    assert not list(orders.lake.list("orders/")), "a comparison writes nothing"


def test_a_table_beside_one_that_was_made_is_told_alone(orders: Orders) -> None:
    orders.compact()
    folder = FolderReconciled(Folder.parse(FOLDER), lake=LakeEvidence(orders.record))
    _, other = compare_tables(orders.location, "", [folder])
    assert (other.table, other.is_made, other.state) == ("fulfillment", False, State.GREEN)


def test_a_stale_month_is_a_warning(orders: Orders) -> None:
    orders.compact()
    orders.publish([*ROWS, order_row("4")])
    found = orders.compared()
    assert found.state is State.YELLOW
    assert found.in_state(MonthState.STALE) == (OCTOBER, NOVEMBER)
    assert "2 months stale: 2018-10, 2018-11." in found.sentence
    assert "3 rows, and 4 in the publication records." in found.sentence


def test_a_missing_month_is_a_warning(orders: Orders) -> None:
    orders.compact(OCTOBER)
    found = orders.compared()
    assert found.state is State.YELLOW
    assert found.in_state(MonthState.MISSING) == (NOVEMBER,)
    assert "1 month missing: 2018-11." in found.sentence


def _without_data_file(orders: Orders) -> None:
    """The table's metadata lose October's data file, and still state the month."""
    table = orders.compactor.table(CHECKOUT).load()
    assert table is not None
    table.delete("order_date < '2018-11-01'")


def _with_data_file_twice(orders: Orders) -> None:
    table = orders.compactor.table(CHECKOUT).load()
    assert table is not None
    uri = next(task.file.file_path for task in table.scan("order_date < '2018-11-01'").plan_files())
    table.add_files([uri], check_duplicate_files=False)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (_without_data_file, "2018-10 holds 0 rows instead of 2."),
        (_with_data_file_twice, "2018-10 holds 4 rows instead of 2."),
    ],
)
def test_rows_that_the_table_lost_or_has_twice_are_red(
    orders: Orders, damage: Callable[[Orders], None], told: str
) -> None:
    orders.compact()
    damage(orders)
    found = orders.compared()
    assert found.state is State.RED
    assert [each.month for each in found.wrong] == [OCTOBER]
    assert told in found.sentence


def test_rows_of_a_month_that_nobody_compacted_are_red(orders: Orders) -> None:
    orders.compact(OCTOBER)
    table = orders.compactor.table(CHECKOUT).load()
    assert table is not None
    with table.transaction() as change:
        change.remove_properties("checkout-assets.month.2018-10")
    found = orders.compared()
    assert found.state is State.RED
    assert "2018-10 holds 2 rows instead of 0." in found.sentence


@pytest.mark.parametrize("left", [b"", None])
def test_a_data_file_that_is_gone_or_cut_off_is_red(orders: Orders, left: bytes | None) -> None:
    orders.compact()
    (entry,) = orders.lake.list("orders/checkout/data/2018-11/")
    orders.lake.delete([entry.key])
    if left is not None:
        orders.lake.put(entry.key, left)
    found = orders.compared()
    assert found.state is State.RED
    assert "2018-11: 1 data file is missing or of another size." in found.sentence


def test_a_folder_that_is_being_published_is_named(orders: Orders) -> None:
    orders.compact()
    orders.publish(ROWS, PUBLISHING)
    found = orders.compared()
    assert found.sentence == (
        f"checkout: the analysts' table was not compared: {FOLDER} is being published."
    )


def test_a_catalog_that_cannot_be_read_is_told(orders: Orders) -> None:
    orders.compact()
    database = orders.location.path / "orders" / "catalog.db"
    database.write_bytes(b"no database " * 100)
    found = orders.compared()
    assert found.state is State.RED
    assert "was not compared: The catalog" in found.sentence
