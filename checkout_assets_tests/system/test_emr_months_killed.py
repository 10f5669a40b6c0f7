"""The platform's process killed with SIGKILL while months run on EMR: the next run attaches again.

Dagster's webserver, daemon and processes are real; the lake is in S3.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from checkout_assets.assets.order_tables import order_table_key
from checkout_assets.engines.compacting.catalogs import open_catalog
from checkout_assets.engines.compacting.orders_table import OrdersTable
from checkout_assets.engines.locations import S3Location
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.emr_place import emr_options
from checkout_assets_tests.local_emr.local_emr import LocalEmr
from checkout_assets_tests.local_emr.month_step import month_step
from checkout_assets_tests.orders_place import OrdersPlace
from checkout_assets_tests.published_lake import (
    Row,
    comparable,
    order_row,
    plain_rows,
    publish_rows,
)
from checkout_assets_tests.real_dagster import (
    START_SECONDS,
    Webserver,
    dagster_dev,
    kill_run,
    shipped_home,
    wait_until,
)
from spark_jobs.contract.keys import result_key
from spark_jobs.contract.order_types import OrderType
from spark_jobs.stores import Store

pytestmark = pytest.mark.slow

BOTH = "checkout_orders fulfillment_orders"
MONTHS = ["2018-10-01", "2018-11-01"]
UNITS = ["checkout-2018-10", "checkout-2018-11", "fulfillment-2018-10"]
FIRST = UNITS[0]


class MonthsInS3:
    """A lake in S3 with rows in three months, its catalog, and steps that wait for each other.

    The first month is compacted at once, the others when ``go_on`` is called.
    """

    def __init__(self, place: OrdersPlace, directory: Path) -> None:
        self.location = S3Location(place.raw.bucket, "lake/")
        self.lake: Store = self.location.open()
        self.catalog = f"sqlite:///{directory / 'catalog.db'}"
        self._flag = directory / "go-on"
        autumn = [order_row("1"), order_row("2", "2018-11-01T00:00:00Z")]
        publish_rows(self.lake, "00_CheckoutOrder", "run1", autumn)
        publish_rows(self.lake, "00_FulfillmentOrder", "run1", [order_row("9")])

    def step(self, arguments: Sequence[str], _: Path) -> Sequence[str]:
        waits = f"while [ ! -e '{self._flag}' ]; do sleep 0.1; done"
        return month_step(arguments, before="true" if arguments[-1] == FIRST else waits)

    def go_on(self) -> None:
        self._flag.touch()

    def written(self, run_id: str) -> list[str]:
        """The months whose steps have left a result."""
        return [unit for unit in UNITS if self.lake.size(result_key(unit, run_id)) is not None]

    def files(self, order_type: OrderType) -> list[str]:
        """The keys of the data files that the current snapshot names."""
        catalog = open_catalog(self.catalog, self.location)
        table = OrdersTable(catalog, self.location, order_type.table).load()
        tasks = table.scan().plan_files() if table is not None else ()
        return [task.file.file_path.removeprefix(f"{self.location.uri}/") for task in tasks]

    def assert_exact(self) -> None:
        for order_type in OrderType:
            held = [row for key in self.files(order_type) for row in self._rows(key)]
            plain = plain_rows(self.lake, order_type.table)
            assert comparable(held, order_type.table) == comparable(plain, order_type.table)

    def _rows(self, key: str) -> list[Row]:
        data = pa.BufferReader(self.lake.get(key).data)
        rows: list[Row] = pq.read_table(data).to_pylist()
        return rows


@pytest.fixture
def emr(aws: EmbeddedS3Server) -> Iterator[LocalEmr]:
    with LocalEmr(lambda _arguments, _place: ["false"]).running() as local:
        yield local


@pytest.fixture
def months(
    emr: LocalEmr, place: OrdersPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> MonthsInS3:
    """The shipped instance, and EMR chosen by the environment."""
    found = MonthsInS3(place, tmp_path)
    emr.command = found.step
    options = emr_options(emr, place.raw.bucket, tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(shipped_home(tmp_path)))
    monkeypatch.setenv("CHECKOUT_LAKE_URI", found.location.uri)
    monkeypatch.setenv("CHECKOUT_CATALOG", found.catalog)
    monkeypatch.setenv("CHECKOUT_FIRST_MONTH", MONTHS[0][:7])
    monkeypatch.setenv("CHECKOUT_STRUCTURE_ENGINE", "emr")
    monkeypatch.setenv("CHECKOUT_EMR", json.dumps(options))
    return found


@pytest.fixture
def server(months: MonthsInS3, tmp_path: Path) -> Iterator[Webserver]:
    with dagster_dev(tmp_path / "dagster.log") as found:
        yield found


def killed_run(server: Webserver, months: MonthsInS3) -> str:
    """A run that was killed when one month was written, and not committed, and two were not."""
    server.backfill(BOTH, MONTHS)
    with dg.DagsterInstance.get() as instance:
        wait_until(lambda: instance.get_runs_count() == 1, START_SECONDS)
        (run,) = (each.run_id for each in instance.get_runs())
        wait_until(lambda: months.written(run) == [FIRST], START_SECONDS)
        kill_run(instance, run)
    wait_until(lambda: server.status(run) == "FAILURE")
    assert months.written(run) == [FIRST]
    return run


def materialized(run: str) -> dict[str, list[str]]:
    """The months of each table that a run has materialized, one for each materialization."""
    with dg.DagsterInstance.get() as instance:
        return {
            order_type.table: sorted(
                str(record.partition_key)
                for record in instance.fetch_materializations(
                    order_table_key(order_type), limit=100
                ).records
                if record.run_id == run
            )
            for order_type in OrderType
        }


def test_after_the_run_s_process_was_killed_no_step_runs_twice_and_all_is_exact(
    emr: LocalEmr, months: MonthsInS3, server: Webserver
) -> None:
    """The steps that were running end when the next run watches them."""
    killed = killed_run(server, months)
    assert [months.files(each) for each in OrderType] == [[], []]
    again = server.reexecute(killed)
    wait_until(lambda: server.status(again) == "STARTED", START_SECONDS)
    months.go_on()
    wait_until(lambda: server.status(again) == "SUCCESS", START_SECONDS)

    (cluster,) = emr.clusters
    assert sorted(step.args[-1] for step in cluster.steps) == UNITS
    assert {step.state for step in cluster.steps} == {"COMPLETED"}
    assert emr.living() == []
    months.assert_exact()
    of_killed = {"checkout": [], "fulfillment": MONTHS[1:]}
    assert materialized(killed) == of_killed, "only the month without rows"
    assert materialized(again) == {"checkout": MONTHS, "fulfillment": MONTHS}
