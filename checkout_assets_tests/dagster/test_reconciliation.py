"""The asset ``reconciliation``: orphaned files are named, and a part of the tables is read deep."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from dagster_aws.s3 import S3Resource

from checkout_assets.assets import reconciliation_page
from checkout_assets.assets.reconciliation_checks import check_complete
from checkout_assets.assets.reconciliation_page import orphaned_files
from checkout_assets.definitions import build_resources
from checkout_assets.domain.compaction.months import Month, select_months
from checkout_assets.domain.folders import ALL_FOLDERS, Folder, select_folders
from checkout_assets.domain.orphans import OrphanedFile
from checkout_assets.domain.reconciliation import (
    CopyEvidence,
    FolderReconciled,
    LakeEvidence,
    Summary,
)
from checkout_assets.domain.reporting.outcome import outcome_of
from checkout_assets.domain.rotation import due_on
from checkout_assets.engines.reconciling.engine import ComparisonTerms
from checkout_assets.resources import engines
from checkout_assets.resources.engines import ReconcilerResource
from checkout_assets.resources.stores import Stores
from checkout_assets.settings import Settings
from checkout_assets_tests.dagster.conftest import RUNBOOK

NOW = datetime(2026, 11, 27, 5, tzinfo=UTC)


def seen(folder: Folder, **lake: Any) -> FolderReconciled:
    return FolderReconciled(folder, (), (), CopyEvidence(), LakeEvidence(**lake))


def test_the_check_says_which_folders_were_read_deep() -> None:
    deep = select_folders(["00_CheckoutOrder..0F_CheckoutOrder", "86_FulfillmentOrder"])
    folders = [seen(each, read_deep=each in deep) for each in ALL_FOLDERS]
    told = told_of(folders)
    assert told.startswith("512 of 512 folders complete.")
    assert "in 00_CheckoutOrder..0F_CheckoutOrder, 86_FulfillmentOrder; elsewhere" in told

    assert "No data file was read" in told_of([seen(each) for each in ALL_FOLDERS])


def told_of(folders: Sequence[FolderReconciled]) -> str:
    outcome = outcome_of(folders, Summary.of(folders), (), at=NOW, run_id="r", with_source=True)
    return check_complete(outcome, RUNBOOK, {}).description or ""


class Clock(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> "Clock":
        return cls.fromtimestamp(NOW.timestamp(), tz)


@pytest.mark.parametrize("days", [0, 1, 32])
def test_the_part_of_the_day_is_read_deep(monkeypatch: pytest.MonkeyPatch, days: int) -> None:
    asked: list[ComparisonTerms] = []
    monkeypatch.setattr(engines, "datetime", Clock)
    monkeypatch.setattr(
        "checkout_assets.engines.reconciling.places.reconciler_of",
        lambda _source, _raw, _lake, _now, terms, **_: asked.append(terms),
    )
    stores = Stores(raw_uri="s3://raw/x", lake_uri="s3://lake/x", s3=S3Resource())
    ReconcilerResource(stores=stores, deep_read_days=days).engine()
    expected = due_on(NOW.date(), days) if days else ()
    assert [tuple(terms.deep) for terms in asked] == [tuple(expected)]


@pytest.mark.parametrize(
    ("options", "turns"), [({}, 0), ({"deep_read_days": 7}, 1), ({"deep": True}, 7)]
)
def test_the_months_of_the_day_are_read_deep(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], turns: int
) -> None:
    asked: list[Callable[[Month], bool]] = []
    monkeypatch.setattr(engines, "datetime", Clock)
    monkeypatch.setattr(
        "checkout_assets.engines.compacting.comparing.compare_tables",
        lambda _lake, _catalog, _folders, is_deep: asked.append(is_deep),
    )
    stores = Stores(raw_uri="s3://raw/x", lake_uri="s3://lake/x", s3=S3Resource())
    ReconcilerResource(stores=stores, **options).compare_tables([])
    (is_deep,) = asked
    assert sum(map(is_deep, select_months(["2018-01..2018-07"]))) == turns


def test_the_settings_say_within_how_many_days(monkeypatch: pytest.MonkeyPatch) -> None:
    assert build_resources(Settings())["reconciler"].deep_read_days == 32
    monkeypatch.setenv("CHECKOUT_DEEP_READ_DAYS", "7")
    assert build_resources(Settings())["reconciler"].deep_read_days == 7


def test_orphaned_files_are_counted_and_the_first_are_named() -> None:
    files = tuple(
        OrphanedFile(f"quarantine/checkout/0A_CheckoutOrder/cli-0123abcd.{n}.parquet", 1, NOW)
        for n in range(reconciliation_page._MOST_ORPHANS + 2)
    )
    strange = OrphanedFile("quarantine/checkout/0A_CheckoutOrder/jane](javascript:1)", 1, NOW)
    told = orphaned_files(
        [seen(ALL_FOLDERS[10], orphans=(*files[1:], strange)), seen(ALL_FOLDERS[1])]
    )
    assert told["orphaned_files"] == len(files)
    text = told["orphaned_files_listed"].value
    assert files[1].path in text
    assert "and 2 more" in text
    assert "jane" not in text
    assert orphaned_files([seen(ALL_FOLDERS[0])]) == {"orphaned_files": 0}
