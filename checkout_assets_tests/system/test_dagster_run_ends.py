"""The process of a Dagster run that is terminated while it structures: no Java stays."""

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._grpc.types import ExecuteRunArgs

from checkout_assets.definitions import build_defs
from checkout_assets.settings import Settings
from checkout_assets_tests.held_documents import HeldS3, documents_are_read, java_starts
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from checkout_assets_tests.spark_process import SparkProcess, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")

DEFINITIONS = RepositoryPythonOrigin(
    sys.executable, ModuleCodePointer("checkout_assets.definitions", "defs", None)
)


@pytest.fixture
def instance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    home = tmp_path / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with dg.DagsterInstance.get() as made:
        yield made


@pytest.fixture
def run(instance: dg.DagsterInstance) -> dg.DagsterRun:
    job = build_defs(Settings()).resolve_implicit_global_asset_job_def()
    return instance.create_run_for_job(
        job.get_subset(asset_selection={dg.AssetKey("structured_orders")}),
        asset_selection=frozenset({dg.AssetKey("structured_orders")}),
        tags={"dagster/partition": FOLDER},
        job_code_origin=JobPythonOrigin(job.name, DEFINITIONS),
    )


@pytest.fixture
def run_process(
    place: OrdersPlace, held: HeldS3, instance: dg.DagsterInstance, run: dg.DagsterRun
) -> Iterator[SparkProcess]:
    """As Dagster's launchers start it."""
    origin = run.job_code_origin
    assert origin is not None
    words = ExecuteRunArgs(origin, run.run_id, instance.get_ref())
    environment = {
        "AWS_ENDPOINT_URL_S3": held.endpoint_url,
        "CHECKOUT_RAW_URI": place.raw.uri,
        "CHECKOUT_LAKE_URI": place.lake.uri,
        "CHECKOUT_SPARK_MASTER": "local[1]",
    }
    with SparkProcess(
        ["api", "execute_run", dg.serialize_value(words)], environment, module="dagster"
    ) as process:
        yield process


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=["interrupt", "sigterm"])
@pytest.mark.parametrize("moment", [java_starts, documents_are_read])
def test_no_java_stays_of_a_terminated_run(
    instance: dg.DagsterInstance,
    run_process: SparkProcess,
    held: HeldS3,
    moment: Callable[[SparkProcess, HeldS3], bool],
    sent: signal.Signals,
) -> None:
    wait_until(lambda: moment(run_process, held))
    (run,) = instance.get_runs()
    instance.report_run_canceling(run)
    run_process.signal(sent)
    run_process.end()
    wait_until(lambda: run_process.alive() == [])
    (ended,) = instance.get_runs()
    assert ended.status is dg.DagsterRunStatus.CANCELED, run_process.err
