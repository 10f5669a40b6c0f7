"""What is sent to RunJobFlow: valid for EMR, as reviewed, and complete in its tags."""

import json
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import validate_parameters

from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.folders import ALL_FOLDERS, select_folders
from checkout_assets.engines.emr.options import EmrOptions, JobPackage, OrdersJob
from checkout_assets.engines.emr.request import (
    LONGEST_STEP,
    attempt_of,
    attempt_run_id,
    launch_request,
    parse_step_name,
    refuse_attempt_id,
    step_name,
    step_request,
)
from checkout_assets.packaging.contents import Artifact, Package, Role

SNAPSHOTS = Path(__file__).parent / "snapshots"
FOLDERS = select_folders(["00_CheckoutOrder..01_CheckoutOrder"])
RUN_ID = "8a4c7f6e-0000-4000-8000-000000000000"
PACKAGE = Package(
    "0.1.0",
    (
        Artifact(Role.SPARK_CODE, "spark_jobs-0.1.0-aa.zip", 1, "aa"),
        Artifact(Role.SPARK_SCRIPT, "structure_orders-0.1.0-bb.py", 1, "bb"),
        Artifact(Role.SPARK_DEPENDENCIES, "deps-cc.tar.gz", 1, "cc", "x86_64", "3.11"),
    ),
)
PLACE = "s3://artifacts/checkout-assets"
JOB = OrdersJob(
    JobPackage(f"{PLACE}/structure_orders-0.1.0-bb.py", PACKAGE.spark_options(PLACE, "x86_64")),
    "s3://raw/copies",
    "s3://lake/orders",
    "keep",
    "us-east-2",
)
GROUPS = EmrOptions(deployment="orders", log_uri="s3://logs/emr", subnets=["subnet-1", "subnet-2"])
FLEETS = EmrOptions(
    deployment="orders",
    log_uri="s3://logs/emr",
    subnets=["subnet-1", "subnet-2"],
    core_fleet_types=["c5.4xlarge", "c6i.4xlarge"],
    core_nodes=4,
    core_spot_nodes=3,
    security_configuration="at-rest",
    bootstrap_scripts=["s3://artifacts/prepare.sh"],
    configurations=[
        {"Classification": "spark-defaults", "Properties": {"spark.ui.enabled": "false"}},
    ],
    spark_config={"spark.executor.cores": "4"},
    tags={
        "team": "data",
        "checkout-assets:run-id": "not yours to set",
        "checkout-assets:group": "nor this one",
    },
    step_concurrency=2,
)


def request(options: EmrOptions) -> dict[str, Any]:
    steps = [step_request(options, JOB, folder.name, RUN_ID, 1) for folder in FOLDERS]
    return launch_request(options, RUN_ID, steps)


def validate(sent: dict[str, Any]) -> None:
    model = botocore.session.get_session().get_service_model("emr")
    shape = model.operation_model("RunJobFlow").input_shape
    assert shape is not None
    validate_parameters(sent, shape)


@pytest.mark.parametrize(("name", "options"), [("groups", GROUPS), ("fleets", FLEETS)])
def test_the_request_is_valid_and_as_reviewed(name: str, options: EmrOptions) -> None:
    """To change it: look at the difference, then write the new text into the snapshot."""
    sent = request(options)
    validate(sent)
    reviewed = (SNAPSHOTS / f"run_job_flow_{name}.json").read_text()
    assert json.dumps(sent, indent=1) + "\n" == reviewed


def test_a_member_emr_does_not_know_is_seen() -> None:
    from botocore.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError, match="StepConcurrency"):
        validate({**request(GROUPS), "StepConcurrency": 2})


def test_nobody_sets_the_tags_that_decide_what_is_terminated() -> None:
    tags = {tag["Key"]: tag["Value"] for tag in request(FLEETS)["Tags"]}
    assert tags == {
        "team": "data",
        "checkout-assets:run-id": RUN_ID,
        "checkout-assets:deployment": "orders",
        "checkout-assets:group": "1",
        "for-use-with-amazon-emr-managed-policies": "true",
    }


def test_every_step_continues_after_another_ones_failure() -> None:
    assert {step["ActionOnFailure"] for step in request(FLEETS)["Steps"]} == {"CONTINUE"}


def test_capacity_is_looked_for_in_one_subnet_after_another() -> None:
    used = [launch_request(GROUPS, RUN_ID, [], n)["Instances"]["Ec2SubnetId"] for n in range(3)]
    assert used == ["subnet-1", "subnet-2", "subnet-1"]


def test_a_step_that_emr_would_find_too_long_is_refused_before() -> None:
    options = GROUPS.model_copy(update={"spark_config": {"spark.long": "x" * LONGEST_STEP}})
    with pytest.raises(UsageError, match="exceed 10240 characters"):
        step_request(options, JOB, FOLDERS[0].name, RUN_ID, 1)


def test_step_names_tell_what_they_are_and_whose() -> None:
    for folder in (ALL_FOLDERS[0], ALL_FOLDERS[-1]):
        name = step_name(folder.name, 12, RUN_ID)
        assert parse_step_name(name, RUN_ID) == (folder.name, 12)
        assert parse_step_name(name, "another run") is None
    assert parse_step_name("somebody's own step", RUN_ID) is None


def test_no_two_attempts_share_an_id() -> None:
    ids = [attempt_run_id(RUN_ID, attempt) for attempt in (1, 2, 3)]
    assert len(set(ids)) == 3
    assert ids[0] == RUN_ID


@pytest.mark.parametrize("run_id", [RUN_ID, "nightly", "nightly-2", "a.b", "x_attempt", "_attempt"])
@pytest.mark.parametrize("attempt", [1, 2, 17])
def test_an_attempt_is_of_its_run_and_of_no_other(run_id: str, attempt: int) -> None:
    refuse_attempt_id(run_id)
    files = attempt_run_id(run_id, attempt)
    assert attempt_of(files, run_id) == attempt
    for other in (f"{run_id}2", f"{run_id}-2", run_id[:-1], f"{run_id}_attempt"):
        assert attempt_of(files, other) is None


def test_a_run_id_that_an_attempt_of_another_run_may_bear_is_refused() -> None:
    with pytest.raises(
        UsageError,
        match='run id "nightly_attempt2" is reserved for an attempt of the run "nightly"',
    ):
        refuse_attempt_id("nightly_attempt2")
