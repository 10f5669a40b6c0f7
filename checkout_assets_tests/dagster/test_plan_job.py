"""The job ``plan`` lists the source and says what a migration takes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from checkout_assets.definitions import build_defs
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets.settings import Settings
from checkout_assets_tests.inventory_double import made_inventory, row
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace

OP = "plan_migration"


def run_plan(source_uri: str, prices: str = "", **config: str) -> dg.ExecuteInProcessResult:
    settings = Settings(source_uri=source_uri, prices=prices)
    job = build_defs(settings).resolve_job_def("plan")
    run_config = {"ops": {OP: {"config": {"folders": [FOLDER], **config}}}}
    return job.execute_in_process(run_config=run_config, raise_on_error=False)


def metadata_of(result: dg.ExecuteInProcessResult) -> Mapping[str, dg.MetadataValue[Any]]:
    """The metadata of the run's only output."""
    assert result.success
    (output,) = (
        each for each in result.all_events if each.event_type is dg.DagsterEventType.STEP_OUTPUT
    )
    return output.step_output_data.metadata


@pytest.fixture
def place(aws: EmbeddedS3Server, tmp_path: Path) -> OrdersPlace:
    """A folder with one document and one side object."""
    assert aws.endpoint_url
    found = OrdersPlace(tmp_path)
    found.put(f"{FOLDER}/A/id/1")
    found.put(f"{FOLDER}/side")
    return found


def test_the_job_shows_what_the_command_does(place: OrdersPlace) -> None:
    result = run_plan(place.source.uri)
    told = metadata_of(result)
    assert (told["objects"].value, told["documents"].value) == (2, 1)
    stages = [record.data["stage"] for record in told["estimates"].records]
    assert stages == ["copy"] * 3 + ["structure"] * 3


def test_the_job_plans_for_an_inventory_and_lists_nothing(tmp_path: Path) -> None:
    made = made_inventory("CSV", [row(f"root/{FOLDER}/A/id/1", 7)])
    result = run_plan("s3://orders/root", inventory=str(made.lay_out(tmp_path)))
    told = metadata_of(result)
    assert (told["objects"].value, told["bytes"].value) == (1, 7)
    assert told["inventory_of"].value == "2026-11-22T01:00:00+00:00"


def test_the_job_uses_the_prices_of_the_setting(place: OrdersPlace) -> None:
    result = run_plan(place.source.uri, prices="/no-such.toml")
    assert not result.success
    told = result.failure_data_for_node(OP).user_failure_data.description
    assert told.startswith("The price table /no-such.toml cannot be read")


def test_a_source_that_does_not_exist_fails_in_one_sentence(place: OrdersPlace) -> None:
    result = run_plan(f"{place.source.uri.replace('source-', 'nowhere-')}")
    assert not result.success
    assert (
        "The source s3://nowhere-" in result.failure_data_for_node(OP).user_failure_data.description
    )
