"""The job ``plan`` lists the source and says what a migration takes."""

from pathlib import Path

import dagster as dg
import pytest

from checkout_assets.definitions import build_defs
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets.settings import Settings
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace

OP = "plan_migration"


def run_plan(source_uri: str) -> dg.ExecuteInProcessResult:
    settings = Settings(source_uri=source_uri)
    job = build_defs(settings).resolve_job_def("plan")
    config = {"ops": {OP: {"config": {"folders": [FOLDER]}}}}
    return job.execute_in_process(run_config=config, raise_on_error=False)


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
    assert result.success
    (output,) = (
        each for each in result.all_events if each.event_type is dg.DagsterEventType.STEP_OUTPUT
    )
    told = output.step_output_data.metadata
    assert (told["objects"].value, told["documents"].value) == (2, 1)
    stages = [record.data["stage"] for record in told["estimates"].records]
    assert stages == ["copy"] * 3 + ["structure"] * 3


def test_a_source_that_does_not_exist_fails_in_one_sentence(place: OrdersPlace) -> None:
    result = run_plan(f"{place.source.uri.replace('source-', 'nowhere-')}")
    assert not result.success
    assert (
        "The source s3://nowhere-" in result.failure_data_for_node(OP).user_failure_data.description
    )
