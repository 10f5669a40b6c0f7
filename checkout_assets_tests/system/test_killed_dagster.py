"""Dagster's real processes, killed with SIGKILL: after they have started again the UI is true."""

from collections.abc import Callable, Iterator
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
IDLE = "checkout_assets_tests.idle_definitions"
SLOW = {"resources": {"copy_engine": {"config": {"pause": 2.0}}}}
"""Run configuration: two seconds for each raw folder."""


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


@pytest.mark.parametrize("kill", [Webserver.kill_services, Webserver.kill_daemon])
def test_a_backfill_of_both_of_which_everything_or_the_daemon_is_killed_ends_true(
    idle: None, tmp_path: Path, kill: Callable[[Webserver], None]
) -> None:
    """One run is in progress and one waits; what a run has finished is not done again."""
    folders = FOLDER_NAMES[:8]
    logs, seconds = tmp_path / "first.log", 3 * START_SECONDS
    with dagster_dev(logs, IDLE) as server:
        backfill = server.backfill(BOTH, folders, SLOW)
        wait_until(lambda: materialized()["raw_orders"] > 0, seconds)
        kill(server)
    with dagster_dev(tmp_path / "second.log", IDLE) as server, dg.DagsterInstance.get() as instance:
        wait_until(lambda: server.backfill_status(backfill).startswith("COMPLETED"), seconds)
        for run in instance.get_runs():
            assert run.is_finished
            if run.is_success:
                assert done_by(instance, run) == dict.fromkeys(BOTH.split(), 4)
            else:  # also if it was killed between its last folder and its end
                again = server.reexecute(run.run_id)
                wait_until(lambda again=again: server.status(again) == "SUCCESS", seconds)
    assert materialized() == dict.fromkeys(BOTH.split(), len(folders))


@pytest.fixture
def idle(place: OrdersPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shipped instance, with room for one run of four folders, and engines that do nothing."""
    monkeypatch.setenv("DAGSTER_HOME", str(shipped_home(tmp_path, most_runs=1)))
    monkeypatch.setenv("CHECKOUT_FOLDERS_PER_RUN", "4")
    monkeypatch.setenv("CHECKOUT_RAW_URI", place.raw.uri)
    monkeypatch.setenv("CHECKOUT_LAKE_URI", place.lake.uri)


def done_by(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dict[str, int]:
    """How many folders of each asset a run has materialized."""
    of_run = instance.get_asset_partitions_for_run(
        run.run_id, dg.DagsterEventType.ASSET_MATERIALIZATION
    )
    return {asset: len(of_run.get(dg.AssetKey(asset), ())) for asset in BOTH.split()}


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
