"""The local EC2 behaves as EC2 does; one test for each thing that moto lacks."""

import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.ec2.models.instances import Instance
from moto.ec2.responses.instances import InstanceResponse

from checkout_assets_tests.local_ec2.local_ec2 import REGION, LocalEc2, LocalInstance
from checkout_assets_tests.local_quotas import ON_DEMAND_CODE, SPOT_CODE

LIVES = "#!/bin/bash\nexec sleep-for-real 60\n"
ENDS = "#!/bin/bash\nshutdown -h now\n"
HEARS = """#!/bin/bash
trap 'shutdown was heard; exit' TERM
shutdown can hear
sleep-for-real 60 &
wait
"""


@pytest.fixture
def ec2() -> Iterator[LocalEc2]:
    with LocalEc2().running() as local:
        local.prepare = [really_sleep] * 9
        yield local


@pytest.fixture
def client(ec2: LocalEc2) -> Any:
    return ec2.client("ec2")


def really_sleep(instance: LocalInstance) -> None:
    instance.machine.link("sleep", "sleep-for-real")


def launch(client: Any, ec2: LocalEc2, user_data: str = LIVES, **members: Any) -> str:
    launched = client.run_instances(
        MinCount=1,
        MaxCount=1,
        ImageId="ami-0123456789abcdef0",
        SubnetId=ec2.subnets[0],
        UserData=user_data,
        **members,
    )
    return str(launched["Instances"][0]["InstanceId"])


def told(client: Any, instance: str) -> dict[str, Any]:
    (reservation,) = client.describe_instances(InstanceIds=[instance])["Reservations"]
    (found,) = reservation["Instances"]
    return dict(found)


def state(client: Any, instance: str) -> str:
    return str(told(client, instance)["State"]["Name"])


def is_alive(instance: LocalInstance) -> bool:
    assert instance.process is not None
    return instance.process.poll() is None


def spot_notice(instance: LocalInstance) -> dict[str, str]:
    """As a worker asks for it; raises HTTPError while there is none."""
    url = f"{instance.metadata.url}/latest"
    lives = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
    asked = urllib.request.Request(f"{url}/api/token", headers=lives, method="PUT")
    token = urllib.request.urlopen(asked).read().decode()
    headers = {"X-aws-ec2-metadata-token": token}
    asked = urllib.request.Request(f"{url}/meta-data/spot/instance-action", headers=headers)
    return dict(json.load(urllib.request.urlopen(asked)))


def test_an_instance_boots_and_runs_its_user_data(ec2: LocalEc2, client: Any) -> None:
    name = launch(client, ec2, "#!/bin/bash\nshutdown -h +7\nexec sleep-for-real 60\n")
    (instance,) = ec2.instances
    assert instance.id == name
    ec2.wait_until(lambda: instance.machine.calls == ["shutdown -h +7"])
    assert state(client, name) == "running"
    assert is_alive(instance)
    assert ec2.living() == [name]


def test_user_data_come_in_base64_as_they_were_given(ec2: LocalEc2, client: Any) -> None:
    launch(client, ec2, ENDS)
    assert ec2.instances[0].user_data == ENDS
    (sent,) = ec2.api.launched()
    assert base64.b64decode(sent["UserData"]).decode() == ENDS


def test_tags_are_there_at_once_and_findable(ec2: LocalEc2, client: Any) -> None:
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "worker", "Value": "w001"}]}]
    name = launch(client, ec2, TagSpecifications=tags)
    assert ec2.instances[0].tags == {"worker": "w001"}
    found = client.describe_instances(Filters=[{"Name": "tag-key", "Values": ["worker"]}])
    assert [each["Instances"][0]["InstanceId"] for each in found["Reservations"]] == [name]


def test_a_repeated_client_token_gives_the_first_instance(ec2: LocalEc2, client: Any) -> None:
    first = launch(client, ec2, ClientToken="one")
    assert launch(client, ec2, ClientToken="one") == first
    assert [each.id for each in ec2.instances] == [first]
    assert launch(client, ec2, ClientToken="two") != first


@pytest.mark.parametrize(
    ("market", "code", "refusal"),
    [
        ({}, ON_DEMAND_CODE, "VcpuLimitExceeded"),
        (
            {"InstanceMarketOptions": {"MarketType": "spot"}},
            SPOT_CODE,
            "MaxSpotInstanceCountExceeded",
        ),
    ],
    ids=["on demand", "spot"],
)
def test_a_launch_above_a_quota_is_refused(
    ec2: LocalEc2, client: Any, market: dict[str, Any], code: str, refusal: str
) -> None:
    ec2.api.quotas.values[code] = 5
    chosen = {"InstanceType": "m5.xlarge", **market}
    first = launch(client, ec2, ClientToken="one", **chosen)
    with pytest.raises(ClientError) as raised:
        launch(client, ec2, ClientToken="two", **chosen)
    assert raised.value.response["Error"]["Code"] == refusal
    assert launch(client, ec2, ClientToken="one", **chosen) == first
    assert len(ec2.instances) == 1


def test_a_quota_is_told_and_one_without_a_value_is_not(ec2: LocalEc2) -> None:
    ec2.api.quotas.values = {ON_DEMAND_CODE: 5}
    client = ec2.client("service-quotas")
    told = client.get_service_quota(ServiceCode="ec2", QuotaCode=ON_DEMAND_CODE)
    assert told["Quota"]["Value"] == 5
    with pytest.raises(ClientError) as raised:
        client.get_service_quota(ServiceCode="ec2", QuotaCode=SPOT_CODE)
    assert raised.value.response["Error"]["Code"] == "NoSuchResourceException"


