"""What is sent to RunInstances: valid for EC2, as reviewed, safe, and complete in its tags."""

import json
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ParamValidationError
from botocore.validate import ParamValidator

from checkout_assets.engines.ec2.api import Ec2Api
from checkout_assets.engines.ec2.options import (
    OWNER_TAG,
    WORKER_TAG,
    Choice,
    Ec2Options,
)
from checkout_assets.engines.ec2.request import Image, Launch, client_token, launch_request
from checkout_assets.engines.fleet.tags import DEPLOYMENT_TAG, GROUP_TAG, RUN_ID_TAG

SNAPSHOTS = Path(__file__).parent / "snapshots"
RUN_ID = "8a4c7f6e-0000-4000-8000-000000000000"
LAUNCH = Launch(RUN_ID, "w001", "#!/bin/bash\necho 'the worker'\n")
IMAGE = Image("ami-0123456789abcdef0", "/dev/xvda")
OURS = {
    "Name": "orders w001",
    DEPLOYMENT_TAG: "orders",
    RUN_ID_TAG: RUN_ID,
    GROUP_TAG: "1",
    WORKER_TAG: "w001",
    OWNER_TAG: "data-platform",
}
DEFAULT = Ec2Options(
    deployment="orders",
    fleet_uri="s3://raw/fleet",
    security_group="sg-1",
    instance_profile="copy-workers",
    subnets=["subnet-1", "subnet-2"],
)
EVERY = Ec2Options(
    deployment="orders",
    fleet_uri="s3://raw/fleet",
    security_group="sg-1",
    instance_profile="arn:aws:iam::123456789012:instance-profile/copy-workers",
    subnets=["subnet-1", "subnet-2"],
    owner="analytics",
    instance_types=["m6i.4xlarge", "m5.4xlarge"],
    spot=True,
    volume_gb=50,
    volume_kms_key="arn:aws:kms:us-east-2:123456789012:key/of-volumes",
    public_ip=True,
    ssh_key="mine",
    ssh_cidr="203.0.113.7/32",
    tags={"team": "data"},
)
BOTH = pytest.mark.parametrize("options", [DEFAULT, EVERY], ids=["default", "every_option"])


def request(options: Ec2Options) -> dict[str, Any]:
    return launch_request(options, IMAGE, LAUNCH, options.choices[0])


def validate(sent: dict[str, Any]) -> None:
    model = botocore.session.get_session().get_service_model("ec2")
    shape = model.operation_model("RunInstances").input_shape
    assert shape is not None
    report = ParamValidator().validate(sent, shape)
    if report.has_errors():
        raise ParamValidationError(report=report.generate_report())


def tags(sent: dict[str, Any]) -> dict[str, dict[str, str]]:
    """By the kind of what carries them."""
    return {
        each["ResourceType"]: {tag["Key"]: tag["Value"] for tag in each["Tags"]}
        for each in sent["TagSpecifications"]
    }


@pytest.mark.parametrize(("name", "options"), [("default", DEFAULT), ("every_option", EVERY)])
def test_the_request_is_valid_and_as_reviewed(name: str, options: Ec2Options) -> None:
    """To change it: look at the difference, then write the new text into the snapshot."""
    sent = request(options)
    validate(sent)
    reviewed = (SNAPSHOTS / f"run_instances_{name}.json").read_text()
    assert json.dumps(sent, indent=1) + "\n" == reviewed


def test_a_member_ec2_does_not_know_is_seen() -> None:
    with pytest.raises(ParamValidationError, match="ShutdownBehavior"):
        validate({**request(DEFAULT), "ShutdownBehavior": "terminate"})


@BOTH
def test_instance_metadata_answer_only_to_a_token(options: Ec2Options) -> None:
    metadata = request(options)["MetadataOptions"]
    assert (metadata["HttpTokens"], metadata["HttpPutResponseHopLimit"]) == ("required", 1)


@BOTH
def test_a_shutdown_from_inside_terminates(options: Ec2Options) -> None:
    assert request(options)["InstanceInitiatedShutdownBehavior"] == "terminate"


@BOTH
def test_the_volume_is_encrypted_and_goes_with_its_instance(options: Ec2Options) -> None:
    (mapping,) = request(options)["BlockDeviceMappings"]
    assert mapping["DeviceName"] == IMAGE.root_device
    assert mapping["Ebs"]["Encrypted"] is True
    assert mapping["Ebs"]["DeleteOnTermination"] is True
    assert mapping["Ebs"].get("KmsKeyId", "") == options.volume_kms_key


