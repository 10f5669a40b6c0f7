"""One outcome for each folder of a run, whatever the engine does."""

import time
from typing import Any

import dagster as dg
import pytest

from checkout_assets.assets.folder_run import FolderRun, engine_seconds
from checkout_assets.assets.migration import Migration, build_migration
from checkout_assets.domain.anomalies import Allowance, FolderAllowance
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.domain.folders import Folder
from checkout_assets.engines.structuring.spark_engine import StructuredFolder
from checkout_assets_tests.dagster.conftest import FIRST_16, MIGRATION, RUNBOOK, Dagster
from checkout_assets_tests.dagster.engines import OddCopyEngine, OddStructureEngine
from spark_jobs.contract.totals import StructureTotals
from spark_jobs.stores import StoreError

RAW, STRUCTURED = "raw_orders", "structured_orders"
BOTH = f"{RAW} {STRUCTURED}"


def half_quarantined(folder: Folder, _: str) -> StructuredFolder:
    totals = StructureTotals(
        documents=40, rows=20, quarantined={"not_utf8": 20}, decoded={"gzip": 4, "utf-16": 3}
    )
    return StructuredFolder(folder, "run", totals, 1)


TWO = [FIRST_16[3], FIRST_16[9]]


def test_every_folder_that_succeeds_is_materialized_once_with_its_own_metadata(
    dagster: Dagster,
) -> None:
    result = dagster.run(RAW, {"copy_engine": OddCopyEngine.of()})
    assert result.success
    told = dagster.materializations("raw_orders")
    assert sorted(each.partition or "" for each in told) == FIRST_16
    assert all(each.metadata["objects"].value == 3 for each in told)
    run = dagster.instance.get_run_by_id(result.run_id)
    assert run is not None
    assert engine_seconds(run, dg.AssetKey(RAW)) >= 16 * 0.005
    assert engine_seconds(run, dg.AssetKey(STRUCTURED)) == 0


def test_a_run_of_both_assets_counts_the_seconds_of_both_engines(dagster: Dagster) -> None:
    engines = {"copy_engine": OddCopyEngine.of(), "structure_engine": OddStructureEngine.of()}
    result = dagster.run(BOTH, engines)
    run = dagster.instance.get_run_by_id(result.run_id)
    assert run is not None
    for asset in (RAW, STRUCTURED):
        assert engine_seconds(run, dg.AssetKey(asset)) >= 16 * 0.005


class SlowToMake(OddCopyEngine):
    def engine(self) -> Any:
        time.sleep(0.3)
        return super().engine()


def test_the_making_of_an_engine_counts_as_its_own_seconds(dagster: Dagster) -> None:
    result = dagster.run(RAW, {"copy_engine": SlowToMake.of()})
    run = dagster.instance.get_run_by_id(result.run_id)
    assert run is not None
    assert engine_seconds(run, dg.AssetKey(RAW)) >= 0.3


def test_two_failing_folders_do_not_fail_their_neighbours(dagster: Dagster) -> None:
    result = dagster.run(RAW, {"copy_engine": OddCopyEngine.of(failing=TWO)})
    assert not result.success
    assert dagster.materialized("raw_orders") == set(FIRST_16) - set(TWO)
    failure = dagster.failure(result)
    assert failure.description == f"2 of 16 folders failed: {TWO[0]}, {TWO[1]}"
    table = failure.metadata["failed_folders"].records
    assert [dict(row.data) for row in table] == [
        {"folder": name, "reason": f"{name}: it is broken.", "permanent": False} for name in TWO
    ]


def test_checks_are_reported_for_each_folder_and_point_at_its_materialization(
    dagster: Dagster,
) -> None:
    dagster.run(RAW, {"copy_engine": OddCopyEngine.of(failing=TWO)})
    copied = dagster.checks("raw_orders", "every_object_copied")
    assert set(copied) == set(FIRST_16)
    assert {name for name, each in copied.items() if not each.passed} == set(TWO)
    assert copied[TWO[0]].description == f"{TWO[0]}: it is broken."
    nested = dagster.checks("raw_orders", "no_documents_nested_under_id")
    assert set(nested) == set(FIRST_16) - set(TWO)
    assert not any(each.passed for each in nested.values())
    some = nested[FIRST_16[0]]
    assert some.severity is dg.AssetCheckSeverity.WARN
    assert some.target_materialization_data is not None
    assert some.metadata["runbook"].value.endswith("runbook.html#no_documents_nested_under_id")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (UsageError("The role cannot be assumed."), "The role cannot be assumed."),
        (MigrationError("Nothing was copied."), "Nothing was copied."),
        (StoreError("SlowDown", "raw", transient=True), "The run stopped: S3 answers SlowDown."),
    ],
)
def test_what_concerns_all_folders_is_told_as_a_sentence(
    dagster: Dagster, error: Exception, said: str
) -> None:
    engine = OddCopyEngine.of(dies_at=FIRST_16[4], dies_of=error)
    result = dagster.run(RAW, {"copy_engine": engine})
    assert dagster.failure(result).description == said
    assert dagster.materialized("raw_orders") == set(FIRST_16[5:])


