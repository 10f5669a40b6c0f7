"""The sensor and the check: a grant nobody needs is red, and is revoked only if that was set."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster_aws.s3 import S3Resource

from checkout_assets.assets.grant_need import PROVES, history, kept
from checkout_assets.assets.raw_orders import RAW_ORDERS
from checkout_assets.assets.reconciliation import build_reconciliation
from checkout_assets.assets.reconciliation_checks import EXPECTED
from checkout_assets.assets.reconciliation_page import RECONCILIATION
from checkout_assets.automation.access import build_grant_outlives_need, revoke_access
from checkout_assets.definitions import build_defs
from checkout_assets.domain.access.grants import GrantState, granted
from checkout_assets.domain.access.need import RULE, Reconciled
from checkout_assets.domain.folders import ALL_FOLDERS
from checkout_assets.domain.reconciliation import CopyEvidence, FolderReconciled, Summary
from checkout_assets.engines.access.grant_record import keep_grant
from checkout_assets.engines.access.proving import reconciled
from checkout_assets.engines.copying.cutoff import settle_cut_off
from checkout_assets.resources.access import AccessResource
from checkout_assets.resources.engines import ReconcilerResource
from checkout_assets.resources.stores import Stores
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets.settings import Settings
from checkout_assets_tests.dagster.conftest import RUNBOOK, Dagster
from checkout_assets_tests.fault_proxy import Answer, FaultProxy
from checkout_assets_tests.granted_place import COPY_ROLE, GrantedPlace
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from spark_jobs.contract.completion import CompletionRecord

CUT_OFF = datetime(2026, 11, 1, tzinfo=UTC)
LONG_AGO = timedelta(days=8)
SENSOR = build_grant_outlives_need(RUNBOOK)


@pytest.fixture
def proxy(aws: EmbeddedS3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    with FaultProxy(aws.endpoint_url).serving() as proxy:
        yield proxy


@pytest.fixture
def access(
    aws: EmbeddedS3Server, tmp_path: Path, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> GrantedPlace:
    """A granted source, which its policy opens, as everybody but the fixture sees it."""
    made = GrantedPlace(OrdersPlace(tmp_path / "place"))
    settle_cut_off(made.raw.open(), CUT_OFF)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint_url)
    proxy.rule = made.closed_unless_granted()
    resource(made).granter().grant(resource(made).terms("", 0, now()), now())
    return made


def now() -> datetime:
    return datetime.now(UTC)


def stores(access: GrantedPlace) -> Stores:
    return Stores(
        source_uri=access.source.uri,
        raw_uri=access.raw.uri,
        lake_uri=access.lake.uri,
        s3=S3Resource(),
    )


def resource(access: GrantedPlace, **options: Any) -> AccessResource:
    given = {"copy_role_arn": COPY_ROLE, "access_requester": "orders team", **options}
    return AccessResource(stores=stores(access), **given)


def proof(ago: timedelta = LONG_AGO, **different: Any) -> Reconciled:
    whole = Reconciled(
        at=now() - ago,
        folders=512,
        complete=512,
        objects=10_000,
        with_source=True,
        as_of=CUT_OFF.isoformat(),
        last_listed=now() - LONG_AGO - timedelta(hours=1),
    )
    return replace(whole, **different)


def reconcile(dagster: Dagster, *proofs: Reconciled) -> None:
    for each in proofs:
        dagster.instance.report_runless_asset_event(
            dg.AssetMaterialization(RECONCILIATION, metadata={PROVES: kept(each)})
        )


class Looked:
    """What the sensor did, and the cursor for the next look."""

    def __init__(self, result: Any) -> None:
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor
        self.told: list[Any] = list(result.asset_events)
        self.runs = list(result.run_requests or [])

    @property
    def passed(self) -> bool:
        (told,) = self.told
        assert (told.asset_key, told.check_name) == (RECONCILIATION, RULE)
        assert told.severity is dg.AssetCheckSeverity.ERROR
        assert told.metadata["runbook"].value.endswith(f"#{RULE}")
        return bool(told.passed)

    @property
    def summary(self) -> str:
        return str(self.told[0].description)


def look(
    dagster: Dagster, access: GrantedPlace, cursor: str | None = None, **options: Any
) -> Looked:
    given = {"access": resource(access, **options)}
    with dg.build_sensor_context(
        instance=dagster.instance, resources=given, cursor=cursor
    ) as context:
        return Looked(SENSOR(context))


def test_nothing_is_said_before_the_first_reconciliation(
    dagster: Dagster, access: GrantedPlace
) -> None:
    given = {"access": resource(access)}
    with dg.build_sensor_context(instance=dagster.instance, resources=given) as context:
        told = SENSOR(context)
    assert isinstance(told, dg.SkipReason)
    assert told.skip_message == "Nothing was reconciled yet."


@pytest.mark.parametrize(
    ("made", "why"),
    [
        ({"complete": 511}, "511 of 512 folders were complete"),
        ({"folders": 16, "complete": 16}, "16 of 512 folders were complete"),
        ({"with_source": False}, "did not look at the source"),
        ({"as_of": ""}, "cut-off"),
        ({"as_of": "2026-10-01T00:00:00+00:00"}, "up to the cut-off that raw keeps"),
    ],
)
def test_it_is_still_needed_until_all_is_proved(
    dagster: Dagster, access: GrantedPlace, made: dict[str, Any], why: str
) -> None:
    reconcile(dagster, proof(), proof(timedelta(hours=1), **made))
    looked = look(dagster, access, access_auto_revoke=True)
    assert looked.passed
    assert looked.runs == []
    assert looked.summary.startswith("Access to the source is still needed")
    assert why in looked.summary


def test_grace_counts_from_the_first_proof_and_from_the_last_copy(
    dagster: Dagster, access: GrantedPlace
) -> None:
    reconcile(dagster, proof(timedelta(days=6)), proof(timedelta(hours=1)))
    assert look(dagster, access).passed
    assert "until" in look(dagster, access).summary
    assert not look(dagster, access, access_grace_days=5).passed
    reconcile(dagster, proof(timedelta(0), last_listed=now() - timedelta(days=1)))
    assert look(dagster, access, access_grace_days=5).passed, "a folder was copied again yesterday"


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTED])
@pytest.mark.parametrize("selected", [RAW_ORDERS, None])
def test_it_is_needed_while_a_run_copies_or_may(
    dagster: Dagster,
    access: GrantedPlace,
    status: dg.DagsterRunStatus,
    selected: dg.AssetKey | None,
) -> None:
    reconcile(dagster, proof())
    run = begin(dagster, status, selected)
    looked = look(dagster, access)
    assert looked.passed
    assert run.run_id in looked.summary
    dagster.instance.report_run_failed(run)
    assert not look(dagster, access).passed


def test_a_reconciliation_at_work_copies_nothing(dagster: Dagster, access: GrantedPlace) -> None:
    reconcile(dagster, proof())
    begin(dagster, dg.DagsterRunStatus.STARTED, RECONCILIATION)
    dagster.instance.create_run_for_job(revoke_access, status=dg.DagsterRunStatus.STARTED)
    assert not look(dagster, access).passed


def test_it_is_needed_while_a_backfill_copies(dagster: Dagster, access: GrantedPlace) -> None:
    reconcile(dagster, proof())
    backfill = PartitionBackfill(
        backfill_id="queued",
        status=BulkActionStatus.REQUESTED,
        from_failure=False,
        tags={},
        backfill_timestamp=now().timestamp(),
        asset_selection=[RAW_ORDERS],
        serialized_asset_backfill_data="",
    )
    dagster.instance.add_backfill(backfill)
    assert look(dagster, access).passed
    over: Any = backfill
    dagster.instance.update_backfill(over.with_status(BulkActionStatus.COMPLETED_SUCCESS))
    assert not look(dagster, access).passed


def test_red_then_revoked_then_green(dagster: Dagster, access: GrantedPlace) -> None:
    reconcile(dagster, proof())
    red = look(dagster, access)
    assert not red.passed
    assert red.summary.startswith("All 512 folders are proved since")
    assert red.runs == [], "nothing is revoked without the setting"
    assert look(dagster, access, red.cursor).told == [], "it is told once"

    ended = revoke_access.execute_in_process(
        instance=dagster.instance,
        resources={"access": resource(access)},
        run_config={"ops": {"revoke": {"config": {"dry_run": False}}}},
    )
    assert ended.success
    record = access.record()
    assert record is not None
    assert record.standing(now()) is GrantState.REVOKED
    assert record.proof is not None
    assert record.proof.folders == 512
    green = look(dagster, access, red.cursor)
    assert green.passed
    assert green.summary.startswith("Access to the source was revoked on")


def test_it_revokes_by_itself_only_with_the_setting(dagster: Dagster, access: GrantedPlace) -> None:
    reconcile(dagster, proof())
    (request,) = look(dagster, access, access_auto_revoke=True).runs
    ended = revoke_access.execute_in_process(
        instance=dagster.instance,
        resources={"access": resource(access)},
        run_config=request.run_config,
    )
    assert ended.success
    assert not access.policy().ours
    assert look(dagster, access, access_auto_revoke=True).runs == []
    assert look(dagster, access, access_auto_revoke=True).passed


def test_a_source_that_others_opened_is_red_and_not_ours_to_close(
    dagster: Dagster, access: GrantedPlace, proxy: FaultProxy
) -> None:
    reconcile(dagster, proof())
    resource(access).granter().revoke(now())
    proxy.rule = lambda _: None
    looked = look(dagster, access, access_auto_revoke=True)
    assert not looked.passed
    assert "no active grant is recorded" in looked.summary
    assert looked.runs == []


def test_an_expired_grant_needs_no_revocation(
    dagster: Dagster, access: GrantedPlace, proxy: FaultProxy
) -> None:
    reconcile(dagster, proof())
    keep_grant(
        access.raw.open(),
        granted("orders team", now() - timedelta(days=9), now() - timedelta(days=1)),
    )
    proxy.rule = lambda each: (
        Answer(403, "AccessDenied") if access.source.bucket in each.path else None
    )
    looked = look(dagster, access, access_auto_revoke=True)
    assert looked.passed
    assert looked.summary.startswith("Access to the source expired on")


def test_a_broken_record_is_red(dagster: Dagster, access: GrantedPlace) -> None:
    reconcile(dagster, proof())
    access.place.put("_access/grant.json", b"[]", access.raw)
    looked = look(dagster, access, access_auto_revoke=True)
    assert not looked.passed
    assert "record of the grant cannot be read" in looked.summary
    assert looked.runs == []


# The check, as reconciliation reports it.


def materialize(dagster: Dagster, access: GrantedPlace) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        [build_reconciliation(RUNBOOK)],
        instance=dagster.instance,
        resources={"reconciler": ReconcilerResource(stores=stores(access))},
        raise_on_error=False,
    )


def need_check(result: dg.ExecuteInProcessResult) -> Any:
    (check,) = [e for e in result.get_asset_check_evaluations() if e.check_name == RULE]
    return check


def test_reconciliation_reports_the_check_and_keeps_what_it_proves(
    dagster: Dagster,
    access: GrantedPlace,
    aws: EmbeddedS3Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", aws.endpoint_url)  # the proxy is slow for 512
    access.place.put(f"{FOLDER}/A/id/1", b'{"Id": "1"}')
    as_of = now()
    access.place.copy_one(as_of=as_of)
    result = materialize(dagster, access)
    assert not result.success, "no folder is complete"
    assert need_check(result).passed
    assert "0 of 512 folders were complete" in need_check(result).description
    (told,) = result.asset_materializations_for_node("reconciliation")
    proves: Any = told.metadata[PROVES].value
    assert (proves["folders"], proves["complete"], proves["with_source"]) == (512, 0, True)
    assert datetime.fromisoformat(proves["as_of"]) == as_of
    assert "source_access" not in told.metadata
    assert look(dagster, access).passed


def test_after_revocation_reconciliation_tells_the_end_and_looks_at_raw_and_lake(
    dagster: Dagster, access: GrantedPlace
) -> None:
    reconcile(dagster, proof())
    resource(access).granter().revoke(now(), proof().proof())
    result = materialize(dagster, access)
    assert not result.success, "no folder is complete"
    assert need_check(result).passed
    (told,) = result.asset_materializations_for_node("reconciliation")
    sentence = str(told.metadata["source_access"].value)
    assert sentence.startswith("Access to the source was revoked on")
    assert "512 of 512 folders complete, 10,000 objects." in sentence
    proves: Any = told.metadata[PROVES].value
    assert proves["with_source"] is False
    told_of = {e.check_name: e.description for e in result.get_asset_check_evaluations()}
    assert told_of[EXPECTED] == "The source was not listed."


def test_denied_while_granted_is_a_failure(
    dagster: Dagster, access: GrantedPlace, proxy: FaultProxy
) -> None:
    proxy.rule = lambda each: (
        Answer(403, "AccessDenied") if access.source.bucket in each.path else None
    )
    result = materialize(dagster, access)
    assert not result.success
    failure = dagster.failure(result, "reconciliation")
    assert "access to it is denied" in failure.description


@pytest.mark.parametrize(
    "change",
    [
        {"objects": "5"},
        {"at": "then"},
        {"at": "2026-11-01T00:00:00"},
        {"with_source": 1},
        {"complete": -1},
        {"last_listed": 7},
        {"format_version": 2},
    ],
)
def test_a_proof_that_cannot_be_read_proves_nothing(
    dagster: Dagster, change: dict[str, Any]
) -> None:
    whole: Any = kept(proof()).value
    before = {name: value for name, value in whole.items() if name != "format_version"}
    for value in ({**whole, **change}, {}, [], before, {**whole, "added": "later"}):
        dagster.instance.report_runless_asset_event(
            dg.AssetMaterialization(RECONCILIATION, metadata={PROVES: dg.MetadataValue.json(value)})
        )
    first, second = history(dagster.instance, RECONCILIATION)
    assert first.proves
    assert first == second


def test_what_512_complete_folders_of_one_cut_off_prove() -> None:
    folders = [folder_of(each, CUT_OFF.isoformat()) for each in ALL_FOLDERS]
    summary = replace(Summary.of(folders), complete=512)
    assert reconciled(folders, summary, now()).proves
    other = folder_of(ALL_FOLDERS[7], "2026-11-02T00:00:00+00:00")
    mixed = [*folders[:7], other, *folders[8:]]
    assert not reconciled(mixed, summary, now()).proves
    blind = [*folders[:7], replace(folders[7], copy=CopyEvidence()), *folders[8:]]
    assert not reconciled(blind, summary, now()).proves
    same = folder_of(ALL_FOLDERS[7], "2026-11-01T01:00:00+01:00")
    assert reconciled([*folders[:7], same, *folders[8:]], summary, now()).proves


def folder_of(folder: Any, as_of: str) -> FolderReconciled:
    record = CompletionRecord(
        folder.name, "copy", as_of, "2026-11-02T00:00:00+00:00", [], {}, {}, 0, ""
    )
    return FolderReconciled(folder, copy=CopyEvidence(listed=1, record=record))


@cache
def all_assets() -> dg.JobDefinition:
    """The job of all assets, which takes a second to make."""
    return build_defs(Settings()).resolve_implicit_global_asset_job_def()


def begin(
    dagster: Dagster, status: dg.DagsterRunStatus, selected: dg.AssetKey | None
) -> dg.DagsterRun:
    """A run of the assets, of which one may be selected, that works or waits."""
    every = all_assets()
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("orders"), "orders")
    return dagster.instance.create_run_for_job(
        every.get_subset(asset_selection={selected}) if selected else every,
        status=status,
        asset_selection=frozenset({selected}) if selected else None,
        remote_job_origin=RemoteJobOrigin(repository, every.name),
    )
