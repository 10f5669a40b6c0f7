"""The benchmark of years of reconciliations inserts what the product stores, readable by it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from benchmarks.history import reconciling
from benchmarks.history.bench import begin, opened
from benchmarks.history.reconciling import last_at, reconcile
from checkout_assets.assets.raw_orders import RAW_ORDERS
from checkout_assets.assets.rechecked_folders import report_checks
from checkout_assets.assets.reconciliation_page import RECONCILIATION
from checkout_assets.domain.folders import ALL_FOLDERS
from checkout_assets.domain.reconciliation import FolderReconciled

STORED_BY_DAGSTER, DAYS = 3, 40
FOLDER = ALL_FOLDERS[0].name
COPIED = dg.AssetCheckKey(RAW_ORDERS, "every_object_copied")


def results(instance: dg.DagsterInstance) -> list[str]:
    """The runs of the results of a folder's check, the newest first."""
    stored = instance.event_log_storage.get_asset_check_execution_history(COPIED, limit=1000)
    return [record.run_id for record in stored if record.partition == FOLDER]


def report_checks_of_two(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    found: Sequence[FolderReconciled],
    *others: Any,
) -> None:
    report_checks(context, key, found[:2], *others)


def test_days_are_inserted_as_the_product_stores_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "report_checks", report_checks_of_two)
    years = begin(tmp_path / "home")
    inserted = years.insert(tmp_path / "home", DAYS)
    with opened(tmp_path / "home") as instance:
        records = instance.fetch_materializations(RECONCILIATION, limit=1000).records
        assert len(records) == STORED_BY_DAGSTER + DAYS
        assert inserted > DAYS * len(years.daily.others["event_logs"])
        days = [round(record.timestamp / 86_400) for record in records[:DAYS]]
        assert days == list(range(days[0], days[0] - DAYS, -1))
        assert instance.get_runs_count() == STORED_BY_DAGSTER + DAYS
        assert {run.run_id for run in instance.get_runs()} >= {each.run_id for each in records}

        before = results(instance)
        assert len(before) > 2, "a month has begun in 40 days"
        reconcile(instance, last_at(instance))
        assert results(instance) == before, "nothing has changed, so nothing is reported"
