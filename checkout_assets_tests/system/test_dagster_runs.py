"""The assets with their real engines, in real Dagster runs on a temporary instance."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from pyspark import SparkContext

from checkout_assets.assets.reconciliation_checks import COMPLETE
from checkout_assets.definitions import build_defs
from checkout_assets.domain.folders import Folder, select_folders
from checkout_assets.sample.source import SampleOptions, folder_objects
from checkout_assets.sample.upload import upload
from checkout_assets.settings import Settings
from checkout_assets_tests.dagster_files import DagsterFiles
from checkout_assets_tests.orders_place import OrdersPlace

FOLDERS = select_folders(["12_CheckoutOrder..13_CheckoutOrder"])
RANGE = {
    "dagster/asset_partition_range_start": FOLDERS[0].name,
    "dagster/asset_partition_range_end": FOLDERS[-1].name,
}


@pytest.fixture
def instance(tmp_path: Path, dagster_files: DagsterFiles) -> Iterator[dg.DagsterInstance]:
    with dagster_files.instance(tmp_path / "dagster") as made:
        yield made


def definitions(place: OrdersPlace) -> dg.Definitions:
    settings = Settings(
        source_uri=place.source.uri,
        raw_uri=place.raw.uri,
        lake_uri=place.lake.uri,
        spark_master="local[2]",
    )
    return build_defs(settings)


def upload_folders(place: OrdersPlace, folders: tuple[Folder, ...]) -> None:
    options = SampleOptions(documents=2_000, days=1)
    objects = (found for folder in folders for found in folder_objects(options, folder))
    upload(objects, place.source.open(), lambda _: None)


def run_assets(
    defs: dg.Definitions, instance: dg.DagsterInstance, *assets: str, **tags: str
) -> dg.ExecuteInProcessResult:
    return defs.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance,
        asset_selection=[dg.AssetKey(asset) for asset in assets],
        tags=tags,
        raise_on_error=False,
    )


def test_a_range_is_copied_structured_and_reconciled(
    place: OrdersPlace, instance: dg.DagsterInstance
) -> None:
    upload_folders(place, FOLDERS)
    defs = definitions(place)
    names = {folder.name for folder in FOLDERS}
    for asset in ("raw_orders", "structured_orders"):
        assert run_assets(defs, instance, asset, **RANGE).success
        assert instance.get_materialized_partitions(dg.AssetKey(asset)) == names
    assert SparkContext._active_spark_context is None, "the run left its Spark session"

    ended = run_assets(defs, instance, "reconciliation")
    assert not ended.success, "a red folder makes the run red"
    (check,) = [each for each in ended.get_asset_check_evaluations() if each.check_name == COMPLETE]
    assert not check.passed
    assert (check.description or "").startswith("2 of 512 folders complete. Red: 00_CheckoutOrder,")
    (told,) = ended.asset_materializations_for_node("reconciliation")
    assert told.metadata["folders_red"].value == 510
    assert "🟥" in str(told.metadata["checkout_00_to_FF"].value)
    assert told.metadata["flagged_folders"].value == {
        "no_documents_quarantined": ["13_CheckoutOrder"]
    }


def test_both_assets_of_a_range_are_one_run(
    place: OrdersPlace, instance: dg.DagsterInstance
) -> None:
    upload_folders(place, FOLDERS)
    ended = run_assets(definitions(place), instance, "raw_orders", "structured_orders", **RANGE)
    assert ended.success
    for asset in ("raw_orders", "structured_orders"):
        assert instance.get_materialized_partitions(dg.AssetKey(asset)) == {
            folder.name for folder in FOLDERS
        }


def test_all_assets_of_the_migration_with_one_folder_are_one_run_that_ends_as_reconciliation_says(
    place: OrdersPlace, instance: dg.DagsterInstance
) -> None:
    """The selection of the group's button; the analysts' tables have other partitions."""
    upload_folders(place, FOLDERS)
    one = {"dagster/partition": FOLDERS[0].name}
    assets = ("raw_orders", "structured_orders", "reconciliation")
    ended = run_assets(definitions(place), instance, *assets, **one)
    for asset in ("raw_orders", "structured_orders"):
        assert instance.get_materialized_partitions(dg.AssetKey(asset)) == {FOLDERS[0].name}
    (told,) = ended.asset_materializations_for_node("reconciliation")
    assert told.metadata["folders_complete"].value == 1
    assert not ended.success, "511 folders are missing"


def test_a_folder_missing_at_the_source_fails_alone(
    place: OrdersPlace, instance: dg.DagsterInstance
) -> None:
    upload_folders(place, FOLDERS[:1])
    ended = run_assets(definitions(place), instance, "raw_orders", **RANGE)
    assert not ended.success
    assert instance.get_materialized_partitions(dg.AssetKey("raw_orders")) == {FOLDERS[0].name}


def test_an_unset_place_is_one_sentence(place: OrdersPlace, instance: dg.DagsterInstance) -> None:
    defs = build_defs(Settings(source_uri=place.source.uri))
    ended = run_assets(defs, instance, "raw_orders", **RANGE)
    (failure,) = [
        entry.dagster_event.step_failure_data.user_failure_data
        for entry in instance.all_logs(ended.run_id)
        if entry.dagster_event and entry.dagster_event.is_step_failure
    ]
    assert failure is not None
    assert failure.description == "No raw is configured: set CHECKOUT_RAW_URI."
