"""Months chosen by a person: Dagster's dialog for partitions of time, in a real browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from checkout_assets.assets.order_tables import order_table_key
from checkout_assets_tests.browsing import click, page_shows
from checkout_assets_tests.published_lake import order_row, publish_rows
from checkout_assets_tests.real_dagster import Webserver, dagster_dev, shipped_home, wait_until
from spark_jobs.contract.order_types import OrderType
from spark_jobs.stores import open_store

pytestmark = pytest.mark.browser

RUN_SECONDS = 300
AUTUMN = ["2018-09-01", "2018-10-01", "2018-11-01"]
FIELD = "//input[starts-with(@placeholder, 'ex: ')]"
CONTROL_A, DELETE, ENTER = "\ue009a\ue000", "\ue017", "\ue007"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Webserver]:
    """A lake with rows of checkout in October and November 2018, far before the last 90 days."""
    lake = open_store(str(tmp_path / "lake"))
    rows = [order_row("1"), order_row("2", "2018-11-01T00:00:00Z")]
    publish_rows(lake, "0A_CheckoutOrder", "run1", rows)
    monkeypatch.setenv("CHECKOUT_LAKE_URI", lake.uri)
    monkeypatch.setenv("CHECKOUT_FIRST_MONTH", "2018-01")
    monkeypatch.setenv("CHECKOUT_SPARK_MASTER", "local[1]")
    monkeypatch.setenv("DAGSTER_HOME", str(shipped_home(tmp_path)))
    with dagster_dev(tmp_path / "dagster.log") as found:
        yield found


def test_a_typed_range_of_months_of_both_tables_is_one_run_of_exactly_these(
    browser: Any, server: Webserver
) -> None:
    """The dialog begins with the last 90 days, and a month outside them is refused there."""
    (location,) = server.locations()
    browser.get(f"{server.url}/locations/{location}/asset-groups/analysts")
    click(browser, "//button[contains(., 'Materialize all')]")
    click(browser, "//button[normalize-space()='Confirm']")  # nothing was structured by a run
    page_shows(browser, "Last 90 days")
    click(browser, "//*[normalize-space(text())='Show all partitions']")
    page_shows(browser, "All time")
    field = click(browser, FIELD)
    field.send_keys(CONTROL_A, DELETE)
    field.send_keys(f"[{AUTUMN[0]}...{AUTUMN[-1]}]", ENTER)
    click(browser, "//button[starts-with(normalize-space(), 'Launch')]")
    run = ended_run()
    assert run.status is dg.DagsterRunStatus.SUCCESS
    assert months_of(run) == dict.fromkeys(map(order_table_key, OrderType), AUTUMN)


def ended_run() -> dg.DagsterRun:
    """The only run, when it has ended."""
    with dg.DagsterInstance.get() as instance:
        wait_until(lambda: any(run.is_finished for run in instance.get_runs()), RUN_SECONDS)
        (run,) = instance.get_runs()
    return run


def months_of(run: dg.DagsterRun) -> dict[dg.AssetKey, list[str]]:
    """The months of each table that the run has materialized."""
    event = dg.DagsterEventType.ASSET_MATERIALIZATION
    with dg.DagsterInstance.get() as instance:
        done = instance.get_asset_partitions_for_run(run.run_id, event)
    return {key: sorted(map(str, partitions)) for key, partitions in done.items()}
