"""EMR in Dagster's runs: each folder by its partition, cancelled runs end their cluster."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterExecutionInterruptedError, Definitions
from dagster_aws.s3 import S3Resource

from checkout_assets.assets.folder_run import FolderRun
from checkout_assets.definitions import build_defs
from checkout_assets.domain.errors import UsageError
from checkout_assets.resources.emr import EmrResource
from checkout_assets.resources.stores import Stores
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets.settings import Settings
from checkout_assets_tests.dagster.conftest import FIRST_16, Dagster
from checkout_assets_tests.emr_place import emr_options
from checkout_assets_tests.local_emr.commands import one_line_script_for_s3
from checkout_assets_tests.local_emr.local_emr import LocalEmr
from checkout_assets_tests.orders_place import OrdersPlace

STRUCTURED = "structured_orders"
FOUR = FIRST_16[:4]


@pytest.fixture
def emr(aws: EmbeddedS3Server) -> Iterator[LocalEmr]:
    with LocalEmr(one_line_script_for_s3).running() as local:
        yield local


@pytest.fixture
def options(emr: LocalEmr, tmp_path: Path) -> dict[str, Any]:
    """A configuration with a packaged job to upload."""
    place = OrdersPlace(tmp_path)
    lake_uri = f"s3://{place.raw.bucket}/lake"
    return {
        **emr_options(emr, place.raw.bucket, tmp_path),
        "stores": Stores(raw_uri=place.raw.uri, lake_uri=lake_uri, s3=S3Resource()),
        "poll_seconds": 0.1,
    }


def test_a_run_reports_each_folder_and_its_attempts(
    dagster: Dagster, emr: LocalEmr, options: dict[str, Any]
) -> None:
    emr.step_faults = {FOUR[0]: [""], FOUR[1]: ["No module named 'orjson'\nImportError: x"]}
    result = dagster.run(STRUCTURED, {"structure_engine": EmrResource(**options)}, FOUR)
    assert not result.success
    assert dagster.materialized("structured_orders") == {FOUR[0], *FOUR[2:]}
    told = {each.partition: each.metadata for each in dagster.materializations("structured_orders")}
    assert told[FOUR[0]]["attempts"].value == 2
    assert told[FOUR[2]]["attempts"].value == 1
    assert told[FOUR[2]]["cluster"].value == emr.clusters[0].id
    (row,) = dagster.failure(result).metadata["failed_folders"].records
    assert row.data["folder"] == FOUR[1]
    assert "make package" in str(row.data["reason"])
    tags = {tag["Key"]: tag["Value"] for tag in emr.api.launched()[0]["Tags"]}
    assert tags["checkout-assets:run-id"] == result.run_id
    assert emr.living() == []
    said = [entry.user_message for entry in dagster.instance.all_logs(result.run_id)]
    assert [line for line in said if line.startswith("Launched") and "#/clusterDetails/" in line]


def test_a_cancelled_run_terminates_its_cluster(
    dagster: Dagster, emr: LocalEmr, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise DagsterExecutionInterruptedError

    monkeypatch.setattr(FolderRun, "_report", interrupted)
    assert not dagster.run(STRUCTURED, {"structure_engine": EmrResource(**options)}, FOUR).success
    assert len(emr.clusters) == 1
    assert emr.living() == []


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"log_uri": ""}, "EMR needs log_uri"),
        ({"package_uri": "dist"}, "EMR needs package_uri"),
        ({"package_directory": "/nonexistent"}, "/nonexistent holds no package: run make package"),
        ({"package_directory": ""}, "run make package and upload it there"),
        ({"core_type": "x9.large"}, "x9.large is not in the sizing table"),
        ({"step_concurrency": 9}, "9 Spark jobs at a time do not fit 2 x c5.4xlarge"),
        ({"core_spot_nodes": 1}, "Spot core nodes need core_fleet_types"),
        ({"spark_config": {"spark.x": "x" * 11_000}}, "exceed 10240 characters"),
    ],
)
def test_a_wrong_configuration_is_one_sentence_before_anything_is_launched(
    emr: LocalEmr, options: dict[str, Any], wrong: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        EmrResource(**{**options, **wrong}).engine()
    assert emr.api.calls == {}


def test_the_lake_must_be_in_s3(options: dict[str, Any], tmp_path: Path) -> None:
    stores: Stores = options["stores"]
    local = Stores(raw_uri=stores.raw_uri, lake_uri=str(tmp_path / "lake"), s3=S3Resource())
    with pytest.raises(UsageError, match="EMR needs a lake in S3"):
        EmrResource(**{**options, "stores": local}).engine()


def test_a_package_that_lost_a_file_is_refused(options: dict[str, Any]) -> None:
    EmrResource(**options).engine()
    uploaded = {**options, "package_directory": ""}
    EmrResource(**uploaded).engine()
    stores: Stores = options["stores"]
    client = stores.s3.get_client()
    client.delete_object(Bucket=stores.raw().bucket, Key="artifacts/spark_jobs.zip")
    with pytest.raises(UsageError, match=r"spark_jobs\.zip is missing"):
        EmrResource(**uploaded).engine()


def test_settings_choose_the_engine_and_its_sensor() -> None:
    stores = {"raw_uri": "s3://raw", "lake_uri": "s3://lake"}
    local = build_defs(Settings(**stores))
    assert "orphan_clusters" not in [each.name for each in local.sensors or ()]
    emr = build_defs(Settings(**stores, structure_engine="emr", emr={"log_uri": "s3://logs"}))
    assert "orphan_clusters" in [each.name for each in emr.sensors or ()]
    engine = (emr.resources or {})["structure_engine"]
    assert isinstance(engine, EmrResource)
    assert engine.log_uri == "s3://logs"
    Definitions.validate_loadable(emr)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"log_uri": "s3://', "CHECKOUT_EMR is wrong: it is not JSON"),
        ('{"core_nodes": 0}', 'EMR\'s option "core_nodes" is wrong'),
        ('{"core_node": 2}', 'EMR has no option "core_node"'),
        ('{"release": "emr-5.29.0"}', 'EMR\'s option "release" is wrong'),
    ],
)
def test_a_wrong_option_is_told_by_its_name(
    monkeypatch: pytest.MonkeyPatch, text: str, sentence: str
) -> None:
    monkeypatch.setenv("CHECKOUT_STRUCTURE_ENGINE", "emr")
    monkeypatch.setenv("CHECKOUT_EMR", text)
    with pytest.raises(UsageError, match=sentence):
        build_defs()
