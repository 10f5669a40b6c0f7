"""The demo's event log stores what Dagster's own would, over a few connections."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as db
from dagster._core.storage.event_log import ConsolidatedSqliteEventLogStorage
from sqlalchemy.pool import Pool

from checkout_assets.assets.raw_orders import RAW_ORDERS
from checkout_assets.demo.event_log import PooledSqliteEventLogStorage
from checkout_assets.demo.place import DemoPlace
from checkout_assets.domain.anomalies import RAW_RULES
from checkout_assets_tests.dagster.conftest import FIRST_16, Dagster
from checkout_assets_tests.dagster.engines import OddCopyEngine


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Dagster]:
    """The instance of a demo, as its own dagster.yaml describes it."""
    place = DemoPlace(tmp_path / "demo")
    place.prepare()
    with dg.DagsterInstance.from_config(str(place.dagster_home)) as instance:
        yield Dagster(instance)


@pytest.fixture
def connected() -> Iterator[list[object]]:
    """Every connection that is opened to a database's file."""
    opened: list[object] = []

    def count(connection: object, _: object) -> None:
        opened.append(connection)

    db.event.listen(Pool, "connect", count)
    try:
        yield opened
    finally:
        db.event.remove(Pool, "connect", count)


def test_a_folder_costs_no_connections(demo: Dagster, connected: list[object]) -> None:
    demo.run("raw_orders", {})
    of_16 = len(connected)
    connected.clear()
    demo.run("raw_orders", {}, FIRST_16[:1])
    assert of_16 - len(connected) < len(FIRST_16)


def test_what_is_stored_is_what_dagsters_own_log_stores(demo: Dagster, dagster: Dagster) -> None:
    stored = []
    for each in (demo, dagster):
        each.run("raw_orders", {"copy_engine": OddCopyEngine.of(failing=FIRST_16[3:4])})
        checks = {
            rule.name: {
                partition: (data.passed, data.target_materialization_data is not None)
                for partition, data in each.checks("raw_orders", rule.name).items()
            }
            for rule in RAW_RULES
        }
        stored.append((each.materialized("raw_orders"), checks))
    assert stored[0] == stored[1]
    assert len(stored[0][0]) == len(FIRST_16) - 1


def test_threads_store_at_the_same_time(demo: Dagster) -> None:
    def store(folder: str) -> None:
        demo.instance.report_runless_asset_event(
            dg.AssetMaterialization(RAW_ORDERS, partition=folder)
        )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(store, FIRST_16))
    assert demo.materialized("raw_orders") == set(FIRST_16)


def test_dagsters_own_class_reads_it(demo: Dagster) -> None:
    demo.run("raw_orders", {})
    storage = demo.instance.event_log_storage
    assert isinstance(storage, PooledSqliteEventLogStorage)
    own = ConsolidatedSqliteEventLogStorage(str(Path(storage.get_db_path()).parent))
    assert own.get_materialized_partitions(RAW_ORDERS) == set(FIRST_16)
