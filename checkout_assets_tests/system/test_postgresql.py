"""The deployment of ``deploy init`` on a real PostgreSQL: what a restart and kill -9 leave."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import psutil
import pytest
from dagster_aws.s3 import S3Resource

from checkout_assets.automation.orphan_instances import orphan_instances
from checkout_assets.cli.main import run as run_command
from checkout_assets.domain.folders import FOLDER_NAMES
from checkout_assets.engines.deploying.files import PASSWORD_VARIABLE
from checkout_assets.engines.ec2.api import Ec2Api
from checkout_assets.resources.ec2 import Ec2Resource
from checkout_assets.resources.stores import Stores
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.dagster import orphans
from checkout_assets_tests.dagster.test_ec2_orphans import api, ec2, launch
from checkout_assets_tests.fault_proxy import FaultProxy
from checkout_assets_tests.local_ec2.local_ec2 import REGION, LocalEc2
from checkout_assets_tests.orders_place import OrdersPlace
from checkout_assets_tests.postgres_server import postgres_server, programs
from checkout_assets_tests.real_dagster import Webserver, free_port, kill_run, run_pid, wait_until
from checkout_assets_tests.services import Service, running_services
from checkout_assets_tests.system.held_copies import HeldCopies

__all__ = ["api", "ec2"]
"""Fixtures of another module."""

pytestmark = pytest.mark.slow

FOLDERS = FOLDER_NAMES[:3]
PASSWORD = "a secret: $x \"y\" 'z'"
POLL_SECONDS = 60
"""How often run monitoring looks, as the generated dagster.yaml says."""


@dataclass
class Deployed:
    """The services, with room for one run that launches machines."""

    services: dict[str, Service]
    server: Webserver
    instance: dg.DagsterInstance
    held: HeldCopies

    def copying_run(self) -> str:
        """A run of one folder that waits for S3."""
        self.held.hold()
        run = self.server.launch("raw_orders", 1)
        wait_until(lambda: self.held.reached.is_set() and self.server.status(run) == "STARTED")
        return run

    def restart(self, *names: str) -> None:
        for name in names:
            self.services[name].restart()
        wait_until(self.server.locations)

    def runs(self) -> list[dg.DagsterRun]:
        return list(self.instance.get_runs())


@pytest.fixture
def deployed(
    place: OrdersPlace, aws: EmbeddedS3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Deployed]:
    for folder in FOLDERS:
        place.put(f"{folder}/A/id/1")
    home, held, ui_port = tmp_path / "dagster", HeldCopies(), free_port()
    with FaultProxy(aws.endpoint_url).serving() as proxy, postgres_server(PASSWORD) as database:
        proxy.rule = held
        for name, value in {
            "CHECKOUT_SOURCE_URI": place.source.uri,
            "CHECKOUT_RAW_URI": place.raw.uri,
            "CHECKOUT_LAKE_URI": str(tmp_path / "lake"),
            "CHECKOUT_FOLDERS_PER_RUN": "1",
            "CHECKOUT_CONCURRENT_RUNS": "1",
            "CHECKOUT_RUN_LOGS_URI": f"s3://{place.raw.bucket}/run-logs",
            "CHECKOUT_DATABASE_HOST": "127.0.0.1",
            "CHECKOUT_DATABASE_PORT": str(database.port),
            "CHECKOUT_DATABASE_NAME": database.database,
            "CHECKOUT_DATABASE_USER": database.user,
            "CHECKOUT_UI_PORT": str(ui_port),
            "CHECKOUT_CODE_SERVER_PORT": str(free_port()),
            "AWS_ENDPOINT_URL_S3": proxy.endpoint_url,
        }.items():
            monkeypatch.setenv(name, value)
        assert run_command(["deploy", "init", str(home)]) == 0
        (home / "secrets.env").write_text(f"{PASSWORD_VARIABLE}={quoted(PASSWORD)}\n")
        monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)
        with dg.DagsterInstance.from_config(str(home)) as instance:
            instance.event_log_storage.set_concurrency_slots("migrate", 1)
            with running_services(home, tmp_path) as services:
                server = Webserver(ui_port)
                wait_until(server.locations)
                yield Deployed(services, server, instance, held)
                held.release()


def quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def test_a_backfill_survives_a_restart_of_every_service(deployed: Deployed) -> None:
    deployed.held.hold()
    backfill = deployed.server.backfill("raw_orders", FOLDERS)
    wait_until(deployed.held.reached.is_set)
    (first,) = [run for run in deployed.runs() if run.status is dg.DagsterRunStatus.STARTED]
    process = psutil.Process(run_pid(deployed.instance, first.run_id))
    deployed.restart("webserver", "daemon", "code-server")
    assert process.is_running()
    assert deployed.server.status(first.run_id) == "STARTED"
    deployed.held.release()
    wait_until(lambda: deployed.server.backfill_status(backfill) == "COMPLETED_SUCCESS")
    assert [run.status for run in deployed.runs()] == [dg.DagsterRunStatus.SUCCESS] * len(FOLDERS)
    assert set(deployed.instance.get_materialized_partitions(dg.AssetKey("raw_orders"))) == {
        *FOLDERS
    }


def test_after_kill_9_of_code_server_and_run_the_run_fails_and_its_slot_is_free(
    deployed: Deployed,
) -> None:
    run = deployed.copying_run()
    following = deployed.server.launch("raw_orders", 1)
    deployed.services["code-server"].kill()
    assert deployed.server.status(run) == "STARTED"
    kill_run(deployed.instance, run)
    deployed.held.release()
    wait_until(lambda: deployed.server.status(run) == "FAILURE", 2 * POLL_SECONDS)
    wait_until(lambda: deployed.server.status(following) == "SUCCESS")


def test_the_instance_of_a_run_that_was_killed_is_terminated(
    deployed: Deployed, ec2: LocalEc2, api: Ec2Api
) -> None:
    """The sensor reads runs of PostgreSQL; while the run is in progress its instance stays."""
    run = deployed.copying_run()
    orphan = launch(ec2, api, run)
    assert look_for_orphans(deployed, ec2) == "No instance without a run."
    deployed.services["code-server"].kill()
    kill_run(deployed.instance, run)
    deployed.held.release()
    wait_until(lambda: deployed.server.status(run) == "FAILURE", 2 * POLL_SECONDS)
    told = look_for_orphans(deployed, ec2)
    assert told == f"{orphan} (run {run}): terminated, its run is over"
    ec2.wait_until(lambda: not ec2.living())


def look_for_orphans(deployed: Deployed, ec2: LocalEc2) -> str:
    engine = Ec2Resource(
        stores=Stores(s3=S3Resource()),
        deployment="orders",
        region=REGION,
        endpoint_url=ec2.api.endpoint_url,
    )
    return orphans.look(orphan_instances, deployed.instance, copy_engine=engine)


def test_a_run_that_outlived_its_code_server_can_be_cancelled_in_the_ui(deployed: Deployed) -> None:
    run = deployed.copying_run()
    process = psutil.Process(run_pid(deployed.instance, run))
    deployed.services["code-server"].kill()
    wait_until(deployed.server.locations)
    deployed.server.terminate(run)
    wait_until(lambda: deployed.server.status(run) == "CANCELED")
    wait_until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)


def test_a_dump_restores_the_runs(
    deployed: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the commands of docs/deploy/host.md."""
    deployed.held.release()
    run = deployed.server.launch("raw_orders", 1)
    wait_until(lambda: deployed.server.status(run) == "SUCCESS")
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    monkeypatch.setenv("PGHOST", "127.0.0.1")
    monkeypatch.setenv("PGPORT", os.environ["CHECKOUT_DATABASE_PORT"])
    monkeypatch.setenv("PGUSER", os.environ["CHECKOUT_DATABASE_USER"])
    database, dump = os.environ["CHECKOUT_DATABASE_NAME"], tmp_path / "dagster.dump"
    dumping = [programs() / "pg_dump", "--format=custom", "--file", dump, database]
    subprocess.run(dumping, check=True)
    for service in deployed.services.values():
        service.stop()
    deployed.instance.wipe()
    assert deployed.runs() == []
    restoring = [programs() / "pg_restore", "--clean", "--if-exists", "--dbname", database, dump]
    subprocess.run(restoring, check=True)
    for service in deployed.services.values():
        service.start()
    wait_until(deployed.server.locations)
    assert deployed.server.status(run) == "SUCCESS"
