"""Months that are written again though their records say that they are up to date."""

import io
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from checkout_assets.assets.reconciliation_checks import check_analysts_tables
from checkout_assets.assets.runbook import Runbook
from checkout_assets.domain.compaction.comparing import TableCompared
from checkout_assets.domain.compaction.contents import MonthState
from checkout_assets.domain.compaction.months import Month
from checkout_assets.domain.folders import Folder
from checkout_assets.domain.reconciliation import FolderReconciled, LakeEvidence
from checkout_assets.engines.compacting.comparing import compare_tables
from checkout_assets_tests.engines.test_compacting import (
    CHECKOUT,
    FIRST,
    NOVEMBER,
    OCTOBER,
    SECOND,
    Orders,
    compacted_orders,
)
from spark_jobs.contract.keys import publication_record_key
from spark_jobs.contract.publication import PublicationRecord

pytestmark = pytest.mark.usefixtures("shared_schemas")


@pytest.fixture
def orders(tmp_path: Path) -> Orders:
    """Two months that were compacted."""
    return compacted_orders(tmp_path)


def compared(orders: Orders) -> TableCompared:
    """The table as a reconciliation compares it."""
    records = [
        PublicationRecord.from_json(orders.lake.get(publication_record_key(name)).data)
        for name in (FIRST, SECOND)
    ]
    folders = [
        FolderReconciled(Folder.parse(each.folder), lake=LakeEvidence(each)) for each in records
    ]
    return compare_tables(orders.location, "", folders)[0]


def rewrite(orders: Orders, *months: Month) -> list[tuple[Month, int]]:
    ended = list(orders.compactor().run({CHECKOUT: months}, "run-b", rewrite=True))
    assert all(each.ok for each in ended)
    return [(each.contents.month, each.files) for each in ended]


def _without_a_row(orders: Orders) -> None:
    """Somebody opens the data file, removes a row, and writes it in the same place."""
    (path,) = orders.files(OCTOBER)
    rows = pq.read_table(path)
    out = io.BytesIO()
    pq.write_table(rows.slice(1), out, compression="zstd")
    Path(path).write_bytes(out.getvalue())


def _without_data_file(orders: Orders) -> None:
    (path,) = orders.files(OCTOBER)
    Path(path).unlink()


def _without_its_rows(orders: Orders) -> None:
    """Another program deletes the rows through the catalog."""
    table = orders.table.load()
    assert table is not None
    table.delete("order_date < '2018-11-01'")


def _with_its_rows_twice(orders: Orders) -> None:
    table = orders.table.load()
    assert table is not None
    table.add_files([f"file://{orders.files(OCTOBER)[0]}"], check_duplicate_files=False)


@pytest.mark.parametrize(
    "damage", [_without_a_row, _without_data_file, _without_its_rows, _with_its_rows_twice]
)
def test_a_wrong_month_that_is_rewritten_is_right_and_its_neighbour_stays(
    orders: Orders, damage: Callable[[Orders], None]
) -> None:
    of_november = orders.files(NOVEMBER)
    damage(orders)
    assert not check_analysts_tables([compared(orders)], Runbook()).passed
    assert orders.states()[OCTOBER] is MonthState.UP_TO_DATE, "its records say nothing of it"
    assert orders.run("run-b")[OCTOBER].files == 0, "compaction alone does not mend it"

    assert rewrite(orders, OCTOBER) == [(OCTOBER, 1)]

    assert check_analysts_tables([compared(orders)], Runbook()).passed
    assert orders.files(NOVEMBER) == of_november
    orders.assert_exact()


def test_rows_of_a_month_without_any_in_the_records_are_removed(orders: Orders) -> None:
    may = Month(2017, 5)
    (uri,) = (f"file://{path}" for path in orders.files(NOVEMBER))
    path = Path(uri.removeprefix("file://")).with_name("foreign.parquet")
    rows = pq.read_table(uri.removeprefix("file://"))
    place = rows.schema.get_field_index("order_date")
    moved = rows.set_column(place, rows.schema.field(place), [[may.first_day] * len(rows)])
    pq.write_table(moved, path)
    table = orders.table.load()
    assert table is not None
    table.add_files([f"file://{path}"])
    assert "2017-05 holds 1 row instead of 0." in compared(orders).sentence

    assert rewrite(orders, may) == [(may, 0)]

    assert not compared(orders).wrong
    orders.assert_exact()


def test_an_empty_month_is_not_committed_when_it_is_rewritten(orders: Orders) -> None:
    before = orders.table.load()
    assert rewrite(orders, Month(1999, 1)) == [(Month(1999, 1), 0)]
    after = orders.table.load()
    assert before is not None
    assert after is not None
    assert after.metadata_location == before.metadata_location


def test_a_rewritten_month_replaces_no_file_that_a_snapshot_names(orders: Orders) -> None:
    (old,) = orders.files(OCTOBER)
    bytes_before = Path(old).read_bytes()
    assert rewrite(orders, OCTOBER) == [(OCTOBER, 1)]
    assert orders.files(OCTOBER) != [old]
    assert Path(old).read_bytes() == bytes_before


def test_tables_whose_metadata_is_gone_are_made_again_from_the_published_files(
    orders: Orders,
) -> None:
    for path in (orders.location.path / "orders/checkout/metadata").iterdir():
        path.unlink()
    assert "was not compared: The catalog of the analysts' tables" in compared(orders).sentence
    (orders.location.path / "orders/catalog.db").unlink()
    assert all(each.ok for each in orders.run("run-b").values())
    assert check_analysts_tables([compared(orders)], Runbook()).passed
    orders.assert_exact()
