"""The limits of the shipped instance hold when a backfill asks for more."""

import logging
import re
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from math import ceil
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._config import process_config
from dagster._core.events import StepMaterializationData
from dagster._core.execution.backfill import PartitionBackfill
from dagster._core.instance.ref import InstanceRef
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.backfill import execute_backfill_iteration
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from dagster_aws.s3.compute_log_manager import S3ComputeLogManager
from dagster_graphql.cli import execute_query
from sqlalchemy import create_engine

from checkout_assets.assets.migration import POOL
from checkout_assets.automation.run_launcher import HealthCheckingRunLauncher
from checkout_assets.domain.folders import FOLDER_NAMES
from checkout_assets.engines.deploying.files import PASSWORD_VARIABLE
from checkout_assets.engines.emr.options import EmrOptions
from checkout_assets.settings import Settings
from checkout_assets_tests.dagster_files import DagsterFiles
from checkout_assets_tests.deployment import deployment, files_of, instance_config, shipped_instance
from checkout_assets_tests.local_emr.api_server import QUOTAS

GUIDES = Path(__file__).resolve().parents[2] / "docs" / "deploy"
RUNS, FOLDERS_PER_RUN = 5, 32
LIMIT, MOST = 2, 4
LAUNCH = """
mutation($execution: ExecutionParams!) {
  launchRun(executionParams: $execution) { __typename }
}
"""
_, LIST_STEPS_A_SECOND = QUOTAS["ListSteps"]


@pytest.fixture
def workspace(tmp_path: Path, dagster_files: DagsterFiles) -> Iterator[WorkspaceProcessContext]:
    """The shipped instance with lower limits, whose launcher starts nothing."""
    config = shipped_instance()
    config["concurrency"]["pools"]["default_limit"] = LIMIT
    config["concurrency"]["runs"]["max_concurrent_runs"] = MOST
    config["run_launcher"] = {"module": "dagster._core.test_utils", "class": "MockedRunLauncher"}
    origin = InProcessCodeLocationOrigin(
        loadable_target_origin=LoadableTargetOrigin(
            executable_path=sys.executable, module_name="checkout_assets.definitions"
        ),
        location_name="checkout_assets",
    )
    with (
        dagster_files.instance(tmp_path, **config) as instance,
        WorkspaceProcessContext(instance, InProcessWorkspaceLoadTarget(origin)) as context,
    ):
        yield context


def backfill(workspace: WorkspaceProcessContext, *assets: str) -> None:
    instance = workspace.instance
    asked = PartitionBackfill.from_asset_partitions(
        backfill_id="all",
        asset_graph=workspace.create_request_context().asset_graph,
        partition_names=list(FOLDER_NAMES[: FOLDERS_PER_RUN * RUNS]),
        asset_selection=[dg.AssetKey(asset) for asset in assets],
        backfill_timestamp=time.time(),
        tags={},
        dynamic_partitions_store=instance,
        all_partitions=False,
        title=None,
        description=None,
        run_config=None,
    )
    instance.add_backfill(asked)
    while len(instance.get_runs()) < RUNS:
        look_at_backfills(workspace)


def look_at_backfills(workspace: WorkspaceProcessContext) -> None:
    """What the daemon does every 30 s."""
    for error in execute_backfill_iteration(workspace, logging.getLogger(__name__)):
        assert error is None


def queue_repair(workspace: WorkspaceProcessContext) -> None:
    """As the webserver does when somebody presses Launch Run."""
    execution = {
        "selector": {
            "repositoryLocationName": "checkout_assets",
            "repositoryName": "__repository__",
            "jobName": "repair_folders",
        },
        "runConfigData": {"ops": {"repair": {"config": {"folders": ["00_CheckoutOrder"]}}}},
    }
    answer = execute_query(workspace, LAUNCH, {"execution": execution})
    assert answer["data"]["launchRun"]["__typename"] == "LaunchRunSuccess", answer


def launched(workspace: WorkspaceProcessContext) -> int:
    """Let the daemon look at the queue once, and count what it has launched in all."""
    for error in QueuedRunCoordinatorDaemon(interval_seconds=1).run_iteration(workspace):
        assert error is None
    waiting = dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED])
    return RUNS - len(workspace.instance.get_runs(filters=waiting))


def end_one(instance: dg.DagsterInstance) -> None:
    started = dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING])
    instance.report_run_failed(instance.get_runs(filters=started)[0])


