"""EC2 in Dagster's runs: each folder by its partition, every option checked before a launch."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterExecutionInterruptedError, Definitions
from dagster_aws.s3 import S3Resource

from checkout_assets.assets.folder_run import FolderRun
from checkout_assets.definitions import build_defs
from checkout_assets.domain.copying import CutOff
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.copying.cutoff import Origin, settle
from checkout_assets.resources.ec2 import Ec2Resource
from checkout_assets.resources.engines import LocalCopyResource
from checkout_assets.resources.stores import Stores
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets.settings import Settings
from checkout_assets_tests.dagster.conftest import FIRST_16, Dagster
from checkout_assets_tests.local_ec2.local_ec2 import PROFILE, REGION, LocalEc2, LocalInstance
from checkout_assets_tests.orders_place import OrdersPlace

RAW = "raw_orders"
TWO = FIRST_16[:2]
THREE = FIRST_16[:3]
OBJECTS = 3


@pytest.fixture
def ec2(aws: EmbeddedS3Server) -> Iterator[LocalEc2]:
    with LocalEc2().running() as local:
        yield local


@pytest.fixture
def place(aws: EmbeddedS3Server, tmp_path: Path) -> OrdersPlace:
    found = OrdersPlace(tmp_path)
    for folder in TWO:
        for number in range(OBJECTS):
            found.put(f"{folder}/A/id/{number}")
    return found


@pytest.fixture
def options(ec2: LocalEc2, place: OrdersPlace, package: Path) -> dict[str, Any]:
    """A configuration with a packaged worker to upload."""
    bucket = f"s3://{place.raw.bucket}"
    return {
        "stores": Stores(source_uri=place.source.uri, raw_uri=place.raw.uri, s3=S3Resource()),
        "region": REGION,
        "endpoint_url": ec2.api.endpoint_url,
        "package_uri": f"{bucket}/artifacts",
        "package_directory": str(package),
        "fleet_uri": f"{bucket}/fleet",
        "subnets": list(ec2.subnets),
        "security_group": ec2.security_group,
        "instance_profile": PROFILE,
        "variables": {
            "CHECKOUT_SOURCE_URI": place.source.uri,
            "CHECKOUT_RAW_URI": place.raw.uri,
        },
        "poll_seconds": 0.2,
        "launch_spread_seconds": 0,
    }


def die(ec2: LocalEc2) -> Any:
    def at_boot(instance: LocalInstance) -> None:
        instance.machine.command("aws", "#!/bin/bash\nexit 1\n")
        ec2.die(instance)

    return at_boot


def test_a_run_reports_each_folder_with_its_instance_and_attempts(
    dagster: Dagster, ec2: LocalEc2, options: dict[str, Any]
) -> None:
    """The third folder is empty at the source: it fails, its neighbours do not."""
    result = dagster.run(RAW, {"copy_engine": Ec2Resource(**options)}, THREE)
    assert not result.success
    assert dagster.materialized("raw_orders") == set(TWO)
    (instance,) = ec2.instances
    for each in dagster.materializations("raw_orders"):
        told = {name: value.value for name, value in each.metadata.items()}
        assert told["instance"] == instance.id
        assert told["attempts"] == 1
        assert told["objects"] == told["copied"] == OBJECTS
        assert str(told["copy_id"]).startswith(result.run_id)
    assert {
        one
        for one, told in dagster.checks("raw_orders", "every_object_copied").items()
        if told.passed
    } == set(TWO)
    (row,) = dagster.failure(result).metadata["failed_folders"].records
    assert row.data["folder"] == THREE[2]
    assert "missing or empty" in str(row.data["reason"])
    assert instance.id in str(row.data["reason"])
    assert instance.tags["checkout-assets:run-id"] == result.run_id
    said = [entry.user_message for entry in dagster.instance.all_logs(result.run_id)]
    assert any(f"Launched {instance.id} as w001 for 3 folders" in line for line in said)
    ec2.wait_until(lambda: not ec2.living())


def test_a_folder_of_a_replaced_instance_shows_its_second_attempt(
    dagster: Dagster, ec2: LocalEc2, options: dict[str, Any]
) -> None:
    ec2.prepare = [die(ec2)]
    assert dagster.run(RAW, {"copy_engine": Ec2Resource(**options)}, TWO[:1]).success
    (told,) = dagster.materializations("raw_orders")
    assert told.metadata["attempts"].value == 2
    assert told.metadata["instance"].value == ec2.instances[1].id


def test_a_cancelled_run_terminates_its_instance(
    dagster: Dagster, ec2: LocalEc2, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise DagsterExecutionInterruptedError

    monkeypatch.setattr(FolderRun, "_report", interrupted)
    assert not dagster.run(RAW, {"copy_engine": Ec2Resource(**options)}, TWO).success
    assert len(ec2.instances) == 1
    assert ec2.api.calls["TerminateInstances"] == 1
    ec2.wait_until(lambda: not ec2.living())


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"fleet_uri": ""}, "EC2 needs fleet_uri: set it to s3://bucket/prefix"),
        ({"package_uri": ""}, "EC2 needs package_uri"),
        ({"security_group": ""}, "EC2 needs security_group: set it to the id of one"),
        ({"instance_profile": ""}, "EC2 needs instance_profile"),
        ({"subnets": []}, "EC2 needs subnets: name at least one"),
        ({"fleet_uri": "fleet"}, "fleet_uri"),
        ({"package_uri": "dist"}, "package_uri"),
        ({"package_directory": "/nonexistent"}, "/nonexistent holds no package: run make package"),
        ({"package_directory": ""}, "run make package and upload it there"),
        ({"architecture": "arm64"}, "arm64"),
        ({"ssh_key": "mine"}, "SSH needs both ssh_key and ssh_cidr"),
        ({"ssh_cidr": "203.0.113.7/32"}, "SSH needs both ssh_key and ssh_cidr"),
        ({"ssh_cidr": "home", "ssh_key": "mine"}, 'ssh_cidr "home" is not an address range'),
        ({"ssh_cidr": "0.0.0.0/0", "ssh_key": "mine"}, "opens port 22 to all addresses"),
        ({"ssh_cidr": "::/0", "ssh_key": "mine"}, "opens port 22 to all addresses"),
        ({"tags": {"Name": "x"}}, 'The tag "Name" is set by AWS or by this program'),
        ({"tags": {"aws:x": "x"}}, 'The tag "aws:x" is set'),
        ({"tags": {"Checkout-Assets:run-id": "x"}}, 'The tag "Checkout-Assets:run-id" is set'),
        ({"poll_seconds": 451}, "poll_seconds 451 is too long for silence_minutes 30"),
    ],
)
def test_a_wrong_configuration_is_one_sentence_before_anything_is_launched(
    ec2: LocalEc2, options: dict[str, Any], wrong: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        Ec2Resource(**{**options, **wrong}).engine()
    assert ec2.api.calls == {}


@pytest.mark.parametrize("name", ["source", "raw"])
def test_instances_do_not_report_into_the_data(
    ec2: LocalEc2, options: dict[str, Any], place: OrdersPlace, name: str
) -> None:
    inside = f"{getattr(place, name).uri.rstrip('/')}/fleet"
    with pytest.raises(UsageError, match="fleet_uri"):
        Ec2Resource(**{**options, "fleet_uri": inside}).engine()
    assert ec2.api.calls == {}


def test_a_security_group_that_lets_somebody_in_is_refused_by_the_resource(
    ec2: LocalEc2, options: dict[str, Any]
) -> None:
    engine = Ec2Resource(**options)
    engine.api().allow_ssh(ec2.security_group, "203.0.113.7/32")
    with pytest.raises(UsageError, match="has 1 inbound rule:"):
        engine.engine()
    Ec2Resource(**{**options, "ssh_cidr": "203.0.113.7/32", "ssh_key": "mine"}).engine()


def test_settings_choose_the_engine_and_its_sensor() -> None:
    stores = {"source_uri": "s3://source", "raw_uri": "s3://raw", "as_of": "2021-03-04T00:00:00Z"}
    local = build_defs(Settings(**stores))
    assert "orphan_instances" not in [each.name for each in local.sensors or ()]
    ec2 = build_defs(Settings(**stores, copy_engine="ec2", ec2={"fleet_uri": "s3://fleet"}))
    assert "orphan_instances" in [each.name for each in ec2.sensors or ()]
    engine = (ec2.resources or {})["copy_engine"]
    assert isinstance(engine, Ec2Resource)
    assert engine.fleet_uri == "s3://fleet"
    assert engine.variables["CHECKOUT_RAW_URI"] == "s3://raw"
    assert engine.variables["CHECKOUT_AS_OF"].startswith("2021-03-04")
    Definitions.validate_loadable(ec2)


def test_the_environment_chooses_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"fleet_uri": "s3://fleet", "spot": True, "instance_types": ["m6i.4xlarge"]}
    monkeypatch.setenv("CHECKOUT_COPY_ENGINE", "ec2")
    monkeypatch.setenv("CHECKOUT_EC2", json.dumps(asked))
    engine = (build_defs().resources or {})["copy_engine"]
    assert isinstance(engine, Ec2Resource)
    chosen = engine.options()
    assert (chosen.fleet_uri, chosen.spot, chosen.instance_types) == (
        "s3://fleet",
        True,
        ["m6i.4xlarge"],
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"fleet_uri": "s3://', "CHECKOUT_EC2 is wrong: it is not JSON"),
        ('{"subnet": "subnet-1"}', 'EC2 has no option "subnet". It has .*subnets'),
        ('{"variables": {}}', 'EC2 has no option "variables"'),
        ('{"stores": {}}', 'EC2 has no option "stores"'),
        ('{"subnets": "subnet-1"}', 'EC2\'s option "subnets" is wrong'),
        ('{"instance_types": []}', 'EC2\'s option "instance_types" is wrong'),
        ('{"architecture": "sparc"}', 'EC2\'s option "architecture" is wrong'),
        ('{"ami": "newest"}', 'EC2\'s option "ami" is wrong'),
        ('{"most_instances": 0}', 'EC2\'s option "most_instances" is wrong'),
        ('{"silence_minutes": 1}', 'EC2\'s option "silence_minutes" is wrong'),
        ('{"spot": "perhaps"}', 'EC2\'s option "spot" is wrong'),
        ('{"ssh_key": "ours\\n"}', 'EC2\'s option "ssh_key" is wrong: it holds a line break'),
        ('{"subnets": ["subnet-1 "]}', 'EC2\'s option "subnets" is wrong: it begins or ends'),
        ('{"tags": {"team": " us"}}', 'EC2\'s option "tags" is wrong: it begins or ends'),
    ],
)
def test_a_wrong_option_is_told_by_its_name(
    monkeypatch: pytest.MonkeyPatch, text: str, sentence: str
) -> None:
    monkeypatch.setenv("CHECKOUT_COPY_ENGINE", "ec2")
    monkeypatch.setenv("CHECKOUT_EC2", text)
    with pytest.raises(UsageError, match=sentence):
        build_defs()


def test_another_source_is_refused_before_anything_is_launched(
    options: dict[str, Any], place: OrdersPlace
) -> None:
    old = "s3://old-orders/root"
    settle(place.raw.open(), CutOff.KEPT, Origin(old))
    with pytest.raises(UsageError, match=f"was copied from {old}, not from {place.source.uri}"):
        Ec2Resource(**options).engine()
    with pytest.raises(UsageError, match=f"was copied from {old}, not from {place.source.uri}"):
        LocalCopyResource(stores=options["stores"]).engine()

    meant = {**options["variables"], "CHECKOUT_REPLACES_SOURCE": f"{old}/"}
    Ec2Resource(**{**options, "variables": meant}).engine()
    LocalCopyResource(stores=options["stores"], replaces_source=f"{old}/").engine()
