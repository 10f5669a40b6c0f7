"""The daily reconciliation lists folders in turns; the weekly one and those on demand list all."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster_aws.s3 import S3Resource

from checkout_assets.assets import reconciliation
from checkout_assets.assets.listing_turns import IN_TURNS
from checkout_assets.assets.reconciliation import build_reconciliation
from checkout_assets.assets.reconciliation_checks import COMPLETE
from checkout_assets.automation.schedules import reconcile_daily, reconcile_weekly
from checkout_assets.definitions import build_resources
from checkout_assets.domain.folders import ALL_FOLDERS, Folder
from checkout_assets.domain.reporting import listings
from checkout_assets.resources.engines import ReconcilerResource
from checkout_assets.resources.stores import Stores
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets.settings import Settings
from checkout_assets_tests.dagster.conftest import RUNBOOK, Dagster
from checkout_assets_tests.engines.test_reconciling import publish
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace


@pytest.fixture
def place(aws: EmbeddedS3Server, tmp_path: Path) -> OrdersPlace:
    """One folder of three documents that is copied and structured, and nothing of the others."""
    place = OrdersPlace(tmp_path)
    for name in "abc":
        place.put(f"{FOLDER}/A/id/{name}")
    assert place.copy_one().ok
    publish(place)
    return place


@pytest.fixture
def not_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 16 folders, all others have their turn."""
    monkeypatch.setattr(reconciliation, "ALL_FOLDERS", ALL_FOLDERS[:16])
    others = [each for each in ALL_FOLDERS if each != Folder.parse(FOLDER)]
    monkeypatch.setattr(listings, "due_on", lambda *_: others)


def reconcile(
    place: OrdersPlace, in_memory: Dagster, tags: dict[str, str], **resource: Any
) -> tuple[dg.AssetMaterialization, str]:
    """What is materialized, and the sentence of the check of all folders."""
    stores = Stores(
        source_uri=place.source.uri, raw_uri=place.raw.uri, lake_uri=place.lake.uri, s3=S3Resource()
    )
    ended = dg.materialize(
        [build_reconciliation(RUNBOOK)],
        instance=in_memory.instance,
        resources={"reconciler": ReconcilerResource(stores=stores, **resource)},
        raise_on_error=False,
        tags=tags,
    )
    (made,) = ended.asset_materializations_for_node("reconciliation")
    checks = {each.check_name: each for each in ended.get_asset_check_evaluations()}
    return made, str(checks[COMPLETE].description)


@pytest.mark.usefixtures("not_its_turn")
def test_the_daily_run_tells_which_folders_it_did_not_list(
    place: OrdersPlace, in_memory: Dagster
) -> None:
    made, told = reconcile(place, in_memory, {}, listing_days=7)
    assert made.metadata["folders_listed"].value == 16
    assert "listings" not in made.metadata
    assert "last listing" not in told

    made, told = reconcile(place, in_memory, IN_TURNS, listing_days=7)
    assert made.metadata["folders_listed"].value == 15
    assert str(made.metadata["listings"].value) in told
    assert "15 of 16 folders were listed for this reconciliation" in told
    assert f"({FOLDER})" in told
    proves: Any = made.metadata["proves"].value
    assert proves["in_full"] is False
    assert proves["objects"] == 3

    made, _ = reconcile(place, in_memory, IN_TURNS, listing_days=1)
    assert made.metadata["folders_listed"].value == 16


@pytest.mark.usefixtures("not_its_turn")
def test_a_folder_that_was_red_is_listed_on_the_next_day(
    place: OrdersPlace, in_memory: Dagster
) -> None:
    """Even if the lake kept an earlier good listing, because it could not be written."""
    reconcile(place, in_memory, {}, listing_days=7)
    good = place.lake.open().get("_reports/listings.json").data
    place.delete(f"{FOLDER}/A/id/a", place.raw)
    reconcile(place, in_memory, {}, listing_days=7)
    place.lake.open().put("_reports/listings.json", good)
    made, _ = reconcile(place, in_memory, IN_TURNS, listing_days=7)
    assert made.metadata["folders_listed"].value == 16


def test_both_schedules_are_on_and_never_on_the_same_day() -> None:
    daily, weekly = reconcile_daily, reconcile_weekly
    assert (daily.cron_schedule, weekly.cron_schedule) == ("0 5 * * 1-6", "0 5 * * 0")
    for each in (daily, weekly):
        assert each.default_status is dg.DefaultScheduleStatus.RUNNING
        assert each.execution_timezone == "UTC"
    assert IN_TURNS.items() <= daily.tags.items()
    assert not IN_TURNS.keys() & weekly.tags.keys()


def test_the_setting_says_within_how_many_days(monkeypatch: pytest.MonkeyPatch) -> None:
    assert build_resources(Settings())["reconciler"].listing_days == 7
    monkeypatch.setenv("CHECKOUT_LISTING_DAYS", "1")
    assert build_resources(Settings())["reconciler"].listing_days == 1
