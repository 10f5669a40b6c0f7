"""The schedule ``compact_stale_months``: only months that are due, none of them twice."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from checkout_assets.assets.failed_months import month_failure, months_given_up
from checkout_assets.assets.order_tables import order_table_key
from checkout_assets.automation.compaction_schedule import build_compact_stale_months
from checkout_assets.definitions import build_defs, build_resources
from checkout_assets.domain.compaction.months import Month
from checkout_assets.domain.errors import MigrationError
from checkout_assets.engines.compacting.committing import MonthCompacted
from checkout_assets.settings import Settings
from checkout_assets_tests.dagster.test_order_tables import definitions, materialize
from checkout_assets_tests.published_lake import order_row, publish_rows
from spark_jobs.contract.failures import Failure
from spark_jobs.contract.keys import publication_record_key
from spark_jobs.contract.order_types import OrderType
from spark_jobs.contract.publication import PUBLISHING
from spark_jobs.stores import Store, open_store

FOLDER, OTHER = "0A_CheckoutOrder", "0B_CheckoutOrder"
AT = datetime(2018, 12, 24, 3, tzinfo=UTC)
DAYS = [f"2018-{month}-15T00:00:00Z" for month in ("06", "07", "09", "10", "12")]
CHECKOUT = order_table_key(OrderType.CHECKOUT)


@pytest.fixture
def lake(tmp_path: Path) -> Store:
    store = open_store(str(tmp_path / "lake"))
    publish_rows(store, FOLDER, "run1", [order_row(day, day) for day in DAYS])
    return store


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as found:
        yield found


def tick(lake: Store, instance: dg.DagsterInstance, first_month: str = "2018-01") -> Any:
    """What the schedule answers: ranges of months, or why there are none."""
    found = build_resources(Settings(lake_uri=lake.uri))["order_tables"]
    with dg.build_schedule_context(
        instance=instance, scheduled_execution_time=AT, resources={"order_tables": found}
    ) as context:
        told = build_compact_stale_months(first_month)(context)
    if isinstance(told, dg.SkipReason):
        return told.skip_message
    tags = [request.tags for request in told]
    assert len({request.run_key for request in told}) == len(told)
    return [
        f"{each['dagster/asset_partition_range_start']}..{each['dagster/asset_partition_range_end']}"
        for each in tags
    ]


def test_a_run_per_range_of_missing_months_is_requested(
    lake: Store, instance: dg.DagsterInstance
) -> None:
    assert tick(lake, instance) == [
        "2018-06-01..2018-07-01",
        "2018-09-01..2018-10-01",
        "2018-12-01..2018-12-01",
    ]


def test_a_year_s_end_is_no_gap(lake: Store, instance: dg.DagsterInstance) -> None:
    days = ["2017-12-31T00:00:00Z", "2018-01-01T00:00:00Z"]
    publish_rows(lake, FOLDER, "run1", [order_row(day, day) for day in days])
    assert tick(lake, instance, "2017-01") == ["2017-12-01..2018-01-01"]


def test_months_that_are_up_to_date_are_not_requested_until_they_are_stale(
    lake: Store, instance: dg.DagsterInstance
) -> None:
    assert materialize(lake, instance, "2018-01-01", "2018-12-01").success
    assert tick(lake, instance) == "No month is stale or missing that no run is at."
    publish_rows(lake, FOLDER, "run1", [order_row(day, day) for day in DAYS[:-1]])
    assert tick(lake, instance) == ["2018-12-01..2018-12-01"]


@pytest.mark.parametrize(
    "tags",
    [
        {"dagster/partition": "2018-09-01"},
        {
            "dagster/asset_partition_range_start": "2018-08-01",
            "dagster/asset_partition_range_end": "2018-09-01",
        },
    ],
)
@pytest.mark.parametrize("status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED])
def test_months_of_queued_and_running_runs_are_not_requested_again(
    lake: Store, instance: dg.DagsterInstance, tags: dict[str, str], status: dg.DagsterRunStatus
) -> None:
    job = definitions(lake, "2018-01").resolve_implicit_global_asset_job_def()
    subset = job.get_subset(asset_selection={CHECKOUT})
    instance.create_run_for_job(
        subset, tags=tags, status=status, asset_selection=frozenset({CHECKOUT})
    )
    assert tick(lake, instance) == [
        "2018-06-01..2018-07-01",
        "2018-10-01..2018-10-01",
        "2018-12-01..2018-12-01",
    ]


def test_a_month_that_was_refused_is_not_requested_again_until_its_contents_change(
    lake: Store, instance: dg.DagsterInstance
) -> None:
    publish_rows(lake, OTHER, "run1", [order_row("7", DAYS[0])])
    assert materialize(lake, instance, "2018-01-01", "2018-12-01").success
    lake.delete([publication_record_key(OTHER)])
    assert tick(lake, instance) == ["2018-06-01..2018-06-01"]
    assert not materialize(lake, instance, "2018-06-01", "2018-06-01").success
    assert tick(lake, instance) == (
        "No month is stale or missing that no run is at. 1 month failed before and is not tried "
        "again until a folder of the month is structured again: checkout 2018-06."
    )
    publish_rows(lake, OTHER, "run2", [order_row("7", DAYS[0])])
    assert tick(lake, instance) == ["2018-06-01..2018-06-01"]


def test_a_month_that_fails_in_passing_is_requested_for_three_runs(
    lake: Store, instance: dg.DagsterInstance
) -> None:
    gone = next(lake.list("consumable_tables/checkout/YEAR=2018/MONTH=06/")).key
    lake.delete([gone])
    for _ in range(3):
        assert tick(lake, instance)[0] == "2018-06-01..2018-07-01"
        assert not materialize(lake, instance, "2018-06-01", "2018-06-01").success
    assert tick(lake, instance)[0] == "2018-07-01..2018-07-01"


def test_repeated_attempts_of_a_run_count_once(lake: Store, instance: dg.DagsterInstance) -> None:
    engine = build_resources(Settings(lake_uri=lake.uri))["order_tables"].engine()
    status = engine.status(OrderType.CHECKOUT)[Month(2018, 6)]
    failed = MonthCompacted(
        status.contents, status.state, error="x", failure=Failure("FilesGone", transient=True)
    )
    for run in ("one", "one", "one", "two"):
        event = month_failure(CHECKOUT, "2018-06-01", failed, run)
        instance.report_runless_asset_event(event)
    assert months_given_up(instance, CHECKOUT, {"2018-06-01": status}, 3) == set()
    assert months_given_up(instance, CHECKOUT, {"2018-06-01": status}, 2) == {"2018-06-01"}


def test_months_without_a_partition_are_not_requested(
    lake: Store, instance: dg.DagsterInstance
) -> None:
    assert tick(lake, instance, "2018-10") == ["2018-10-01..2018-10-01", "2018-12-01..2018-12-01"]


def test_a_folder_that_is_being_published_is_waited_for(
    lake: Store, instance: dg.DagsterInstance
) -> None:
    publish_rows(lake, FOLDER, "run1", [order_row("1")], PUBLISHING)
    assert tick(lake, instance).startswith(f"{FOLDER} is being published")


def test_an_unreadable_record_fails_the_tick(lake: Store, instance: dg.DagsterInstance) -> None:
    lake.put(f"_published/{FOLDER}.json", b"{")
    with pytest.raises(MigrationError, match="unreadable-record"):
        tick(lake, instance)


def test_it_is_off_until_somebody_turns_it_on() -> None:
    schedule = build_compact_stale_months("2018-01")
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    assert schedule.job_name == "compact_analysts_tables"


def test_all_definitions_can_be_loaded_together() -> None:
    """A job and a step of the same name cannot, and Dagster finds that only in the whole."""
    build_defs(Settings()).get_repository_def().load_all_definitions()
