"""Backfills of months through the real webserver and daemon, as the UI requests them."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from checkout_assets.assets.order_tables import monthly_partitions, order_table_key
from checkout_assets_tests.published_lake import order_row, publish_rows
from checkout_assets_tests.real_dagster import Webserver, dagster_dev, shipped_home, wait_until
from spark_jobs.contract.order_types import OrderType
from spark_jobs.stores import Store, open_store

pytestmark = pytest.mark.slow

CHECKOUT, FULFILLMENT = map(order_table_key, OrderType)
BOTH = "checkout_orders fulfillment_orders"
FIRST_MONTH = "2018-09"
AUTUMN = ["2018-09-01", "2018-10-01", "2018-11-01"]
RUN_SECONDS = 300
Told = Mapping[str, Mapping[str, Any]]


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Checkout has rows in October, November and January; fulfillment in November."""
    store = open_store(str(tmp_path / "lake"))
    publish_rows(
        store,
        "0A_CheckoutOrder",
        "run1",
        [order_row("1"), order_row("2", "2018-11-01T00:00:00Z")],
    )
    publish_rows(store, "0B_CheckoutOrder", "run1", [order_row("3", "2019-01-31T00:00:00Z")])
    publish_rows(store, "0A_FulfillmentOrder", "run1", [order_row("4", "2018-11-30T00:00:00Z")])
    monkeypatch.setenv("CHECKOUT_LAKE_URI", store.uri)
    monkeypatch.setenv("CHECKOUT_FIRST_MONTH", FIRST_MONTH)
    monkeypatch.setenv("CHECKOUT_SPARK_MASTER", "local[1]")
    monkeypatch.setenv("DAGSTER_HOME", str(shipped_home(tmp_path)))
    return store


@pytest.fixture
def server(lake: Store, tmp_path: Path) -> Iterator[Webserver]:
    with dagster_dev(tmp_path / "dagster.log") as found:
        yield found


class Backfilled:
    """A backfill that has ended: its status, its runs, and what each month was told with."""

    def __init__(
        self,
        server: Webserver,
        partitions: Sequence[str],
        config: Mapping[str, Any] | None = None,
    ) -> None:
        backfill = server.backfill(BOTH, partitions, config)
        wait_until(lambda: server.backfill_status(backfill).startswith("COMPLETED"), RUN_SECONDS)
        self.status = server.backfill_status(backfill)
        with dg.DagsterInstance.get() as instance:
            runs = instance.get_runs(dg.RunsFilter(tags={"dagster/backfill": backfill}))
            self.runs = [run.status for run in runs]
            self._told = {key: _told(instance, key, runs) for key in (CHECKOUT, FULFILLMENT)}

    def of(self, key: dg.AssetKey, *names: str) -> dict[str, tuple[Any, ...]]:
        """The named values of the metadata, by partition."""
        return {
            partition: tuple(told[name] for name in names)
            for partition, told in self._told[key].items()
        }


def _told(instance: dg.DagsterInstance, key: dg.AssetKey, runs: Sequence[dg.DagsterRun]) -> Told:
    own = {run.run_id for run in runs}
    records = instance.fetch_materializations(key, limit=1000).records
    return {
        str(record.partition_key): {
            name: value.value for name, value in record.asset_materialization.metadata.items()
        }
        for record in records
        if record.run_id in own and record.asset_materialization
    }


def test_any_range_of_months_is_one_run_that_tells_each_month(
    lake: Store, server: Webserver
) -> None:
    three = Backfilled(server, AUTUMN)
    assert (three.status, three.runs) == ("COMPLETED_SUCCESS", [dg.DagsterRunStatus.SUCCESS])
    assert three.of(CHECKOUT, "dagster/partition_row_count", "found", "files_written") == {
        "2018-09-01": (0, "empty", 0),
        "2018-10-01": (1, "missing", 1),
        "2018-11-01": (1, "missing", 1),
    }
    assert three.of(FULFILLMENT, "found")["2018-11-01"] == ("missing",)

    rows = [order_row("1"), order_row("5"), order_row("2", "2018-11-01T00:00:00Z")]
    publish_rows(lake, "0A_CheckoutOrder", "run2", rows)
    all_months = monthly_partitions(FIRST_MONTH).get_partition_keys()
    every = Backfilled(server, all_months)
    assert (every.status, every.runs) == ("COMPLETED_SUCCESS", [dg.DagsterRunStatus.SUCCESS])
    found = every.of(CHECKOUT, "dagster/partition_row_count", "found")
    assert found.keys() == set(all_months)
    assert {month: told for month, told in found.items() if told != (0, "empty")} == {
        "2018-10-01": (2, "stale"),
        "2018-11-01": (1, "stale"),
        "2019-01-01": (1, "missing"),
    }
    found = every.of(FULFILLMENT, "dagster/partition_row_count", "found")
    assert found.keys() == set(all_months)
    assert found["2018-11-01"] == (1, "up_to_date")

    apart = Backfilled(server, ["2018-10-01", "2019-01-01"])
    assert apart.status == "COMPLETED_SUCCESS"
    assert apart.runs == [dg.DagsterRunStatus.SUCCESS] * 2, "a run per range without a gap"
    assert set(apart.of(CHECKOUT, "found").values()) == {("up_to_date",)}

    config = {"ops": {"compact_months": {"config": {"rewrite": True}}}}
    again = Backfilled(server, AUTUMN, config)
    assert again.runs == [dg.DagsterRunStatus.SUCCESS]
    assert again.of(CHECKOUT, "found", "files_written") == {
        "2018-09-01": ("empty", 0),
        "2018-10-01": ("up_to_date", 1),
        "2018-11-01": ("up_to_date", 1),
    }
