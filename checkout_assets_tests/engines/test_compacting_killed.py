"""Real compactions that are killed, overtaken or doubled: the tables are exact, and never a mix."""

import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from checkout_assets.domain.compaction.contents import MonthState
from checkout_assets_tests.engines.held_compaction import HeldCompaction, phases
from checkout_assets_tests.engines.test_compacting import (
    CHECKOUT,
    FIRST,
    NOVEMBER,
    OCTOBER,
    SECOND,
    Orders,
)
from checkout_assets_tests.published_lake import order_row, publish_rows

OLD, NEW = {"run1"}, {"run2"}
SHOWN_BY_ALL_TESTS = {"committing, in the catalog's transaction", "cleaning, one file removed"}
UNCOMMITTED = ("planned", "reading", "writing", "written", "recorded", "committing")
WEEK = timedelta(days=7)


def often_or_slow(phase: str) -> Any:
    """A phase as a parameter; most belong to the slow proof."""
    return pytest.param(phase, marks=() if phase in SHOWN_BY_ALL_TESTS else pytest.mark.slow)


@pytest.fixture
def orders(tmp_path: Path) -> Orders:
    """A month that was compacted, and whose two folders were both structured again since."""
    place = Orders(tmp_path)
    place.run("run-a")
    publish_rows(place.lake, FIRST, "run2", [order_row("1"), order_row("2", "2018-11-01T00:00")])
    publish_rows(place.lake, SECOND, "run2", [order_row("4"), order_row("5")])
    return place


class Compactions:
    """Starts compactions of the lake, and ends what is left of them."""

    def __init__(self, orders: Orders, directory: Path) -> None:
        self._orders, self._directory = orders, directory
        self._started: list[HeldCompaction] = []

    def start(self, phase: str) -> HeldCompaction:
        directory = self._directory / f"process-{len(self._started)}"
        self._started.append(HeldCompaction(self._orders.lake.uri, phase, directory))
        return self._started[-1]

    def held(self, phase: str) -> HeldCompaction:
        process = self.start(phase)
        process.wait_until_held()
        return process

    def discard(self) -> None:
        for process in self._started:
            process.discard()


@pytest.fixture
def compactions(orders: Orders, tmp_path: Path) -> Iterator[Compactions]:
    started = Compactions(orders, tmp_path)
    yield started
    started.discard()


class Reader:
    """Reads the table again and again; ``seen`` has which runs' rows a month showed at once."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self.seen: list[set[str]] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> "Reader":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self.seen.append(self.look())

    def look(self) -> set[str]:
        rows = self._orders.rows()
        october = [row for row in rows if row["order_date"].month == OCTOBER.number]
        assert len(october) == 3, "a month that is incomplete, or there twice"
        return {row["_run_id"] for row in october}

    def _read(self) -> None:
        while not self._done.is_set():
            self.seen.append(self.look())


@pytest.mark.parametrize("phase", map(often_or_slow, phases()))
def test_killed_in_any_phase_the_next_run_is_exact(
    orders: Orders, compactions: Compactions, phase: str
) -> None:
    with Reader(orders) as reader:
        compactions.held(phase).kill()
    assert all(each in (OLD, NEW) for each in reader.seen)
    assert reader.seen[-1] == (OLD if phase.startswith(UNCOMMITTED) else NEW)

    assert all(each.ok for each in orders.run("run-c").values())
    orders.assert_exact()
    assert set(orders.states().values()) == {MonthState.UP_TO_DATE}
    assert_nothing_is_left(orders)


def assert_nothing_is_left(orders: Orders) -> None:
    """A later clean-up removes what the killed run left, and only that."""
    for path in (orders.location.path / "orders").rglob("*"):
        os.utime(path, (0, 0))
    orders.compactor().clean(CHECKOUT, WEEK, datetime.now(UTC) + timedelta(days=30))
    root = orders.location.path / "orders/checkout"
    data = {str(path) for path in (root / "data").rglob("*") if path.is_file()}
    assert data == set(orders.files())
    table = orders.table.load()
    assert table is not None
    named = {log.metadata_file for log in table.metadata.metadata_log} | {table.metadata_location}
    assert {f"file://{path}" for path in (root / "metadata").glob("*.json")} == named
    assert not list(root.rglob(".tmp-*"))
    orders.assert_exact()


def test_of_two_runs_on_a_month_one_is_refused_in_one_sentence(
    orders: Orders, compactions: Compactions
) -> None:
    both = [compactions.held("recorded, before the commit") for _ in range(2)]
    with Reader(orders) as reader:
        for process in both:
            process.go_on()
        codes = [process.end() for process in both]
    assert sorted(codes) == [0, 1], [process.told for process in both]
    told = sorted(both[codes.index(1)].told.splitlines()[-2:])
    for month, sentence in zip((OCTOBER, NOVEMBER), told, strict=True):
        assert sentence.startswith(f"orders.checkout, {month}: another run replaced this month")
    assert all(each in (OLD, NEW) for each in reader.seen)
    assert len(orders.files(OCTOBER)) == 1
    assert set(orders.states().values()) == {MonthState.UP_TO_DATE}
    orders.assert_exact()


def test_a_folder_published_before_its_month_is_read_is_told_and_the_next_run_is_exact(
    orders: Orders, compactions: Compactions
) -> None:
    process = compactions.held("planned, before the reading")
    publish_rows(orders.lake, SECOND, "run3", [order_row("4")])
    process.go_on()
    assert process.end() == 1
    assert "checkout, 2018-10: a published file is gone" in process.told
    assert set(orders.states().values()) == {MonthState.STALE, MonthState.UP_TO_DATE}
    orders.run("run-c")
    orders.assert_exact()


def test_a_folder_published_before_the_commit_leaves_its_month_stale(
    orders: Orders, compactions: Compactions
) -> None:
    process = compactions.held("recorded, before the commit")
    publish_rows(orders.lake, SECOND, "run3", [order_row("4")])
    process.go_on()
    assert process.end() == 0, process.told
    assert orders.states() == {OCTOBER: MonthState.STALE, NOVEMBER: MonthState.UP_TO_DATE}
    assert Reader(orders).look() == NEW, "whole as it was before"
    ended = orders.run("run-c")
    assert {month: each.files for month, each in ended.items()} == {OCTOBER: 1, NOVEMBER: 0}
    orders.assert_exact()
