"""The analysts' tables as assets: monthly partitions, one outcome per month, and their checks."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run

from checkout_assets.assets.order_table_checks import NONE_BEFORE, UP_TO_DATE
from checkout_assets.assets.order_tables import build_order_tables, order_table_key
from checkout_assets.assets.runbook import Runbook
from checkout_assets.definitions import build_resources
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.compacting.engine import Compactor
from checkout_assets.resources.emr import EmrOrderTablesResource
from checkout_assets.resources.order_tables import LocalOrderTablesResource, OrderTablesResource
from checkout_assets.settings import Settings
from checkout_assets_tests.in_process_spark import InProcessSpark
from checkout_assets_tests.published_lake import order_row, publish_rows
from spark_jobs.contract.order_types import OrderType
from spark_jobs.stores import Store, open_store

CHECKOUT = order_table_key(OrderType.CHECKOUT)
FOLDER = "0A_CheckoutOrder"


class InProcess(LocalOrderTablesResource):
    """The resource, without Java."""

    def engine(self) -> Compactor:
        engine = super().engine()
        engine._writer._session = InProcessSpark  # type: ignore[attr-defined]
        return engine


@pytest.fixture
def lake(tmp_path: Path) -> Store:
    store = open_store(str(tmp_path / "lake"))
    publish_rows(store, FOLDER, "run1", [order_row("1"), order_row("2", "2018-11-01T00:00:00Z")])
    return store


def definitions(lake: Store, first_month: str) -> dg.Definitions:
    found = build_resources(Settings(lake_uri=lake.uri))["order_tables"]
    resource = InProcess(**{name: getattr(found, name) for name in type(found).model_fields})
    return dg.Definitions(
        assets=[build_order_tables(Runbook(), first_month, lake.uri)],
        resources={"order_tables": resource},
        executor=dg.in_process_executor,
    )


def materialize(
    lake: Store, instance: dg.DagsterInstance, first: str, last: str, first_month: str = "2018-01"
) -> dg.ExecuteInProcessResult:
    defs = definitions(lake, first_month)
    job = defs.resolve_implicit_global_asset_job_def()
    ends = {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
    tags = {"dagster/partition": first} if first == last else ends
    return job.execute_in_process(instance=instance, tags=tags, raise_on_error=False)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as found:
        yield found


def checks(result: dg.ExecuteInProcessResult) -> dict[tuple[str, str], bool]:
    return {
        (each.asset_key.to_user_string(), each.check_name): each.passed
        for each in result.get_asset_check_evaluations()
    }


def test_a_range_of_months_is_told_month_by_month(
    lake: Store, instance: dg.DagsterInstance
) -> None:
    result = materialize(lake, instance, "2018-09-01", "2018-12-01")
    assert result.success
    rows = {
        record.partition_key: record.asset_materialization.metadata[
            "dagster/partition_row_count"
        ].value
        for record in instance.fetch_materializations(CHECKOUT, limit=10).records
        if record.asset_materialization
    }
    assert rows == {"2018-09-01": 0, "2018-10-01": 1, "2018-11-01": 1, "2018-12-01": 0}
    assert all(checks(result).values())
    assert len(checks(result)) == 4


def test_a_month_alone_leaves_the_others_stale(lake: Store, instance: dg.DagsterInstance) -> None:
    result = materialize(lake, instance, "2018-10-01", "2018-10-01")
    assert result.success
    (event,) = result.asset_materializations_for_node("compact_months")[:1]
    assert event.partition == "2018-10-01"
    found = checks(result)
    assert found["checkout_orders", UP_TO_DATE] is False
    assert found["fulfillment_orders", UP_TO_DATE] is True


def test_checks_run_alone_and_write_nothing(lake: Store, instance: dg.DagsterInstance) -> None:
    defs = definitions(lake, "2018-01")
    keys = {dg.AssetCheckKey(CHECKOUT, UP_TO_DATE), dg.AssetCheckKey(CHECKOUT, NONE_BEFORE)}
    job = defs.resolve_implicit_global_asset_job_def().get_subset(
        asset_selection=set(), asset_check_selection=keys
    )
    result = job.execute_in_process(instance=instance)
    assert checks(result) == {
        ("checkout_orders", UP_TO_DATE): False,
        ("checkout_orders", NONE_BEFORE): True,
    }
    assert not list(lake.list("orders/checkout/"))


def test_rows_before_the_first_month_are_reported(
    lake: Store, instance: dg.DagsterInstance
) -> None:
    result = materialize(lake, instance, "2018-11-01", "2018-11-01", first_month="2018-11")
    assert checks(result)["checkout_orders", NONE_BEFORE] is False


def test_a_month_that_fails_is_named_and_its_neighbour_is_materialized(
    lake: Store, instance: dg.DagsterInstance
) -> None:
    october = next(lake.list("consumable_tables/checkout/YEAR=2018/MONTH=10/"))
    lake.delete([october.key])
    result = materialize(lake, instance, "2018-10-01", "2018-11-01")
    assert not result.success
    failed = result.failure_data_for_node("compact_months")
    assert failed is not None
    assert "1 of 4 months failed: checkout 2018-10" in str(failed)
    partitions = instance.get_materialized_partitions(CHECKOUT)
    assert partitions == {"2018-11-01"}


def test_months_are_compacted_where_folders_are_structured() -> None:
    here = build_resources(Settings())["order_tables"]
    emr = build_resources(Settings(structure_engine="emr", compacted_file_mb=7))["order_tables"]
    assert isinstance(here, LocalOrderTablesResource)
    assert isinstance(emr, EmrOrderTablesResource)
    assert emr.compacted_file_bytes == 7_000_000
    with pytest.raises(UsageError, match="EMR needs package_uri"):
        emr.engine()


@pytest.mark.parametrize("attaches", [True, False])
def test_only_an_engine_that_attaches_again_gets_the_first_run_s_id(
    lake: Store, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, attaches: bool
) -> None:
    """On this machine a second run of that id would replace files that the table names."""
    seen: list[str] = []

    def run(_self: Compactor, _asked: object, run_id: str, **_: object) -> Iterator[object]:
        seen.append(run_id)
        return iter(())

    monkeypatch.setattr(Compactor, "run", run)
    monkeypatch.setattr(OrderTablesResource, "attaches_again", attaches)
    job = definitions(lake, "2018-01").resolve_implicit_global_asset_job_def()
    first = instance.create_run_for_job(job)
    again = instance.create_run_for_job(
        job,
        tags={"dagster/partition": "2018-10-01"},
        root_run_id=first.run_id,
        parent_run_id=first.run_id,
    )
    execute_run(InMemoryJob(job), again, instance)
    assert seen == [first.run_id if attaches else again.run_id]
