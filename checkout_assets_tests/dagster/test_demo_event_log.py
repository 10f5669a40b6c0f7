"""The event logs of demos and deployments store what Dagster's own would, over few connections.

In SQLite, and in a real PostgreSQL as ``make test-postgresql`` starts it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as db
from dagster._core.storage.event_log import ConsolidatedSqliteEventLogStorage, SqlEventLogStorage
from dagster_postgres import PostgresEventLogStorage
from sqlalchemy.engine import Engine
from sqlalchemy.pool import Pool

from checkout_assets.assets.raw_orders import RAW_ORDERS
from checkout_assets.demo.event_log import PooledSqliteEventLogStorage
from checkout_assets.demo.place import DemoPlace
from checkout_assets.domain.anomalies import RAW_RULES
from checkout_assets.storage.event_batches import BatchedEventLogStorage
from checkout_assets_tests.dagster.conftest import FIRST_16, Dagster
from checkout_assets_tests.dagster.engines import OddCopyEngine
from checkout_assets_tests.postgres_server import PostgresServer, postgres_server

Heard = tuple[object, ...]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL for all tests."""
    with postgres_server("secret") as started:
        yield started


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database, or nothing for SQLite."""
    if request.param == "sqlite":
        return ""
    server: PostgresServer = request.getfixturevalue("server")
    return server.new_database()


@pytest.fixture
def demo(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dagster]:
    """The instance of a demo, as its own dagster.yaml and environment describe it."""
    place = DemoPlace(tmp_path / "demo")
    place.prepare(database=database)
    for name, value in place.environment().items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.from_config(str(place.dagster_home)) as instance:
        yield Dagster(instance)


@contextmanager
def heard(target: object, event: str) -> Iterator[list[Heard]]:
    """The arguments of each event of SQLAlchemy in the body."""
    seen: list[Heard] = []

    def keep(*arguments: object) -> None:
        seen.append(arguments)

    db.event.listen(target, event, keep)
    try:
        yield seen
    finally:
        db.event.remove(target, event, keep)


@pytest.fixture
def connected() -> Iterator[list[Heard]]:
    """Every connection that is opened to a database."""
    with heard(Pool, "connect") as seen:
        yield seen


def test_a_folder_costs_no_connections(demo: Dagster, connected: list[Heard]) -> None:
    demo.run("raw_orders", {})
    of_16 = len(connected)
    connected.clear()
    demo.run("raw_orders", {}, FIRST_16[:1])
    assert of_16 - len(connected) < len(FIRST_16)


@pytest.fixture
def committed() -> Iterator[list[Heard]]:
    """Every transaction on any database."""
    with heard(Engine, "commit") as seen:
        yield seen


@pytest.fixture
def executed() -> Iterator[list[Heard]]:
    """Every statement on any database."""
    with heard(Engine, "before_cursor_execute") as seen:
        yield seen


@pytest.fixture
def refused() -> Iterator[list[Heard]]:
    """Every statement that a database refuses."""
    with heard(Engine, "handle_error") as seen:
        yield seen


def test_a_folders_checks_are_stored_in_one_transaction(
    demo: Dagster, committed: list[Heard]
) -> None:
    demo.run("raw_orders", {})
    of_16 = len(committed)
    committed.clear()
    demo.run("raw_orders", {}, FIRST_16[:1])
    # Of a folder: its materialization, a look for newer events, its four checks.
    assert of_16 - len(committed) < 4 * (len(FIRST_16) - 1)


def test_a_folders_checks_are_few_statements(demo: Dagster, executed: list[Heard]) -> None:
    """Dagster's own storage in PostgreSQL makes two or more of each of the five events."""
    demo.run("raw_orders", {})
    of_16 = len(executed)
    executed.clear()
    demo.run("raw_orders", {}, FIRST_16[:1])
    assert of_16 - len(executed) < 7 * (len(FIRST_16) - 1)


def test_a_run_opens_no_connections_for_its_statements(
    demo: Dagster, connected: list[Heard]
) -> None:
    demo.run("raw_orders", {}, FIRST_16[:1])
    connected.clear()
    demo.run("raw_orders", {}, FIRST_16[:1])
    assert len(connected) <= 2


def test_an_event_of_a_known_asset_is_stored_without_an_error(
    demo: Dagster, refused: list[Heard]
) -> None:
    """Dagster's own storage tries to insert the asset again."""
    demo.run("raw_orders", {}, FIRST_16[:1])
    refused.clear()
    demo.run("raw_orders", {}, FIRST_16[:1])
    assert refused == []


