"""Runs on EC2 that are ended from outside, with Dagster's real webserver, daemon and processes."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster_aws.s3 import S3Resource

from checkout_assets.automation.orphan_instances import orphan_instances
from checkout_assets.domain.folders import FOLDER_NAMES
from checkout_assets.engines.worker.reports import WorkerOutcome, WorkerReports, worker_prefix
from checkout_assets.resources.ec2 import Ec2Resource
from checkout_assets.resources.stores import Stores
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.dagster.orphans import look
from checkout_assets_tests.fault_proxy import RESET, Answer, FaultProxy, Request
from checkout_assets_tests.local_ec2.local_ec2 import PROFILE, REGION, LocalEc2, LocalInstance
from checkout_assets_tests.orders_place import OrdersPlace
from checkout_assets_tests.real_dagster import (
    Webserver,
    dagster_dev,
    kill_run,
    shipped_home,
    wait_until,
)
from spark_jobs.stores import open_store

pytestmark = pytest.mark.slow

FIRST, *REST = FOLDER_NAMES[:4]
_HELD_SECONDS = 20.0
"""A worker that is told to end waits for the requests under way."""


@pytest.fixture
def ec2(place: OrdersPlace) -> Iterator[LocalEc2]:
    with LocalEc2().running() as local:
        yield local


@pytest.fixture
def held(aws: EmbeddedS3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Set when the first folder is copied and the others never will be."""
    over, found = threading.Event(), threading.Event()

    def rule(request: Request) -> Answer | None:
        if request.is_copy and f"/{FIRST}/" not in request.path:
            found.set()
            over.wait(_HELD_SECONDS)
            return Answer(RESET)
        return None

    with FaultProxy(aws.endpoint_url).serving() as proxy:
        proxy.rule = rule
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint_url)
        yield found
        over.set()


@pytest.fixture
def deployment(
    place: OrdersPlace,
    ec2: LocalEc2,
    package: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, Any]:
    """The shipped instance, and EC2 chosen by the environment; returns EC2's options."""
    for folder in (FIRST, *REST):
        place.put(f"{folder}/A/id/1")
    bucket = f"s3://{place.raw.bucket}"
    options = {
        "region": REGION,
        "endpoint_url": ec2.api.endpoint_url,
        "package_uri": f"{bucket}/artifacts",
        "package_directory": str(package),
        "fleet_uri": f"{bucket}/fleet",
        "subnets": ec2.subnets,
        "security_group": ec2.security_group,
        "instance_profile": PROFILE,
        "poll_seconds": 1,
        "launch_spread_seconds": 0,
    }
    monkeypatch.setenv("DAGSTER_HOME", str(shipped_home(tmp_path)))
    monkeypatch.setenv("CHECKOUT_SOURCE_URI", place.source.uri)
    monkeypatch.setenv("CHECKOUT_RAW_URI", place.raw.uri)
    monkeypatch.setenv("CHECKOUT_COPY_ENGINE", "ec2")
    monkeypatch.setenv("CHECKOUT_EC2", json.dumps(options))
    return options


@pytest.fixture
def webserver(
    deployment: dict[str, Any], held: threading.Event, tmp_path: Path
) -> Iterator[Webserver]:
    with dagster_dev(tmp_path / "dagster.log") as server:
        yield server


def first_is_copied(instance: dg.DagsterInstance) -> bool:
    return set(instance.get_materialized_partitions(dg.AssetKey("raw_orders"))) == {FIRST}


def impatient(instance: LocalInstance) -> None:
    """The least of the option is five minutes; this instance waits one."""
    assert "silence_minutes=30\n" in instance.user_data
    instance.user_data = instance.user_data.replace("silence_minutes=30\n", "silence_minutes=1\n")


def test_terminating_the_run_terminates_its_instance(
    ec2: LocalEc2, webserver: Webserver, held: threading.Event, place: OrdersPlace
) -> None:
    run = webserver.launch("raw_orders")
    with dg.DagsterInstance.get() as instance:
        wait_until(lambda: held.is_set() and first_is_copied(instance))
        assert len(ec2.living()) == 1
        webserver.terminate(run)
        wait_until(lambda: ec2.living() == [])
        wait_until(lambda: webserver.status(run) == "CANCELED")
        assert first_is_copied(instance)
    assert len(ec2.instances) == 1
    assert [name for name in (FIRST, *REST) if place.record(name)] == [FIRST]


def test_the_instance_of_a_killed_run_is_found_by_the_sensor(
    ec2: LocalEc2, webserver: Webserver, held: threading.Event, deployment: dict[str, Any]
) -> None:
    run = webserver.launch("raw_orders")
    with dg.DagsterInstance.get() as instance:
        wait_until(lambda: held.is_set() and first_is_copied(instance))
        kill_run(instance, run)
        wait_until(lambda: webserver.status(run) == "FAILURE")
        assert len(ec2.living()) == 1
        engine = Ec2Resource(stores=Stores(s3=S3Resource()), **deployment)
        look(orphan_instances, instance, copy_engine=engine)
        wait_until(lambda: ec2.living() == [])
        assert first_is_copied(instance)


def test_an_instance_that_nobody_listens_to_ends_itself(
    ec2: LocalEc2, webserver: Webserver, held: threading.Event, deployment: dict[str, Any]
) -> None:
    """Nobody calls the sensor; the daemon looks every five minutes only."""
    ec2.prepare = [impatient]
    run = webserver.launch("raw_orders")
    with dg.DagsterInstance.get() as instance:
        wait_until(lambda: held.is_set() and first_is_copied(instance))
        kill_run(instance, run)
    wait_until(lambda: ec2.living() == [])
    (gone,) = ec2.instances
    assert gone.told.state_reason.code == "Client.InstanceInitiatedShutdown"
    reports = WorkerReports(open_store(deployment["fleet_uri"]), worker_prefix(run, "w001"))
    end = reports.ended()
    assert end is not None
    assert end.outcome is WorkerOutcome.UNHEARD
    assert {folder.name: each.ok for folder, each in reports.results().items()} == {FIRST: True}
