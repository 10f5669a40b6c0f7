"""Dagster's real processes, killed with SIGKILL: after they have started again the UI is true."""

import threading
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from checkout_assets.domain.folders import FOLDER_NAMES
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.fault_proxy import Answer, FaultProxy, Request
from checkout_assets_tests.orders_place import OrdersPlace
from checkout_assets_tests.real_dagster import (
    Webserver,
    dagster_dev,
    run_pid,
    shipped_home,
    wait_until,
)

pytestmark = pytest.mark.slow

FOLDERS = 2
_HELD_SECONDS = 600.0


class HeldCopies:
    """An S3 that answers no copy before it is released."""

    def __init__(self) -> None:
        self.reached, self.released = threading.Event(), threading.Event()

    def __call__(self, request: Request) -> Answer | None:
        """The rule of a proxy."""
        if request.is_copy:
            self.reached.set()
            self.released.wait(_HELD_SECONDS)
        return None


@pytest.fixture
def held(
    place: OrdersPlace, aws: EmbeddedS3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[HeldCopies]:
    """The shipped instance, with room for one run and with copies that wait."""
    for folder in FOLDER_NAMES[:FOLDERS]:
        place.put(f"{folder}/A/id/1")
    config = shipped_home(tmp_path) / "dagster.yaml"
    one = config.read_text().replace("max_concurrent_runs: 20", "max_concurrent_runs: 1")
    assert "max_concurrent_runs: 1\n" in one
    config.write_text(one.replace("default_limit: 16", "default_limit: 1"))
    monkeypatch.setenv("DAGSTER_HOME", str(config.parent))
    monkeypatch.setenv("CHECKOUT_SOURCE_URI", place.source.uri)
    monkeypatch.setenv("CHECKOUT_RAW_URI", place.raw.uri)
    rule = HeldCopies()
    with FaultProxy(aws.endpoint_url).serving() as proxy:
        proxy.rule = rule
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint_url)
        yield rule
        rule.released.set()


def copying_run(server: Webserver, held: HeldCopies) -> str:
    """A run that waits for S3."""
    run = server.launch("raw_orders", FOLDERS)
    wait_until(lambda: held.reached.is_set() and server.status(run) == "STARTED")
    return run


def test_after_everything_was_killed_the_run_fails_and_the_next_one_starts(
    held: HeldCopies, tmp_path: Path
) -> None:
    with dagster_dev(tmp_path / "first.log") as server:
        killed = copying_run(server, held)
        following = server.launch("raw_orders", FOLDERS)
        server.kill_services()
    held.released.set()
    with dagster_dev(tmp_path / "second.log") as server:
        wait_until(lambda: server.status(killed) == "FAILURE")
        wait_until(lambda: server.status(following) == "SUCCESS")


def test_a_run_that_outlives_its_services_ends_by_itself(held: HeldCopies, tmp_path: Path) -> None:
    with dagster_dev(tmp_path / "first.log") as first, dg.DagsterInstance.get() as instance:
        run = copying_run(first, held)
        first.kill_services(sparing=run_pid(instance, run))
        with dagster_dev(tmp_path / "second.log") as second:
            looked = (tmp_path / "second.log").read_text
            wait_until(lambda: f"Checking run {run}" in looked())
            assert second.status(run) == "STARTED"
            held.released.set()
            wait_until(lambda: second.status(run) == "SUCCESS")
