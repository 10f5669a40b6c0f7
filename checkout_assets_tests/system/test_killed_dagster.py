"""Dagster's real processes, killed with SIGKILL: after they have started again the UI is true."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from checkout_assets.domain.folders import FOLDER_NAMES
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.fault_proxy import FaultProxy
from checkout_assets_tests.orders_place import OrdersPlace
from checkout_assets_tests.real_dagster import (
    Webserver,
    dagster_dev,
    run_pid,
    shipped_home,
    wait_until,
)
from checkout_assets_tests.system.held_copies import HeldCopies

pytestmark = pytest.mark.slow

FOLDERS = 2


@pytest.fixture
def held(
    place: OrdersPlace, aws: EmbeddedS3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[HeldCopies]:
    """The shipped instance, with room for one run and with copies that wait."""
    for folder in FOLDER_NAMES[:FOLDERS]:
        place.put(f"{folder}/A/id/1")
    monkeypatch.setenv("DAGSTER_HOME", str(shipped_home(tmp_path, most_runs=1)))
    monkeypatch.setenv("CHECKOUT_SOURCE_URI", place.source.uri)
    monkeypatch.setenv("CHECKOUT_RAW_URI", place.raw.uri)
    rule = HeldCopies()
    with FaultProxy(aws.endpoint_url).serving() as proxy:
        proxy.rule = rule
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint_url)
        yield rule
        rule.release()


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
    held.release()
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
            held.release()
            wait_until(lambda: second.status(run) == "SUCCESS")
