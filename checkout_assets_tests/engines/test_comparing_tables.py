"""The analysts' tables held against the publication records: exact, stale, missing, or wrong."""

import json
from collections.abc import Callable, Sequence
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

pytestmark = pytest.mark.usefixtures("shared_schemas")

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

    def compared(self, catalog: str = "", deep: Sequence[Month] = ()) -> TableCompared:
        folder = FolderReconciled(Folder.parse(FOLDER), lake=LakeEvidence(self.record))
        return compare_tables(self.location, catalog, [folder], deep.__contains__)[0]

    def data_file(self, month: Month) -> Path:
        """The month's only data file that has been written."""
        (path,) = self.location.path.glob(f"orders/checkout/data/{month}/*.parquet")
        return path

    def month_record(self, month: Month) -> Path:
        (path,) = self.location.path.glob(f"orders/checkout/months/{month}/*.json")
        return path


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


def flip_a_byte(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("place", [4, 1000, -1], ids=["first page", "inside", "last byte"])
def test_a_data_file_of_which_a_byte_changed_is_red_when_it_is_read(
    orders: Orders, place: int
) -> None:
    orders.compact()
    flip_a_byte(orders.data_file(OCTOBER), place)
    assert orders.compared().state is State.GREEN, "its size is as the table states"
    assert orders.compared(deep=[NOVEMBER]).state is State.GREEN
    found = orders.compared(deep=[OCTOBER, NOVEMBER])
    assert found.state is State.RED
    assert [each.month for each in found.wrong] == [OCTOBER]
    assert "2018-10: 1 data file has other bytes than were written." in found.sentence
    assert found.sentence.endswith("2 data files were read, every byte.")


def test_a_table_that_was_read_completely_is_green_and_says_so(orders: Orders) -> None:
    orders.compact()
    found = orders.compared(deep=[OCTOBER])
    assert (found.state, found.wrong) == (State.GREEN, ())
    assert found.sentence.endswith(" 1 data file was read, every byte.")


def test_a_stale_month_is_read_by_the_record_of_what_it_holds(orders: Orders) -> None:
    orders.compact()
    orders.publish([*ROWS, order_row("4")])
    assert "2 data files were read" in orders.compared(deep=[OCTOBER, NOVEMBER]).sentence
    flip_a_byte(orders.data_file(OCTOBER), 1000)
    found = orders.compared(deep=[OCTOBER, NOVEMBER])
    assert [each.month for each in found.wrong] == [OCTOBER]


def test_a_file_that_is_cut_off_is_told_and_not_read(orders: Orders) -> None:
    orders.compact()
    path = orders.data_file(OCTOBER)
    path.write_bytes(path.read_bytes()[:-1])
    found = orders.compared(deep=[OCTOBER])
    assert "2018-10: 1 data file is missing or of another size." in found.sentence
    assert "read" not in found.sentence


def _of_an_earlier_version(record: Path) -> None:
    members = json.loads(record.read_bytes())
    del members["files"]
    record.write_text(json.dumps(members))


def _of_a_rewrite_that_was_not_committed(record: Path) -> None:
    record.write_bytes(record.read_bytes().replace(b"/run-a.", b"/run-b."))


@pytest.mark.parametrize(
    "change",
    [_of_an_earlier_version, _of_a_rewrite_that_was_not_committed, Path.unlink, flip_a_byte],
)
def test_a_data_file_without_a_recorded_digest_is_told_as_unread(
    orders: Orders, change: Callable[..., None]
) -> None:
    orders.compact()
    record = orders.month_record(OCTOBER)
    change(record, 0) if change is flip_a_byte else change(record)
    found = orders.compared(deep=[OCTOBER])
    assert found.state is State.GREEN
    assert found.sentence.endswith(" 1 data file has no recorded digest and could only be listed.")


def test_rewriting_a_month_records_the_digests(orders: Orders) -> None:
    orders.compact()
    _of_an_earlier_version(orders.month_record(OCTOBER))
    again = orders.compactor.run({CHECKOUT: [OCTOBER]}, "run-b", rewrite=True)
    assert all(each.ok for each in again)
    assert orders.compared(deep=[OCTOBER]).sentence.endswith("1 data file was read, every byte.")


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
