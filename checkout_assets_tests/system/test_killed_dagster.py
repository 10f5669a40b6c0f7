"""Dagster's real processes, killed with SIGKILL: after they have started again the UI is true."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from checkout_assets.domain.folders import FOLDER_NAMES
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.fault_proxy import FaultProxy, Request
from checkout_assets_tests.orders_place import OrdersPlace
from checkout_assets_tests.real_dagster import (
    START_SECONDS,
    Webserver,
    dagster_dev,
    run_pid,
    shipped_home,
    wait_until,
)
from checkout_assets_tests.system.held_copies import HeldCopies

pytestmark = pytest.mark.slow

FOLDERS = 2
ORDER = b'{"Id": "1", "LastChange": "2018-10-31T10:00:00Z"}'
BOTH = "raw_orders structured_orders"


@pytest.fixture
def held(
    place: OrdersPlace, aws: EmbeddedS3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[HeldCopies]:
    """The shipped instance, with room for one run and with copies that wait."""
    for folder in FOLDER_NAMES[:FOLDERS]:
        place.put(f"{folder}/A/id/1", ORDER)
    monkeypatch.setenv("DAGSTER_HOME", str(shipped_home(tmp_path, most_runs=1)))
    monkeypatch.setenv("CHECKOUT_SOURCE_URI", place.source.uri)
    monkeypatch.setenv("CHECKOUT_RAW_URI", place.raw.uri)
    monkeypatch.setenv("CHECKOUT_LAKE_URI", place.lake.uri)
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


def test_a_run_of_both_that_was_killed_half_done_is_completed_by_its_reexecution(
    held: HeldCopies, place: OrdersPlace, tmp_path: Path
) -> None:
    """Everything is copied and nothing is structured when all processes are killed."""
    held.waits = is_read_of_a_document
    with dagster_dev(tmp_path / "first.log") as server:
        killed = server.launch(BOTH, FOLDERS)
        wait_until(held.reached.is_set, START_SECONDS)
        server.kill_services()
    held.release()
    assert materialized() == {"raw_orders": FOLDERS, "structured_orders": 0}
    with dagster_dev(tmp_path / "second.log") as server:
        wait_until(lambda: server.status(killed) == "FAILURE")
        again = server.reexecute(killed)
        wait_until(lambda: server.status(again) == "SUCCESS", START_SECONDS)
    assert materialized() == dict.fromkeys(BOTH.split(), FOLDERS)
    tables = [entry.key for entry in place.lake.open().list("consumable_tables/")]
    assert len(tables) == FOLDERS, "a file of one row for each folder, none of the killed run"


def is_read_of_a_document(request: Request) -> bool:
    """Whether structuring asks raw for a document."""
    return request.method == "GET" and "/id/" in request.path


def materialized() -> dict[str, int]:
    """The materializations of each asset that are stored."""
    with dg.DagsterInstance.get() as instance:
        return {
            asset: len(instance.fetch_materializations(dg.AssetKey(asset), limit=100).records)
            for asset in BOTH.split()
        }
