"""Batches of events leave in every table what Dagster's own log leaves there, event by event."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.storage.event_log import (
    ConsolidatedSqliteEventLogStorage,
    SqlEventLogStorage,
    sql_event_log,
)
from dagster_shared.serdes import serialize_value
from sqlalchemy import text

from checkout_assets.assets.partitions import FOLDERS, folder_checks
from checkout_assets.assets.raw_orders import RAW_ORDERS
from checkout_assets.demo.event_log import PooledSqliteEventLogStorage
from checkout_assets.domain.anomalies import RAW_RULES
from checkout_assets_tests.dagster.conftest import FIRST_16, Dagster
from checkout_assets_tests.dagster.engines import OddCopyEngine

BOTH = "raw_orders structured_orders"
FOUR = FIRST_16[:4]
ORDERS = {
    "event_logs": "id",
    "asset_check_executions": "id",
    "asset_keys": "asset_key",
    "asset_event_tags": "id",
}
"""Dagster's tables; assets are inserted in another order in a batch."""
ALIKE = RAW_RULES[:1]


@dg.multi_asset(
    specs=[dg.AssetSpec(name, partitions_def=FOLDERS) for name in ("a", "b")],
    check_specs=[spec for name in ("a", "b") for spec in folder_checks(dg.AssetKey(name), ALIKE)],
)
def two_assets() -> Iterator[object]:
    """Two assets with checks of the same name; one of them fails."""
    for name in ("a", "b"):
        yield dg.MaterializeResult(asset_key=name)
        yield dg.AssetCheckResult(asset_key=name, check_name=ALIKE[0].name, passed=name == "a")


@dg.asset(
    check_specs=[dg.AssetCheckSpec(name, asset="without_partitions") for name in ("told", "never")]
)
def without_partitions() -> Iterator[object]:
    """An asset without partitions that fails between its two checks."""
    yield dg.MaterializeResult()
    yield dg.AssetCheckResult(check_name="told", passed=True)
    raise dg.Failure


@pytest.fixture
def events(in_memory: Dagster) -> list[dg.EventLogEntry]:
    """Events of every kind: runs of the same folders, other assets, and what no run has told."""
    instance = in_memory.instance
    for failing in (FOUR[3:], FOUR[:1]):
        in_memory.run(BOTH, {"copy_engine": OddCopyEngine.of(failing=failing)}, FOUR)
    dg.materialize([two_assets], instance=instance, partition_key=FOUR[0], raise_on_error=False)
    dg.materialize([without_partitions], instance=instance, raise_on_error=False)
    instance.report_runless_asset_event(dg.AssetMaterialization(RAW_ORDERS, partition=FOUR[0]))
    instance.report_runless_asset_event(dg.AssetObservation(RAW_ORDERS, partition=FOUR[1]))
    for rule, passed in zip(RAW_RULES, (True, False), strict=False):
        instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(RAW_ORDERS, rule.name, passed, partition=FOUR[2])
        )
    storage = instance.event_log_storage
    assert isinstance(storage, SqlEventLogStorage)
    return list(storage.get_logs_for_all_runs_by_log_id().values())


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_batches_of_any_events_are_stored_as_dagsters_own_log_stores_each(
    events: list[dg.EventLogEntry], tmp_path: Path, size: int
) -> None:
    ours = PooledSqliteEventLogStorage(str(tmp_path / "ours"))
    for first in range(0, len(events), size):
        ours.store_event_batch(events[first : first + size])
    theirs = ConsolidatedSqliteEventLogStorage(str(tmp_path / "theirs"))
    for event in events:
        theirs.store_event(event)
    for table, order in ORDERS.items():
        stored = all_of(theirs, table, order)
        assert all_of(ours, table, order) == stored, table
        assert stored, table


def test_the_text_of_a_materialization_is_built_once(
    events: list[dg.EventLogEntry], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in the row of the event and in that of the asset."""
    built: list[object] = []

    def build(value: Any) -> str:
        built.append(value)
        return serialize_value(value)

    monkeypatch.setattr(sql_event_log, "serialize_value", build)
    materialization = next(each for each in events if each.asset_materialization is not None)
    ours = PooledSqliteEventLogStorage(str(tmp_path / "ours"))
    ours.store_event(materialization)
    assert built == [materialization]


def test_while_a_thread_stores_a_batch_others_use_other_connections(tmp_path: Path) -> None:
    ours = PooledSqliteEventLogStorage(str(tmp_path / "ours"))

    def connected() -> object:
        with ours.index_connection() as connection:
            return connection

    with ours._one_transaction() as storing, ThreadPoolExecutor(1) as pool:
        assert connected() is storing
        assert pool.submit(connected).result() is not storing


def test_a_table_that_is_missing_is_looked_for_again(tmp_path: Path) -> None:
    """A migration may add it."""
    ours = PooledSqliteEventLogStorage(str(tmp_path / "ours"))
    assert not ours.has_table("later")
    with ours.index_connection() as connection:
        connection.execute(text("CREATE TABLE later (id INTEGER)"))
    assert ours.has_table("later")


def all_of(storage: SqlEventLogStorage, table: str, order: str) -> list[dict[str, object]]:
    """A table's rows, without when they were inserted and, in another order, their ids."""
    left_out = {"create_timestamp"} | ({"id"} - {order})
    with storage.index_connection() as connection:
        query = text(f"SELECT * FROM {table} ORDER BY {order}")
        rows = connection.execute(query).mappings().all()
    return [{name: row[name] for name in row if name not in left_out} for row in rows]
