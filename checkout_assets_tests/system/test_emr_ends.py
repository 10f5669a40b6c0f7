"""Runs on EMR that are ended from outside, with Dagster's real webserver, daemon and processes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from checkout_assets.automation.orphan_clusters import orphan_clusters
from checkout_assets.domain.folders import FOLDER_NAMES
from checkout_assets.resources.emr import EmrEngine
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.emr_place import build_job
from checkout_assets_tests.local_emr.local_emr import REGION, LocalEmr
from checkout_assets_tests.orders_place import OrdersPlace

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 180
END_SECONDS = 120
LAUNCH = """
mutation ($start: String!, $end: String!, $location: String!) {
  launchRun(executionParams: {
    mode: "default"
    selector: {repositoryName: "__repository__", repositoryLocationName: $location,
               pipelineName: "__ASSET_JOB", assetSelection: [{path: ["structured_orders"]}]}
    executionMetadata: {tags: [{key: "dagster/asset_partition_range_start", value: $start},
                               {key: "dagster/asset_partition_range_end", value: $end}]}
  }) { __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } }
}
"""
TERMINATE = """
mutation ($run: String!) {
  terminateRun(runId: $run) { __typename ... on PythonError { message } }
}
"""
STATUS = "query ($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"
LOCATIONS = "query { workspaceOrError { ... on Workspace { locationEntries { name } } } }"


class Webserver:
    """What a browser says to it."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/graphql"

    def ask(self, query: str, **variables: str) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            self._url, body, {"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            told = json.loads(answer.read())
        assert "errors" not in told, told
        return told["data"]

    def launch(self) -> str:
        (location,) = self.ask(LOCATIONS)["workspaceOrError"]["locationEntries"]
        told = self.ask(
            LAUNCH, start=FOLDER_NAMES[0], end=FOLDER_NAMES[3], location=location["name"]
        )["launchRun"]
        assert told["__typename"] == "LaunchRunSuccess", told
        return str(told["run"]["runId"])

    def status(self, run: str) -> str:
        return str(self.ask(STATUS, run=run)["runOrError"]["status"])


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        with suppress(OSError):
            if condition():
                return
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def emr(aws: EmbeddedS3Server) -> Iterator[LocalEmr]:
    """Steps that would take an hour."""
    with LocalEmr(lambda _arguments, _place: ["sleep", "3600"]).running() as local:
        yield local


@pytest.fixture
def deployment(emr: LocalEmr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The shipped instance, and EMR chosen by the environment; returns EMR's options."""
    place = OrdersPlace(tmp_path)
    build_job(tmp_path / "dist")
    bucket = f"s3://{place.raw.bucket}"
    options = {
        "region": REGION,
        "endpoint_url": emr.api.endpoint_url,
        "package_uri": f"{bucket}/artifacts",
        "package_directory": str(tmp_path / "dist"),
        "log_uri": f"{bucket}/logs",
        "poll_seconds": 1,
        "launch_spread_seconds": 0,
    }
    home = tmp_path / "dagster"
    home.mkdir()
    shipped = (ROOT / "docs" / "deploy" / "dagster.yaml").read_text()
    (home / "dagster.yaml").write_text(shipped)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.setenv("CHECKOUT_RAW_URI", place.raw.uri)
    monkeypatch.setenv("CHECKOUT_LAKE_URI", f"{bucket}/lake")
    monkeypatch.setenv("CHECKOUT_STRUCTURE_ENGINE", "emr")
    monkeypatch.setenv("CHECKOUT_EMR", json.dumps(options))
    return options


@pytest.fixture
def webserver(deployment: dict[str, Any], tmp_path: Path) -> Iterator[Webserver]:
    port = free_port()
    with (
        (tmp_path / "dagster.log").open("wb") as log,
        _ended_at_exit(
            subprocess.Popen(
                [
                    *(sys.executable, "-m", "dagster", "dev", "-m", "checkout_assets.definitions"),
                    *("-h", "127.0.0.1", "-p", str(port)),
                ],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        ),
    ):
        server = Webserver(port)
        wait_until(lambda: bool(server.ask(LOCATIONS)), START_SECONDS)
        yield server


@contextmanager
def _ended_at_exit(process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """Its whole group ends with the test: Dagster's children have been seen to stay."""
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(30)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_terminating_the_run_terminates_its_cluster(emr: LocalEmr, webserver: Webserver) -> None:
    run = webserver.launch()
    wait_until(lambda: len(emr.living()) == 1, END_SECONDS)
    told = webserver.ask(TERMINATE, run=run)["terminateRun"]
    assert told["__typename"] == "TerminateRunSuccess", told
    wait_until(lambda: emr.living() == [], END_SECONDS)
    wait_until(lambda: webserver.status(run) == "CANCELED", END_SECONDS)


def test_the_cluster_of_a_killed_run_is_found_by_the_sensor(
    emr: LocalEmr, webserver: Webserver, deployment: dict[str, Any]
) -> None:
    run = webserver.launch()
    wait_until(lambda: len(emr.living()) == 1, END_SECONDS)
    with dg.DagsterInstance.get() as instance:
        os.kill(_process_of(instance, run), signal.SIGKILL)
        wait_until(lambda: webserver.status(run) == "FAILURE", END_SECONDS)
        assert len(emr.living()) == 1
        engine = EmrEngine(stores=_no_stores(), **deployment)
        given = {"structure_engine": engine}
        with dg.build_sensor_context(instance=instance, resources=given) as context:
            orphan_clusters(context)
    assert emr.living() == []


def _process_of(instance: dg.DagsterInstance, run: str) -> int:
    """The run's process, as its own first event tells."""
    for entry in instance.all_logs(run):
        event = entry.dagster_event
        if event is not None and "Started process for run" in (event.message or ""):
            return int((event.message or "").rpartition("pid: ")[2].rstrip(")."))
    raise AssertionError("the run never told its process")


def _no_stores() -> Any:
    from dagster_aws.s3 import S3Resource

    from checkout_assets.resources.stores import Stores

    return Stores(s3=S3Resource())
