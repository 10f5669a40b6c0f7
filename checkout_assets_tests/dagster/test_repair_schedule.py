"""``repair_daily``: what it requests, when it waits, and when it gives up, on a real instance."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)

from checkout_assets.assets.migration import Migration
from checkout_assets.assets.reconciliation import build_reconciliation
from checkout_assets.assets.reconciliation_page import RECONCILIATION
from checkout_assets.assets.scheduled_repairs import (
    SCHEDULED_REPAIRS,
    check_given_up,
    kept_state,
    launched_since,
    state_now,
)
from checkout_assets.automation.repair import build_repair_folders
from checkout_assets.automation.repair_schedule import build_repair_daily
from checkout_assets.definitions import build_defs
from checkout_assets.domain.reconciliation import Reason
from checkout_assets.domain.reporting.outcome import Line, ReconciliationOutcome, ReportedFolder
from checkout_assets.domain.reporting.scheduled_repairs import RepairState
from checkout_assets.settings import Settings
from checkout_assets_tests.dagster.conftest import RUNBOOK, Dagster
from checkout_assets_tests.dagster.engines import OddCopyEngine, OddStructureEngine
from checkout_assets_tests.dagster_files import DagsterFiles
from spark_jobs.contract.failures import Failure

A, B, C = "07_CheckoutOrder", "08_CheckoutOrder", "E9_FulfillmentOrder"
JOB = build_repair_folders(Migration(RUNBOOK))
TRIES, FOLDERS = 3, 2
REPAIR_DAILY = build_repair_daily(JOB, TRIES, FOLDERS)


@pytest.fixture(scope="module")
def files(
    tmp_path_factory: pytest.TempPathFactory, dagster_files: DagsterFiles
) -> Iterator[dg.DagsterInstance]:
    """One instance for all tests: a schedule needs one with files, which are slow to make."""
    with dagster_files.instance(tmp_path_factory.mktemp("dagster")) as instance:
        yield instance


@pytest.fixture
def dagster(files: dg.DagsterInstance) -> Dagster:
    """It, empty."""
    files.wipe()
    return Dagster(files)


def outcome(*red: str, reason: Reason = Reason.NOT_COPIED, at: datetime) -> ReconciliationOutcome:
    told = [ReportedFolder(name, "red", [Line(reason.code, "red", "Red.", 1)]) for name in red]
    return ReconciliationOutcome(
        at.isoformat(), "r", True, 512, 512 - len(red), 0, 0, 0, 0, 0, 0, told
    )


def reconciled(
    dagster: Dagster, *red: str, reason: Reason = Reason.NOT_COPIED, age: float = 1
) -> RepairState:
    """A reconciliation some hours ago found these folders red."""
    at = datetime.now(UTC) - timedelta(hours=age)
    found = outcome(*red, reason=reason, at=at)
    state = state_now(dagster.instance, found, at)
    keep(dagster, state)
    return state


def keep(dagster: Dagster, state: RepairState) -> None:
    dagster.instance.report_runless_asset_event(
        dg.AssetMaterialization(RECONCILIATION, metadata={SCHEDULED_REPAIRS: kept_state(state)})
    )


def evaluated(dagster: Dagster, at: datetime | None = None) -> Any:
    """The run request, or why nothing is requested."""
    context = dg.build_schedule_context(
        dagster.instance, scheduled_execution_time=at or datetime.now(UTC)
    )
    told = REPAIR_DAILY.evaluate_tick(context)
    return told.run_requests[0] if told.run_requests else told.skip_message


def folders_of(request: Any) -> list[str]:
    folders: list[str] = request.run_config["ops"]["repair"]["config"]["folders"]
    return folders


def test_it_is_off_until_somebody_turns_it_on() -> None:
    schedule = build_defs(Settings()).resolve_schedule_def("repair_daily")
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED


def test_the_red_folders_are_requested_as_one_run_per_day(dagster: Dagster) -> None:
    reconciled(dagster, A, B)
    day = datetime.now(UTC).replace(hour=6)
    request, later = evaluated(dagster, day), evaluated(dagster, day + timedelta(hours=3))
    assert folders_of(request) == [f"{A}..{B}"]
    assert request.run_key == later.run_key
    assert request.run_key != evaluated(dagster, day + timedelta(days=1)).run_key
    validated = JOB.execute_in_process(
        run_config=request.run_config,
        instance=dagster.instance,
        resources={
            "copy_engine": OddCopyEngine.of(),
            "structure_engine": OddStructureEngine.of(),
        },
    )
    assert validated.success
    assert dagster.materialized("structured_orders") == {A, B}


def test_no_more_folders_per_day_than_the_setting_says(dagster: Dagster) -> None:
    reconciled(dagster, A, B, C)
    assert folders_of(evaluated(dagster)) == [f"{A}..{B}"]


def test_nothing_is_requested_without_a_reconciliation_or_with_an_old_one(
    dagster: Dagster,
) -> None:
    said = "No reconciliation of the last 36 hours says what is red."
    assert evaluated(dagster) == said
    reconciled(dagster, A, age=37)
    assert evaluated(dagster) == said
    dagster.instance.report_runless_asset_event(dg.AssetMaterialization(RECONCILIATION))
    assert evaluated(dagster) == said


@pytest.mark.parametrize(
    ("red", "reason"), [((), Reason.NOT_COPIED), ((A,), Reason.SOURCE_IS_EMPTY)]
)
def test_nothing_is_requested_where_a_repair_does_not_help(
    dagster: Dagster, red: Sequence[str], reason: Reason
) -> None:
    reconciled(dagster, *red, reason=reason)
    assert evaluated(dagster) == "No red folder is left that a repair by schedule may help."


def add_run(
    dagster: Dagster,
    status: dg.DagsterRunStatus,
    job_name: str = "__ASSET_JOB",
    tags: Mapping[str, str] | None = None,
    **how: Any,
) -> str:
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("here"), "repository")
    origin = RemoteJobOrigin(repository, job_name)
    run = dg.DagsterRun(
        job_name, status=status, tags=dict(tags or {}), remote_job_origin=origin, **how
    )
    dagster.instance.add_run(run)
    return run.run_id


def of_range(first: str, last: str) -> dict[str, str]:
    return {
        "dagster/asset_partition_range_start": first,
        "dagster/asset_partition_range_end": last,
    }


Status = dg.DagsterRunStatus


@pytest.mark.parametrize("status", [Status.QUEUED, Status.STARTED, Status.CANCELING])
def test_folders_of_queued_and_running_runs_are_left_out(
    dagster: Dagster, status: dg.DagsterRunStatus
) -> None:
    reconciled(dagster, A, B, C)
    add_run(dagster, status, tags=of_range("00_CheckoutOrder", A))
    assert folders_of(evaluated(dagster)) == [B, C]
    add_run(dagster, status, tags={"dagster/partition": B})
    assert folders_of(evaluated(dagster)) == [C]
    add_run(dagster, status, job_name="grant_access")
    assert folders_of(evaluated(dagster)) == [C]


@pytest.mark.parametrize("job", ["repair_folders", "reconcile", "somebody_s_own"])
def test_a_run_whose_folders_are_not_known_is_waited_for(dagster: Dagster, job: str) -> None:
    reconciled(dagster, A)
    run_id = add_run(dagster, Status.QUEUED, job)
    assert "A run is queued or at work" in evaluated(dagster)
    run = dagster.instance.get_run_by_id(run_id)
    assert run is not None
    dagster.instance.report_run_canceled(run)
    assert folders_of(evaluated(dagster)) == [A]


def test_a_backfill_of_the_tables_is_waited_for(dagster: Dagster) -> None:
    reconciled(dagster, A)
    backfill = PartitionBackfill(
        "backfill",
        status=BulkActionStatus.REQUESTED,
        from_failure=False,
        tags={},
        backfill_timestamp=datetime.now(UTC).timestamp(),
        asset_selection=[dg.AssetKey("raw_orders")],
    )
    dagster.instance.add_backfill(backfill)
    assert evaluated(dagster) == "A backfill is under way."
    dagster.instance.update_backfill(backfill.with_status(BulkActionStatus.COMPLETED_FAILED))
    assert folders_of(evaluated(dagster)) == [A]


def transiently(folder: Any, error: str) -> Any:
    return failed_copy(folder, error, Failure("SlowDown", transient=True))


def permanently(folder: Any, error: str) -> Any:
    return failed_copy(folder, error, Failure("AccessDenied"))


def failed_copy(folder: Any, error: str, failure: Failure) -> Any:
    from checkout_assets.engines.copying.result import FolderCopied

    told = error or f"{folder}: it is not copied."
    return FolderCopied(folder, error=told, failure=failure)


def launch(dagster: Dagster, request: Any, result: Any) -> dg.ExecuteInProcessResult:
    """Run what the schedule requested, as the daemon would, with an engine that fails so."""
    copy = OddCopyEngine.of(result=result)
    return JOB.execute_in_process(
        run_config=request.run_config,
        tags=dict(request.tags),
        instance=dagster.instance,
        resources={"copy_engine": copy, "structure_engine": OddStructureEngine.of()},
        raise_on_error=False,
    )


def check_of(state: RepairState) -> dg.AssetCheckResult:
    return check_given_up(state, TRIES, RUNBOOK)


def test_each_reconciliation_is_followed_by_one_repair(dagster: Dagster) -> None:
    reconciled(dagster, A)
    launch(dagster, evaluated(dagster), transiently)
    assert evaluated(dagster) == (
        "The folders were not reconciled since the last repair by this schedule."
    )


def test_tries_are_used_up_and_the_remedy_makes_the_check_green_again(dagster: Dagster) -> None:
    state = reconciled(dagster, A, B)
    for tries in range(1, TRIES + 1):
        assert check_of(state).passed
        launch(dagster, evaluated(dagster), transiently)
        state = reconciled(dagster, A, B, age=0)
        assert state.tries == {A: tries, B: tries}
    red = check_of(state)
    assert not red.passed
    assert red.severity is dg.AssetCheckSeverity.ERROR
    assert red.description == (
        f"2 folders are still red after 3 repairs by repair_daily, and are not tried again: "
        f"{A}..{B}."
    )
    assert evaluated(dagster) == "No red folder is left that a repair by schedule may help."
    # The runbook: solve the reason, launch repair_folders, reconcile.
    assert check_of(reconciled(dagster, age=0)).passed
    assert folders_of(evaluated(dagster) if reconciled(dagster, A, age=0) else None) == [A]


def test_a_permanent_failure_is_tried_once(dagster: Dagster) -> None:
    reconciled(dagster, A)
    run = launch(dagster, evaluated(dagster), permanently)
    (row,) = dagster.failure(run, "repair").metadata["failed_folders"].records
    assert row.data["permanent"] is True
    state = reconciled(dagster, A, age=0)
    assert not check_of(state).passed
    assert check_of(state).description == (
        f"1 folder is still red because its repair failed permanently, and is not tried again: {A}."
    )
    assert evaluated(dagster) == "No red folder is left that a repair by schedule may help."


def test_a_repeated_run_is_no_try_of_its_own(dagster: Dagster) -> None:
    reconciled(dagster, A)
    request = evaluated(dagster)
    launch(dagster, request, transiently)
    (first,) = launched_since(dagster.instance, None)
    add_run(
        dagster,
        Status.FAILURE,
        "repair_folders",
        tags=request.tags,
        run_config=request.run_config,
        root_run_id=first.run_id,
        parent_run_id=first.run_id,
    )
    assert reconciled(dagster, A, age=0).tries == {A: 1}


def test_reconciliation_reports_the_check() -> None:
    keys = {each.name for each in build_reconciliation(RUNBOOK).check_specs}
    assert "no_folder_given_up" in keys


def test_the_settings_reach_schedule_and_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHECKOUT_REPAIR_TRIES", "5")
    monkeypatch.setenv("CHECKOUT_REPAIR_FOLDERS_PER_DAY", "7")
    told = build_defs(Settings()).resolve_schedule_def("repair_daily").description or ""
    assert "at most 7 folders per day and each 5 times" in told