def test_a_batch_is_stored_whole_or_not_at_all(
    demo: Dagster, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo.run("raw_orders", {})
    storage = demo.instance.event_log_storage
    (run,) = demo.instance.get_runs()
    entries = demo.instance.all_logs(run.run_id)
    checked = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    evaluations = [each for each in entries if each.dagster_event_type is checked]
    broken = evaluations[1]._replace(timestamp="not a time")
    with pytest.raises(Exception, match=r"time|float|str"):
        storage.store_event_batch([evaluations[0], broken])
    assert len(demo.instance.all_logs(run.run_id)) == len(entries)


_CHECKED = dg.AssetCheckEvaluation(
    asset_key=RAW_ORDERS, check_name=RAW_RULES[0].name, passed=False, partition=FIRST_16[5]
)
"""A result that no run planned."""


def _rows(dagster: Dagster) -> list[list[tuple[object, ...]]]:
    """What the log's tables hold, without times and ids.

    Dagster stores what a run plans in the order of a set.
    """
    queries = (
        "SELECT dagster_event_type, step_key, asset_key, partition, timestamp IS NULL"
        " FROM event_logs WHERE dagster_event_type LIKE 'ASSET%'",
        "SELECT asset_key, check_name, partition, run_id = '', execution_status,"
        " evaluation_event_storage_id IS NULL, materialization_event_storage_id IS NULL,"
        " evaluation_event LIKE '{%}', evaluation_event_timestamp IS NULL"
        " FROM asset_check_executions",
        "SELECT asset_key, last_materialization IS NULL, last_run_id IS NULL,"
        " last_materialization_timestamp IS NULL FROM asset_keys",
    )
    storage = dagster.instance.event_log_storage
    assert isinstance(storage, SqlEventLogStorage)
    with storage.index_connection() as connection:
        rows = [connection.execute(db.text(query)).all() for query in queries]
    return [sorted((_plain(row) for row in each), key=repr) for each in rows]


def _plain(row: Iterable[object]) -> tuple[object, ...]:
    """The row with numbers for truth, as SQLite has them."""
    return tuple(int(each) if isinstance(each, bool) else each for each in row)


def _dagsters_own(dagster: Dagster) -> SqlEventLogStorage:
    """Dagster's own storage of the same database."""
    storage = dagster.instance.event_log_storage
    if isinstance(storage, PooledSqliteEventLogStorage):
        return ConsolidatedSqliteEventLogStorage(str(Path(storage.get_db_path()).parent))
    assert isinstance(storage, PostgresEventLogStorage)
    return PostgresEventLogStorage(storage.postgres_url)


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
        each.instance.report_runless_asset_event(_CHECKED)
        stored.append((each.materialized("raw_orders"), checks, _rows(each)))
    assert stored[0] == stored[1]
    assert len(stored[0][0]) == len(FIRST_16) - 1


def test_a_planned_and_an_unplanned_result_are_stored_in_one_batch(demo: Dagster) -> None:
    demo.run("raw_orders", {})
    storage = demo.instance.event_log_storage
    (run,) = demo.instance.get_runs()
    checked = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    planned, other = demo.instance.all_logs(run.run_id, of_type=checked)[:2]
    before = _rows(demo)[1]
    storage.store_event_batch([planned, other._replace(run_id="")])
    after = _rows(demo)[1]
    (added,) = Counter(after) - Counter(before)
    assert len(after) == len(before) + 1
    assert added[3], "it has no run"


def test_a_folders_newest_materialization_is_the_one_that_its_checks_name(demo: Dagster) -> None:
    demo.run("raw_orders", {})
    storage = demo.instance.event_log_storage
    own = _dagsters_own(demo)
    checks = demo.checks("raw_orders", RAW_RULES[0].name)
    for folder in reversed(FIRST_16):
        asked = dg.AssetRecordsFilter(asset_key=RAW_ORDERS, asset_partitions=[folder])
        (newest,) = own.fetch_materializations(asked, limit=1).records
        assert storage.fetch_materializations(asked, limit=1).records == [newest]
        target = checks[folder].target_materialization_data
        assert (target.storage_id, target.timestamp) == (newest.storage_id, newest.timestamp)


def test_the_materialization_just_stored_is_told_as_dagster_reads_it(demo: Dagster) -> None:
    """Of the whole folder, and not for another question."""
    for folder in (*FIRST_16[:2], FIRST_16[1]):
        demo.instance.report_runless_asset_event(
            dg.AssetMaterialization(RAW_ORDERS, partition=folder)
        )
    storage = demo.instance.event_log_storage
    own = _dagsters_own(demo)
    newest = own.fetch_materializations(RAW_ORDERS, limit=1)
    for partitions in (FIRST_16[1:2], FIRST_16[:1], FIRST_16[:2], None):
        asked = dg.AssetRecordsFilter(asset_key=RAW_ORDERS, asset_partitions=partitions)
        for how in ({}, {"cursor": newest.cursor}, {"ascending": True}):
            for limit in (1, 2):
                seen = storage.fetch_materializations(asked, limit=limit, **how)
                assert seen == own.fetch_materializations(asked, limit=limit, **how)


def test_a_materialization_that_another_process_stored_since_is_the_newest(demo: Dagster) -> None:
    """As when the UI's server has reported one, and a run materializes the folder again."""
    folder = FIRST_16[0]
    asked = dg.AssetRecordsFilter(asset_key=RAW_ORDERS, asset_partitions=[folder])
    storage = demo.instance.event_log_storage
    assert isinstance(storage, BatchedEventLogStorage)
    demo.instance.report_runless_asset_event(dg.AssetMaterialization(RAW_ORDERS, partition=folder))
    with dg.DagsterInstance.from_config(demo.instance.root_directory) as other:
        other.report_runless_asset_event(dg.AssetMaterialization(RAW_ORDERS, partition=folder))
        (newest,) = other.fetch_materializations(asked, limit=1).records
    assert storage.fetch_materializations(asked, limit=1).records == [newest]


def test_the_materialization_just_stored_is_not_read_again(
    demo: Dagster, executed: list[Heard]
) -> None:
    """Not for a folder's checks, which name it."""
    demo.run("raw_orders", {})
    of_16 = _reads_of_events(executed)
    executed.clear()
    demo.run("raw_orders", {}, FIRST_16[:1])
    assert of_16 == _reads_of_events(executed)


def _reads_of_events(executed: Sequence[Heard]) -> int:
    """How many of the statements read the text of events."""
    statements = [str(each[2]) for each in executed]
    return sum(each.startswith("SELECT") and "event_logs.event" in each for each in statements)


def test_a_materialization_that_ends_a_batch_is_not_read_again(
    demo: Dagster, executed: list[Heard]
) -> None:
    events = _materializations(demo)
    storage = demo.instance.event_log_storage
    storage.store_event_batch(events)
    executed.clear()
    asked = dg.AssetRecordsFilter(
        RAW_ORDERS, asset_partitions=[events[-1].get_dagster_event().partition]
    )
    (newest,) = storage.fetch_materializations(asked, limit=1).records
    assert newest.event_log_entry == events[-1]
    assert _reads_of_events(executed) == 0


def test_batches_lock_the_rows_of_assets_in_one_order(demo: Dagster, executed: list[Heard]) -> None:
    """Otherwise two processes that store batches of the same assets wait for each other."""
    events = _materializations(demo, "raw_orders structured_orders")
    orders = set()
    for batch in (events, events[::-1]):
        executed.clear()
        demo.instance.event_log_storage.store_event_batch(batch)
        orders.add(tuple(_assets_updated(executed)))
    assert orders == {("raw_orders", "structured_orders")}


def _materializations(dagster: Dagster, assets: str = "raw_orders") -> list[dg.EventLogEntry]:
    """The materializations of a run, as they were stored."""
    dagster.run(assets, {}, FIRST_16[:2])
    (run,) = dagster.instance.get_runs()
    return dagster.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)


def _assets_updated(executed: Sequence[Heard]) -> Iterator[str]:
    """The assets whose rows were updated, in this order."""
    for each in executed:
        statement, parameters = str(each[2]), str(each[3])
        if statement.startswith(("UPDATE asset_keys", "INSERT INTO asset_keys")):
            yield next(
                name for name in ("raw_orders", "structured_orders") if f'["{name}"]' in parameters
            )


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
    own = _dagsters_own(demo)
    assert own.get_materialized_partitions(RAW_ORDERS) == set(FIRST_16)


@pytest.mark.slow
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_restart_of_postgresql_is_not_noticed_between_two_events(
    demo: Dagster, database: str
) -> None:
    demo.instance.report_runless_asset_event(dg.AssetMaterialization(RAW_ORDERS, partition="a"))
    other = db.create_engine(database, isolation_level="AUTOCOMMIT", poolclass=db.NullPool)
    with other.connect() as connection:
        ended = connection.execute(
            db.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        ).all()
    assert ended, "no connection was kept"
    demo.instance.report_runless_asset_event(dg.AssetMaterialization(RAW_ORDERS, partition="b"))
    assert demo.materialized("raw_orders") == {"a", "b"}
