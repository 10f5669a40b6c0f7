"""A folder whose publication record is gone: its rows stay in the analysts' table."""

import datetime
from pathlib import Path

import pytest

from checkout_assets.domain.compaction.contents import MonthState
from checkout_assets_tests.engines.test_compacting import (
    CHECKOUT,
    FIRST,
    NOVEMBER,
    OCTOBER,
    SECOND,
    Orders,
    compacted_orders,
)
from checkout_assets_tests.published_lake import order_row, publish_rows
from spark_jobs.contract.keys import month_records_prefix, publication_record_key

pytestmark = pytest.mark.usefixtures("shared_schemas")


@pytest.fixture
def orders(tmp_path: Path) -> Orders:
    return compacted_orders(tmp_path)


def records_of_months(orders: Orders) -> list[str]:
    return [entry.key for entry in orders.lake.list(month_records_prefix("checkout"))]


def test_a_month_keeps_the_rows_of_a_folder_without_a_record(orders: Orders) -> None:
    seen = orders.rows()
    orders.lake.delete([publication_record_key(FIRST)])
    ended = orders.run("run-b")
    assert ended[OCTOBER].error == (
        "checkout, 2018-10: the table holds rows of 1 folder whose publication record is gone, so "
        "the month was left as it is: 00_CheckoutOrder. Structure this folder again, then compact "
        "again. See docs/runbook.md#months_up_to_date."
    )
    assert ended[OCTOBER].failure is not None
    assert not ended[OCTOBER].failure.transient
    assert "2018-11" in ended[NOVEMBER].error, "the folder was the only one of the month"
    assert orders.rows() == seen


def test_other_months_are_compacted_and_the_folder_structured_again_is_too(orders: Orders) -> None:
    orders.lake.delete([publication_record_key(FIRST)])
    publish_rows(orders.lake, SECOND, "run2", [order_row("4", "2018-12-01T00:00:00Z")])
    ended = orders.run("run-b")
    assert {str(month): each.ok for month, each in ended.items()} == {
        "2018-10": False,
        "2018-11": False,
        "2018-12": True,
    }
    for entry in list(orders.lake.list("consumable_tables/checkout/")):
        if FIRST in entry.key:
            orders.lake.delete([entry.key])
    publish_rows(orders.lake, FIRST, "run3", [order_row("1")])
    assert all(each.ok for each in orders.run("run-c").values())
    orders.assert_exact()


def test_a_folder_whose_rows_moved_to_another_month_is_not_lost(orders: Orders) -> None:
    publish_rows(orders.lake, FIRST, "run2", [order_row("1", "2018-12-01T00:00:00Z")])
    assert all(each.ok for each in orders.run("run-b").values())
    orders.assert_exact()


def test_rewriting_the_month_drops_the_rows_if_that_is_meant(orders: Orders) -> None:
    orders.lake.delete([publication_record_key(FIRST)])
    ended = list(orders.compactor().run({CHECKOUT: [OCTOBER]}, "run-b", rewrite=True))
    assert [each.ok for each in ended] == [True]
    assert {row["_folder"] for row in orders.rows()} == {FIRST, SECOND}
    assert orders.states()[OCTOBER] is MonthState.UP_TO_DATE


def test_a_month_whose_record_is_gone_is_compacted_all_the_same(orders: Orders) -> None:
    orders.lake.delete(records_of_months(orders))
    publish_rows(orders.lake, SECOND, "run2", [order_row("5")])
    assert all(each.ok for each in orders.run("run-b").values())
    orders.assert_exact()


def test_records_of_months_that_no_snapshot_names_are_removed(orders: Orders) -> None:
    before = set(records_of_months(orders))
    publish_rows(orders.lake, SECOND, "run2", [order_row("6")])
    orders.run("run-b")
    now = datetime.datetime.now(datetime.UTC)
    week, later = datetime.timedelta(days=7), now + datetime.timedelta(days=8)
    both = set(records_of_months(orders))
    assert len(both) == 3
    orders.compactor().clean(CHECKOUT, week, now)
    assert set(records_of_months(orders)) == both, "a snapshot names them, and they are young"
    orders.compactor().clean(CHECKOUT, week, later)
    left = set(records_of_months(orders))
    assert len(left) == 2, "one per month"
    assert len(before - left) == 1
    assert both - before < left
