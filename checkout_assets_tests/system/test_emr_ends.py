"""Runs on EMR that are ended from outside, with Dagster's real webserver, daemon and processes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster_aws.s3 import S3Resource

from checkout_assets.automation.orphan_clusters import orphan_clusters
from checkout_assets.resources.emr import EmrResource
from checkout_assets.resources.stores import Stores
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.dagster.orphans import look
from checkout_assets_tests.emr_place import emr_options
from checkout_assets_tests.local_emr.local_emr import LocalEmr
from checkout_assets_tests.orders_place import OrdersPlace
from checkout_assets_tests.real_dagster import (
    Webserver,
    dagster_dev,
    kill_run,
    shipped_home,
    wait_until,
)

pytestmark = pytest.mark.slow


@pytest.fixture
def emr(aws: EmbeddedS3Server) -> Iterator[LocalEmr]:
    """Steps that would take an hour."""
    with LocalEmr(lambda _arguments, _place: ["sleep", "3600"]).running() as local:
        yield local


@pytest.fixture
def deployment(emr: LocalEmr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The shipped instance, and EMR chosen by the environment; returns EMR's options."""
    place = OrdersPlace(tmp_path)
    options = emr_options(emr, place.raw.bucket, tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(shipped_home(tmp_path)))
    monkeypatch.setenv("CHECKOUT_RAW_URI", place.raw.uri)
    monkeypatch.setenv("CHECKOUT_LAKE_URI", f"s3://{place.raw.bucket}/lake")
    monkeypatch.setenv("CHECKOUT_STRUCTURE_ENGINE", "emr")
    monkeypatch.setenv("CHECKOUT_EMR", json.dumps(options))
    return options


@pytest.fixture
def webserver(deployment: dict[str, Any], tmp_path: Path) -> Iterator[Webserver]:
    with dagster_dev(tmp_path / "dagster.log") as server:
        yield server


def test_terminating_the_run_terminates_its_cluster(emr: LocalEmr, webserver: Webserver) -> None:
    run = webserver.launch("structured_orders")
    wait_until(lambda: len(emr.living()) == 1)
    webserver.terminate(run)
    wait_until(lambda: emr.living() == [])
    wait_until(lambda: webserver.status(run) == "CANCELED")


def test_the_cluster_of_a_killed_run_is_found_by_the_sensor(
    emr: LocalEmr, webserver: Webserver, deployment: dict[str, Any]
) -> None:
    run = webserver.launch("structured_orders")
    wait_until(lambda: len(emr.living()) == 1)
    with dg.DagsterInstance.get() as instance:
        kill_run(instance, run)
        wait_until(lambda: webserver.status(run) == "FAILURE")
        assert len(emr.living()) == 1
        engine = EmrResource(stores=Stores(s3=S3Resource()), **deployment)
        look(orphan_clusters, instance, structure_engine=engine)
    assert emr.living() == []