def test_a_client_token_with_other_parameters_is_refused(ec2: LocalEc2, client: Any) -> None:
    launch(client, ec2, ClientToken="one")
    with pytest.raises(ClientError) as raised:
        launch(client, ec2, ENDS, ClientToken="one")
    assert raised.value.response["Error"]["Code"] == "IdempotentParameterMismatch"
    assert len(ec2.instances) == 1


def test_terminating_asks_processes_to_end_and_then_cuts_the_power(
    ec2: LocalEc2, client: Any
) -> None:
    name = launch(client, ec2)
    (instance,) = ec2.instances
    (answer,) = client.terminate_instances(InstanceIds=[name])["TerminatingInstances"]
    assert answer["PreviousState"]["Name"] == "running"
    assert answer["CurrentState"]["Name"] in {"shutting-down", "terminated"}
    ec2.wait_until(lambda: state(client, name) == "terminated")
    assert not is_alive(instance)
    assert told(client, name)["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    assert ec2.living() == []


def test_terminating_again_changes_nothing(ec2: LocalEc2, client: Any) -> None:
    name = launch(client, ec2)
    for _ in range(2):
        client.terminate_instances(InstanceIds=[name])
        ec2.wait_until(lambda: state(client, name) == "terminated")


def test_processes_have_time_to_say_how_it_ended(ec2: LocalEc2, client: Any) -> None:
    name = launch(client, ec2, HEARS)
    (instance,) = ec2.instances
    ec2.wait_until(lambda: instance.machine.calls == ["shutdown can hear"])
    client.terminate_instances(InstanceIds=[name])
    ec2.wait_until(lambda: state(client, name) == "terminated")
    assert instance.machine.calls[-1] == "shutdown was heard"


def test_a_shutdown_from_inside_terminates(ec2: LocalEc2, client: Any) -> None:
    name = launch(client, ec2, ENDS)
    ec2.wait_until(lambda: state(client, name) == "terminated")
    assert told(client, name)["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"


def test_a_script_that_ends_without_a_shutdown_leaves_the_instance_running(
    ec2: LocalEc2, client: Any
) -> None:
    """It costs money until somebody ends it."""
    name = launch(client, ec2, "#!/bin/bash\nexit 3\n")
    (instance,) = ec2.instances
    ec2.wait_until(lambda: not is_alive(instance))
    assert state(client, name) == "running"
    assert ec2.living() == [name]


def test_a_death_comes_without_a_word(ec2: LocalEc2, client: Any) -> None:
    name = launch(client, ec2, HEARS)
    (instance,) = ec2.instances
    ec2.wait_until(lambda: instance.machine.calls == ["shutdown can hear"])
    ec2.die(instance)
    assert not is_alive(instance)
    assert instance.machine.calls == ["shutdown can hear"]
    assert state(client, name) == "terminated"
    assert told(client, name)["StateReason"]["Code"] == "Server.InternalError"


def test_a_spot_instance_is_taken_back_after_a_notice(ec2: LocalEc2, client: Any) -> None:
    name = launch(client, ec2)
    (instance,) = ec2.instances
    with pytest.raises(urllib.error.HTTPError, match="404"):
        spot_notice(instance)
    ec2.take_back(instance)
    assert spot_notice(instance)["action"] == "terminate"
    assert state(client, name) == "running"
    assert is_alive(instance)
    instance.machine.power_off()
    ec2.wait_until(lambda: state(client, name) == "terminated")
    assert told(client, name)["StateReason"]["Code"] == "Server.SpotInstanceTermination"


def test_a_frozen_instance_runs_and_does_nothing(ec2: LocalEc2, client: Any) -> None:
    ec2.frozen = True
    name = launch(client, ec2, ENDS)
    assert state(client, name) == "running"
    assert ec2.instances[0].process is None
    client.terminate_instances(InstanceIds=[name])
    ec2.wait_until(lambda: state(client, name) == "terminated")


def test_calls_are_answered_wrongly_as_told(ec2: LocalEc2) -> None:
    """``lost:`` is what makes a request's answer be lost, not the request."""
    client = boto3.client(
        "ec2",
        region_name=REGION,
        endpoint_url=ec2.api.endpoint_url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"mode": "standard", "total_max_attempts": 1}),
    )
    ec2.api.answers = {"RunInstances": ["InsufficientInstanceCapacity", "lost:InternalError"]}
    for code, there in (("InsufficientInstanceCapacity", 0), ("InternalError", 1)):
        with pytest.raises(ClientError) as raised:
            launch(client, ec2)
        assert raised.value.response["Error"]["Code"] == code
        assert len(ec2.instances) == there
    assert launch(client, ec2) == ec2.instances[1].id


def test_nothing_is_left_of_it_afterwards() -> None:
    before = (InstanceResponse.run_instances, Instance.terminate)
    with LocalEc2().running() as ec2:
        ec2.prepare = [really_sleep]
        launch(ec2.client("ec2"), ec2)
        (instance,) = ec2.instances
        assert (InstanceResponse.run_instances, Instance.terminate) != before
    assert not is_alive(instance)
    assert (InstanceResponse.run_instances, Instance.terminate) == before
    with LocalEc2().running() as ec2:
        assert ec2.client("ec2").describe_instances()["Reservations"] == []