@pytest.mark.parametrize(
    "assets", [["raw_orders"], ["structured_orders"], ["raw_orders", "structured_orders"]]
)
def test_the_pool_limits_how_many_runs_launch_machines(
    workspace: WorkspaceProcessContext, assets: list[str]
) -> None:
    """As soon as the instance knows the pool: whoever deploys sets it once."""
    workspace.instance.event_log_storage.set_concurrency_slots(POOL, LIMIT)
    backfill(workspace, *assets)
    assert launched(workspace) == LIMIT
    assert launched(workspace) == LIMIT
    end_one(workspace.instance)
    assert launched(workspace) == LIMIT + 1


def test_a_backfill_of_both_assets_is_a_run_for_each_32_folders(
    workspace: WorkspaceProcessContext,
) -> None:
    """However slowly they are copied: the daemon launches no run for some folders of another."""
    instance, both = workspace.instance, {"raw_orders", "structured_orders"}
    backfill(workspace, *both)
    some = instance.get_runs()[0]
    for folder in FOLDER_NAMES[:3]:
        copied = dg.AssetMaterialization("raw_orders", partition=folder)
        event = dg.DagsterEvent(
            dg.DagsterEventType.ASSET_MATERIALIZATION.value,
            some.job_name,
            event_specific_data=StepMaterializationData(copied),
        )
        instance.report_dagster_event(event, some.run_id)
    look_at_backfills(workspace)
    look_at_backfills(workspace)
    runs = instance.get_runs()
    assert len(runs) == RUNS
    for run in runs:
        assert {key.to_user_string() for key in run.asset_selection or ()} == both


def test_repairs_count_as_well(workspace: WorkspaceProcessContext) -> None:
    workspace.instance.event_log_storage.set_concurrency_slots(POOL, LIMIT)
    for _ in range(RUNS):
        queue_repair(workspace)
    assert launched(workspace) == LIMIT
    end_one(workspace.instance)
    assert launched(workspace) == LIMIT + 1


def test_on_a_new_instance_the_limit_of_all_runs_holds_first(
    workspace: WorkspaceProcessContext,
) -> None:
    """Dagster reads its pools before it makes a new one, so its first look passes them all."""
    backfill(workspace, "structured_orders")
    assert launched(workspace) == MOST
    end_one(workspace.instance)
    assert launched(workspace) == MOST


def test_whoever_deploys_is_told_to_set_the_pool() -> None:
    """The guide may begin with fewer runs than the quotas allow in the end."""
    told = rf"dagster instance concurrency set {POOL} (\d+)"
    (most,) = re.findall(told, files_of(deployment())["dagster.yaml"].text)
    (first,) = re.findall(told, (GUIDES / "host.md").read_text())
    assert int(first) <= int(most)


def test_the_shipped_limits_are_what_the_quotas_allow() -> None:
    limits = instance_config()["concurrency"]
    most = limits["runs"]["max_concurrent_runs"]
    assert limits["pools"]["default_limit"] <= most
    options = EmrOptions(deployment="orders", log_uri="s3://logs")
    clusters = most * ceil(Settings().folders_per_run / options.folders_per_cluster)
    assert clusters / options.poll_seconds < LIST_STEPS_A_SECOND


def test_dagster_accepts_the_generated_instance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And finds each class that it names, with a config that the class takes."""
    made = deployment(directory=tmp_path, database_host="127.0.0.1", concurrent_runs=3)
    (tmp_path / "dagster.yaml").write_text(files_of(made)["dagster.yaml"].text)
    monkeypatch.setenv(PASSWORD_VARIABLE, "p@ss word")
    instance = InstanceRef.from_dir(str(tmp_path))
    assert isinstance(instance.run_launcher, HealthCheckingRunLauncher)
    assert isinstance(instance.compute_log_manager, S3ComputeLogManager)
    for data in (instance.storage_data, instance.run_coordinator_data):
        assert data is not None
        kind = getattr(import_module(data.module_name), data.class_name)
        taken = process_config(kind.config_type(), yaml.safe_load(data.config_yaml))
        assert taken.success, taken.errors
    limits = instance.settings["concurrency"]
    assert limits["pools"] == {"granularity": "run", "default_limit": 3}
    assert instance.settings["run_monitoring"]["enabled"] is True


def test_the_extra_for_production_has_what_the_instance_names() -> None:
    """SQLAlchemy 2.1 takes another driver for PostgreSQL, with which Dagster does not start."""
    assert create_engine("postgresql://u:p@127.0.0.1/db").driver == "psycopg2"
