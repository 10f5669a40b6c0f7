"""The demo's last stage, which makes the analysts' tables: how it ends, also if it fails."""

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from rich.console import Console

from checkout_assets import definitions
from checkout_assets.demo.backfill import in_process_dagster
from checkout_assets.demo.place import DemoPlace
from checkout_assets.demo.stages import Stages
from checkout_assets.demo.story import BACKFILL, COMPACTION, Told, migrate
from checkout_assets.demo.summary import show_summary
from checkout_assets.domain.errors import MigrationError
from checkout_assets.domain.folders import FOLDER_NAMES
from checkout_assets.domain.reconciliation import Reason
from checkout_assets.sample.hand_run import hand_run_faults
from checkout_assets.sample.source import SampleOptions, expected_flags

MONTHS = ["2026-09-01", "2026-10-01"]
OPTIONS = SampleOptions(documents=len(FOLDER_NAMES), days=1)
TABLE = dg.AssetKey("months")
RUN_FAILED = "the run that makes the analysts' tables failed"


class ScriptedDagster:
    """Migrates all folders but one; the compaction raises or returns ``compaction``."""

    def __init__(self, compaction: bool | MigrationError) -> None:
        self._compaction = compaction
        self.asked: list[str] = []

    @staticmethod
    def key(asset: str) -> dg.AssetKey:
        return dg.AssetKey(asset)

    @staticmethod
    def partitions(assets: Sequence[dg.AssetKey]) -> int:
        return len(assets)

    materialized = partitions

    def backfill(self, _: Sequence[dg.AssetKey], title: str) -> bool:
        self.asked.append(title)
        if title != COMPACTION:
            return True
        if isinstance(self._compaction, MigrationError):
            raise self._compaction
        return self._compaction

    @staticmethod
    def sums(_: dg.AssetKey, *names: str) -> Mapping[str, int]:
        return dict.fromkeys(names, 0)

    @staticmethod
    def engine_seconds(_: dg.AssetKey) -> float:
        return 0

    def reconcile(self) -> dict[str, Any]:
        self.asked.append("reconcile")
        faults = hand_run_faults(OPTIONS)
        state = "green" if self._compaction is True else "never made"
        return {
            "folders_complete": len(FOLDER_NAMES) - 1,
            "folders_red": 1,
            "analysts_tables": [{"table": "checkout", "state": state}],
            "red_reasons": {
                Reason.FOLDER_MISSING.code: sorted(faults.never_copied),
                Reason.OBJECTS_DIFFER.code: sorted(faults.stale),
            },
            "flagged_folders": expected_flags(OPTIONS),
            "report": "_reports/1.html",
            "objects": 0,
            "bytes": 0,
            "dagster/row_count": 0,
            "nested": 0,
            "rescued_values": 0,
            "escaped_names": 0,
        }


def told_by(dagster: ScriptedDagster) -> Told:
    scripted: Any = dagster
    return migrate(scripted, OPTIONS, Stages(Console(file=io.StringIO())), 0)


FAULTS = [
    pytest.param(False, RUN_FAILED, id="the run fails"),
    pytest.param(
        MigrationError("The backfill failed: no disk."),
        "the analysts' tables are not complete (The backfill failed: no disk.)",
        id="the backfill fails",
    ),
]


@pytest.mark.parametrize(("compaction", "sentence"), FAULTS)
def test_a_compaction_that_fails_is_told_beside_the_other_faults(
    compaction: bool | MigrationError, sentence: str
) -> None:
    dagster = ScriptedDagster(compaction)
    told = told_by(dagster)
    assert dagster.asked == ["reconcile", BACKFILL, COMPACTION, "reconcile"]
    assert told.faults_of_the_demo() == [
        "only 511 of 512 folders are complete",
        sentence,
        "the analysts' table checkout is never made",
    ]


def test_tables_that_are_made_are_no_fault() -> None:
    assert told_by(ScriptedDagster(True)).faults_of_the_demo() == [
        "only 511 of 512 folders are complete"
    ]


def test_the_summary_ends_although_there_are_no_tables_to_query(tmp_path: Path) -> None:
    place = DemoPlace(tmp_path / "demo")
    place.prepare()
    shown = io.StringIO()
    show_summary(told_by(ScriptedDagster(False)), place, Console(file=shown, width=200))
    text = shown.getvalue()
    assert RUN_FAILED in text
    assert "The lake has no analysts' tables yet" in text
    assert "511 of 512" in text
    assert "Look at it  make ui" in text


def test_the_json_tells_the_stage(tmp_path: Path) -> None:
    document = told_by(ScriptedDagster(True)).document(DemoPlace(tmp_path))
    assert {*document["seconds"]} >= {BACKFILL, COMPACTION}
    assert {*document["analysts_tables"]} == {"checkout", "fulfillment"}
    assert document["analysts_tables"]["checkout"] == {
        "files_before": 0,
        "bytes_before": 0,
        "files_written": 0,
        "bytes_written": 0,
    }


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            TABLE,
            partitions_def=dg.MonthlyPartitionsDefinition(MONTHS[0], end_date="2026-11-01"),
            skippable=True,
        )
    ],
    backfill_policy=dg.BackfillPolicy.single_run(),
)
def months(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
    """Reports each month as compaction does, with entries to add up."""
    for number, month in enumerate(context.partition_keys, start=1):
        metadata = {"files": number, "bytes": 10 * number}
        context.log_event(dg.AssetMaterialization(TABLE, partition=month, metadata=metadata))
    yield from ()


def test_the_months_of_a_table_are_counted_and_added_up_once_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = DemoPlace(tmp_path / "demo")
    place.prepare()
    for name, value in place.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(
        definitions, "defs", dg.Definitions([months], executor=dg.in_process_executor)
    )
    with in_process_dagster() as dagster:
        assert dagster.partitions([TABLE]) == len(MONTHS)
        for _ in range(2):
            assert dagster.backfill([TABLE], "again")
            assert dagster.sums(TABLE, "files", "bytes") == {"files": 3, "bytes": 30}
        assert dagster.materialized([TABLE]) == len(MONTHS)