def test_an_engine_that_dies_keeps_what_it_has_told(dagster: Dagster) -> None:
    """It works from the last folder to the first and dies at the fifth from the front."""
    result = dagster.run(RAW, {"copy_engine": OddCopyEngine.of(dies_at=FIRST_16[4])})
    assert not result.success
    assert dagster.materialized("raw_orders") == set(FIRST_16[5:])


def test_a_folder_the_engine_says_nothing_of_has_failed(dagster: Dagster) -> None:
    result = dagster.run(RAW, {"copy_engine": OddCopyEngine.of(forgotten=TWO[:1])})
    assert not result.success
    assert dagster.materialized("raw_orders") == set(FIRST_16) - set(TWO[:1])
    (row,) = dagster.failure(result).metadata["failed_folders"].records
    assert row.data["reason"] == f"{TWO[0]}: the engine returned no result for this folder."


def test_a_cancelled_run_cancels_its_engine(
    dagster: Dagster, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = OddCopyEngine.of()
    report = FolderRun._report

    def interrupted(run: Any, result: Any, told: Any) -> Any:
        if result.folder.name == FIRST_16[10]:
            raise dg.DagsterExecutionInterruptedError
        return report(run, result, told)

    monkeypatch.setattr(FolderRun, "_report", interrupted)
    assert not dagster.run(RAW, {"copy_engine": engine}).success
    assert engine.engine().cancelled == [True]
    assert dagster.materialized("raw_orders") == set(FIRST_16[11:])


def test_a_retry_does_only_what_is_left_and_re_attaches_by_the_first_run_id(
    dagster: Dagster,
) -> None:
    first = dagster.run(RAW, {"copy_engine": OddCopyEngine.of(failing=TWO)})
    again = OddCopyEngine.of()
    ended = dagster.repeat(first.run_id, again, {"dagster/is_resume_retry": "true"})
    assert ended.status is dg.DagsterRunStatus.SUCCESS
    assert again.engine().asked == [(TWO, first.run_id)]
    assert dagster.materialized("raw_orders") == set(FIRST_16)


def test_a_plain_second_run_does_every_folder_again(dagster: Dagster) -> None:
    dagster.run(RAW, {"copy_engine": OddCopyEngine.of()})
    again = OddCopyEngine.of()
    dagster.run(RAW, {"copy_engine": again})
    assert again.engine().asked[0][0] == FIRST_16


def test_a_wrong_configuration_is_one_sentence_and_no_traceback(
    dagster: Dagster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Any) -> Any:
        raise UsageError("No source is configured: set CHECKOUT_SOURCE_URI.")

    monkeypatch.setattr(OddCopyEngine, "engine", refuse)
    result = dagster.run(RAW, {"copy_engine": OddCopyEngine.of()})
    failure = dagster.failure(result)
    assert failure.description == "No source is configured: set CHECKOUT_SOURCE_URI."


def test_structured_orders_takes_any_engine_of_the_seam(dagster: Dagster) -> None:
    engine = OddStructureEngine.of(failing=TWO)
    dagster.run(STRUCTURED, {"structure_engine": engine})
    assert dagster.materialized("structured_orders") == set(FIRST_16) - set(TWO)
    accounted = dagster.checks("structured_orders", "every_document_accounted_for")
    assert {name for name, each in accounted.items() if not each.passed} == set(TWO)


def test_a_folder_with_too_much_in_quarantine_fails_its_check_and_only_that(
    dagster: Dagster,
) -> None:
    engine = OddStructureEngine.of(result=half_quarantined)
    assert dagster.run(STRUCTURED, {"structure_engine": engine}).success
    share = dagster.checks("structured_orders", "quarantine_share_acceptable")
    assert set(share) == set(FIRST_16)
    assert not any(each.passed for each in share.values())
    assert share[FIRST_16[0]].severity is dg.AssetCheckSeverity.ERROR
    runbook = share[FIRST_16[0]].metadata["runbook"].value
    assert runbook.endswith("#quarantine_share_acceptable")

    allowance = FolderAllowance(quarantine=Allowance(0.5, 20))
    generous = build_migration(Migration(RUNBOOK, allowance), 32)
    dagster.run(STRUCTURED, {"structure_engine": engine}, migration=generous)
    share = dagster.checks("structured_orders", "quarantine_share_acceptable")
    assert all(each.passed for each in share.values())


def test_decoded_documents_are_in_the_metadata_by_form(dagster: Dagster) -> None:
    engine = OddStructureEngine.of(result=half_quarantined)
    dagster.run(STRUCTURED, {"structure_engine": engine})
    metadata = dagster.materializations("structured_orders")[0].metadata
    assert metadata["decoded"].value == 7
    assert (metadata["decoded_gzip"].value, metadata["decoded_utf-16"].value) == (4, 3)


def test_backfills_run_as_many_folders_as_the_settings_say() -> None:
    policy = MIGRATION.backfill_policy
    assert policy is not None
    assert policy.max_partitions_per_run == 32
