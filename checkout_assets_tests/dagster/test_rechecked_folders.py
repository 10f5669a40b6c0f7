"""A reconciliation reports a folder's check when its result changed, and all once a month."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from checkout_assets.assets import rechecked_folders
from checkout_assets.assets.rechecked_folders import (
    evaluations_due,
    is_new_month,
    report_checks,
)
from checkout_assets.domain.anomalies import RAW_RULES, STRUCTURED_RULES
from checkout_assets.domain.folders import Folder
from checkout_assets.domain.reconciliation import (
    CopyEvidence,
    FolderReason,
    FolderReconciled,
    Reason,
)
from checkout_assets_tests.dagster.conftest import FIRST_16, RUNBOOK, Dagster
from checkout_assets_tests.dagster.engines import (
    OddCopyEngine,
    OddStructureEngine,
    copied,
    structured,
)

A, B = FIRST_16[0], FIRST_16[1]
BOTH = "raw_orders structured_orders"
COPIED, ACCOUNTED = "every_object_copied", "every_document_accounted_for"
ONCE = "no_source_key_twice"


def found(name: str, *reasons: Reason, recorded: bool = True) -> FolderReconciled:
    """A folder as the engines of these tests leave it, with these reasons beside its records."""
    folder = Folder.parse(name)
    findings = [
        *(rule.judge(copied(folder, "").facts) for rule in RAW_RULES),
        *(rule.judge(structured(folder, "").totals) for rule in STRUCTURED_RULES),
    ]
    causes = [FolderReason(each) for each in reasons]
    return FolderReconciled(folder, causes, findings=findings if recorded else ())


def migrated(dagster: Dagster, failing: str = "") -> None:
    copy = OddCopyEngine.of(failing=[failing])
    dagster.run(BOTH, {"copy_engine": copy, "structure_engine": OddStructureEngine.of()}, [A, B])


def due(dagster: Dagster, *folders: FolderReconciled, all_of_them: bool = False) -> list[Any]:
    return list(evaluations_due(dagster.instance, folders, RUNBOOK, all_of_them))


def told(evaluations: list[Any]) -> list[tuple[str, str, bool]]:
    return [(each.partition, each.check_name, each.passed) for each in evaluations]


def test_nothing_is_reported_of_what_did_not_change(in_memory: Dagster) -> None:
    migrated(in_memory)
    assert due(in_memory, found(A), found(B)) == []


def test_what_was_repaired_elsewhere_turns_green_with_its_target(in_memory: Dagster) -> None:
    migrated(in_memory)
    migrated(in_memory, failing=A)
    (evaluation,) = due(in_memory, found(A), found(B))
    assert told([evaluation]) == [(A, COPIED, True)]
    materialized = in_memory.instance.get_latest_materialization_event(dg.AssetKey("raw_orders"))
    assert evaluation.target_materialization_data is not None
    assert materialized is not None


@pytest.mark.parametrize(
    ("reason", "check"),
    [
        (Reason.OBJECTS_MISSING, COPIED),
        (Reason.MANIFEST_BROKEN, COPIED),
        (Reason.FILES_MISSING, ACCOUNTED),
        (Reason.STRUCTURED_FROM_OLDER_COPY, ACCOUNTED),
        (Reason.FILES_ORPHANED, ONCE),
    ],
)
@pytest.mark.parametrize("recorded", [True, False])
def test_what_broke_since_turns_red_and_green_again(
    in_memory: Dagster, reason: Reason, check: str, recorded: bool
) -> None:
    migrated(in_memory)
    broken = due(in_memory, found(A, reason, recorded=recorded))
    assert told(broken) == [(A, check, False)]
    assert FolderReason(reason).sentence in broken[0].description
    for each in broken:
        in_memory.instance.report_runless_asset_event(each)
    assert due(in_memory, found(A, reason, recorded=recorded)) == []
    assert told(due(in_memory, found(A))) == [(A, check, True)]


def test_a_failed_check_waits_for_a_listing_to_turn_green(in_memory: Dagster) -> None:
    """An earlier listing proves nothing new; what broke is told by it all the same."""
    migrated(in_memory)
    migrated(in_memory, failing=A)
    earlier = CopyEvidence(listed_at=datetime(2026, 11, 20, tzinfo=UTC))
    assert due(in_memory, replace(found(A), copy=earlier)) == []
    month = due(in_memory, replace(found(A), copy=earlier), all_of_them=True)
    assert (A, COPIED) not in {(each.partition, each.check_name) for each in month}
    broken = replace(found(B, Reason.MANIFEST_BROKEN), copy=earlier)
    assert told(due(in_memory, broken)) == [(B, COPIED, False)]
    assert told(due(in_memory, found(A))) == [(A, COPIED, True)]


def test_a_folder_that_could_not_be_compared_keeps_its_results(in_memory: Dagster) -> None:
    migrated(in_memory, failing=A)
    assert due(in_memory, found(A, Reason.NOT_COMPARED)) == []
    assert due(in_memory, found(A, Reason.NOT_COMPARED), all_of_them=True) == []


def test_a_folder_that_was_never_reported_waits_for_the_month(in_memory: Dagster) -> None:
    assert due(in_memory, found(A), found(B, Reason.NOT_COPIED)) == []


def test_a_check_that_an_earlier_version_did_not_have_is_reported_if_it_fails(
    in_memory: Dagster, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrated(in_memory)
    before = rechecked_folders.results_shown

    def without_the_new_one(*asked: Any) -> dict[tuple[str, str | None], bool]:
        return {key: passed for key, passed in before(*asked).items() if key[0] != ONCE}

    monkeypatch.setattr(rechecked_folders, "results_shown", without_the_new_one)
    assert due(in_memory, found(A), found(B)) == []
    assert told(due(in_memory, found(A, Reason.FILES_ORPHANED))) == [(A, ONCE, False)]


def test_all_checks_are_reported_once_a_month(in_memory: Dagster) -> None:
    migrated(in_memory)
    every = due(in_memory, found(A), found(B), all_of_them=True)
    assert len(every) == 2 * (len(RAW_RULES) + len(STRUCTURED_RULES))
    assert {each.partition for each in every} == {A, B}
    assert all(each.target_materialization_data for each in every)


def test_the_month_s_first_is_known_by_the_last_one() -> None:
    first = datetime(2026, 12, 1, 5, tzinfo=UTC)
    assert is_new_month(datetime(2026, 11, 30, 5, tzinfo=UTC), first)
    assert is_new_month(datetime(2025, 12, 31, 5, tzinfo=UTC), first)
    assert not is_new_month(first, datetime(2026, 12, 31, 23, tzinfo=UTC))
    assert not is_new_month(first, datetime(2026, 11, 30, tzinfo=UTC)), "a clock that was set back"


@pytest.mark.parametrize("months_later", [0, 1])
def test_a_reconciliation_reports_what_is_due(in_memory: Dagster, months_later: int) -> None:
    """The same month, in which nothing changed, and the next one."""
    migrated(in_memory)
    key = dg.AssetKey("looks")
    in_memory.instance.report_runless_asset_event(dg.AssetMaterialization(key))
    last = in_memory.instance.fetch_materializations(key, limit=1).records[0].timestamp
    now = datetime.fromtimestamp(last, UTC) + timedelta(days=31 * months_later)

    @dg.asset(key=key)
    def looks(context: dg.AssetExecutionContext) -> None:
        report_checks(context, key, [found(A)], RUNBOOK, now)

    ended = dg.materialize([looks], instance=in_memory.instance)
    stored = in_memory.instance.all_logs(
        ended.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION
    )
    assert len(stored) == months_later * (len(RAW_RULES) + len(STRUCTURED_RULES))
