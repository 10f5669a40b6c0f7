"""The jobs ``grant_access`` and ``revoke_access``: dry by default, one sentence if refused."""

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from checkout_assets.automation.access import grant_access, revoke_access
from checkout_assets.definitions import build_defs
from checkout_assets.domain.access.grants import GrantState
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets.settings import Settings
from checkout_assets_tests.dagster.conftest import Dagster
from checkout_assets_tests.dagster.test_access_need import now, resource
from checkout_assets_tests.granted_place import COPY_ROLE, THEIRS, GrantedPlace
from checkout_assets_tests.orders_place import OrdersPlace


@pytest.fixture
def access(aws: EmbeddedS3Server, tmp_path: Path) -> GrantedPlace:
    made = GrantedPlace(OrdersPlace(tmp_path / "place"))
    made.write(THEIRS)
    return made


def execute(
    dagster: Dagster, access: GrantedPlace, job: dg.JobDefinition, **config: Any
) -> dg.ExecuteInProcessResult:
    op = "grant" if job is grant_access else "revoke"
    return job.execute_in_process(
        instance=dagster.instance,
        resources={"access": resource(access)},
        run_config={"ops": {op: {"config": config}}} if config else None,
        raise_on_error=False,
    )


def logged(dagster: Dagster, result: dg.ExecuteInProcessResult) -> str:
    return "\n".join(entry.user_message for entry in dagster.instance.all_logs(result.run_id))


def test_a_dry_run_shows_the_difference_and_writes_nothing(
    dagster: Dagster, access: GrantedPlace
) -> None:
    before = access.policy().text
    result = execute(dagster, access, grant_access)
    assert result.success
    told = logged(dagster, result)
    assert f"{access.source.bucket}, 1 statement of others stays:" in told
    assert "CheckoutAssetsReadFoldersByOrdersTeam" in told
    assert "Only a dry run: nothing was changed." in told
    assert access.policy().text == before
    assert access.record() is None


def test_granted_and_revoked_by_jobs(dagster: Dagster, access: GrantedPlace) -> None:
    others = access.policy().others
    given = {"dry_run": False, "requester": "another team", "days": 3}
    assert execute(dagster, access, grant_access, **given).success
    record = access.record()
    assert record is not None
    assert (record.requester, record.standing(now())) == ("another team", GrantState.ACTIVE)
    assert (record.expires_at - now()).days == 3
    assert execute(dagster, access, revoke_access).success
    assert len(access.policy().ours) == 3, "that was dry"
    assert execute(dagster, access, revoke_access, dry_run=False).success
    assert not access.policy().ours
    assert access.policy().others == others


def test_statements_that_strangers_wrote_are_logged_harmless(
    dagster: Dagster, access: GrantedPlace
) -> None:
    access.write({**THEIRS, "Sid": "CheckoutAssetsListTop", "Resource": "\x1b]0;gone\x7f"})
    told = logged(dagster, execute(dagster, access, revoke_access))
    assert "CheckoutAssetsListTop" in told
    assert not set("\x1b\x7f") & set(told)


def test_a_wrong_configuration_is_one_sentence(dagster: Dagster, access: GrantedPlace) -> None:
    result = grant_access.execute_in_process(
        instance=dagster.instance,
        resources={"access": resource(access, copy_role_arn="")},
        raise_on_error=False,
    )
    failure = dagster.failure(result, "grant")
    assert failure.description.startswith("No role is named that copies")


def test_the_definitions_have_the_jobs_and_the_sensor_as_the_settings_say() -> None:
    given = {
        "source_uri": "s3://orders",
        "raw_uri": "s3://raw",
        "lake_uri": "s3://lake",
        "copy_role_arn": COPY_ROLE,
    }
    defs = build_defs(Settings(**given, access_grace_days=3, access_auto_revoke=True))
    assert {"grant_access", "revoke_access"} <= {each.name for each in defs.jobs or ()}
    assert "grant_outlives_need" in {each.name for each in defs.sensors or ()}
    made: Any = (defs.resources or {})["access"]
    assert (made.access_grace_days, made.access_auto_revoke, made.copy_role_arn) == (
        3,
        True,
        COPY_ROLE,
    )
    default: Any = (build_defs(Settings(**given)).resources or {})["access"]
    assert (default.access_grace_days, default.access_auto_revoke) == (7, False)