@BOTH
def test_one_request_gives_one_instance(options: Ec2Options) -> None:
    sent = request(options)
    assert (sent["MinCount"], sent["MaxCount"]) == (1, 1)


@BOTH
def test_all_that_is_made_carries_the_tags(options: Ec2Options) -> None:
    carried = tags(request(options))
    expected = {**OURS, **options.tags, OWNER_TAG: options.owner}
    assert {"instance", "volume", "network-interface"} <= set(carried)
    assert all(each == expected for each in carried.values())
    assert ("spot-instances-request" in carried) == options.spot


@pytest.mark.parametrize("name", OURS)
def test_nobody_sets_the_tags_that_decide_what_is_terminated(name: str) -> None:
    carried = tags(
        request(DEFAULT.model_copy(update={"tags": {name: "not yours to set", "team": "data"}}))
    )
    assert all(each == {**OURS, "team": "data"} for each in carried.values())


def test_a_spot_instance_that_is_taken_back_never_comes_again() -> None:
    assert "InstanceMarketOptions" not in request(DEFAULT)
    spot = request(EVERY)["InstanceMarketOptions"]["SpotOptions"]
    assert spot == {"SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "terminate"}


def test_without_the_options_for_it_nobody_can_come_in_from_outside() -> None:
    sent = request(DEFAULT)
    assert sent["NetworkInterfaces"][0]["AssociatePublicIpAddress"] is False
    assert "KeyName" not in sent


def test_a_repeated_request_is_the_same_one() -> None:
    assert request(EVERY) == request(EVERY)


@pytest.mark.parametrize(
    ("launch", "choice"),
    [
        (replace(LAUNCH, worker="w002"), Choice("m5.4xlarge", "subnet-1")),
        (replace(LAUNCH, run_id="another"), Choice("m5.4xlarge", "subnet-1")),
        (LAUNCH, Choice("m6i.4xlarge", "subnet-1")),
        (LAUNCH, Choice("m5.4xlarge", "subnet-2")),
    ],
    ids=["worker", "run", "type", "subnet"],
)
def test_another_instance_has_another_client_token(launch: Launch, choice: Choice) -> None:
    token = client_token(LAUNCH, Choice("m5.4xlarge", "subnet-1"))
    assert token == request(DEFAULT)["ClientToken"]
    assert len(token) <= 64
    assert client_token(launch, choice) != token


def test_the_preferred_type_is_looked_for_in_every_subnet_first() -> None:
    assert [(each.instance_type, each.subnet) for each in EVERY.choices] == [
        ("m6i.4xlarge", "subnet-1"),
        ("m6i.4xlarge", "subnet-2"),
        ("m5.4xlarge", "subnet-1"),
        ("m5.4xlarge", "subnet-2"),
    ]


class WildcardClient:
    """EC2 as documented: in a filter's value ``*`` and ``?`` stand for other characters."""

    def __init__(self, *tags: dict[str, str]) -> None:
        self._tags = tags

    def get_paginator(self, _: str) -> "WildcardClient":
        return self

    def paginate(self, Filters: list[dict[str, Any]]) -> list[dict[str, Any]]:  # noqa: N803
        asked = {each["Name"]: each["Values"] for each in Filters}
        wanted = {name[4:]: values for name, values in asked.items() if name.startswith("tag:")}
        instances = [
            {
                "InstanceId": f"i-{number}",
                "State": {"Name": "running"},
                "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
            }
            for number, tags in enumerate(self._tags)
            if all(fnmatchcase(tags.get(key, ""), values[0]) for key, values in wanted.items())
        ]
        return [{"Reservations": [{"Instances": instances}]}]


@pytest.mark.parametrize("name", ["orders?", "order*", "*"])
def test_only_instances_of_the_very_deployment_and_run_are_found(name: str) -> None:
    other = {DEPLOYMENT_TAG: "orders2", RUN_ID_TAG: "nightly-2", WORKER_TAG: "w001"}
    client = WildcardClient(other, {**other, DEPLOYMENT_TAG: name}, {**other, RUN_ID_TAG: name})
    api = Ec2Api(client, client, client, dict)

    assert [each.id for each in api.find({DEPLOYMENT_TAG: name})] == ["i-1"]
    assert [each.id for each in api.find({DEPLOYMENT_TAG: "orders2", RUN_ID_TAG: name})] == ["i-2"]
