"""``checkout-assets access`` as people use it, on buckets with policies of others."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checkout_assets.cli.main import run
from checkout_assets.domain.access.need import Reconciled
from checkout_assets.domain.access.role_policies import granter, source_granter
from checkout_assets.domain.displayable import displayable
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.fault_proxy import FaultProxy
from checkout_assets_tests.granted_place import COPY_ROLE, GRANT_ROLE, NOW, THEIRS, GrantedPlace
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from checkout_assets_tests.strict_iam.access_place import (
    COPIER,
    GRANTER,
    SOURCE_GRANTER,
    filled_place,
)

HOSTILE = "\x1b]0;gone\x07\x7f\u202eteam"
Wrong = tuple[str, dict[str, str]]
SECRET = "a-secret-that-nobody-prints"


class Cli:
    """Runs ``access`` and keeps what it printed."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture
        self.out = self.err = ""

    def __call__(self, *arguments: str, group: str = "access") -> int:
        self._capture.readouterr()
        code = run([group, *arguments])
        self.out, self.err = self._capture.readouterr()
        return code

    @property
    def document(self) -> Any:
        return json.loads(self.out)

    @property
    def last(self) -> str:
        return self.err.splitlines()[-1]


@pytest.fixture
def access(place: OrdersPlace, monkeypatch: pytest.MonkeyPatch) -> GrantedPlace:
    made = GrantedPlace(place)
    for name, value in made.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    return made


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capsys)


def test_without_yes_the_difference_is_shown_and_nothing_is_changed(
    access: GrantedPlace, cli: Cli
) -> None:
    text = access.write(THEIRS)
    assert cli("grant") == 1
    assert cli.last == "Nothing was changed. Use --yes to write the changes."
    assert f"{access.source.bucket}: changes as follows; 1 statement of others stays." in cli.out
    assert '+  "Sid": "CheckoutAssetsReadFoldersByOrdersTeam",' in cli.out.splitlines()
    assert "Theirs" not in cli.out
    assert cli("grant", "--json") == 1
    assert (cli.document["complete"], cli.document["written"]) == (False, False)
    assert access.policy().text == text
    assert access.record() is None


def test_it_is_granted_told_of_and_revoked(access: GrantedPlace, cli: Cli) -> None:
    access.write(THEIRS)
    assert cli("grant", "--days", "14", "--yes") == 0
    assert cli.last.startswith("Granted to orders team until 20")
    assert cli("grant", "--days", "14") == 0, "it is as wanted"
    assert cli.last == "Nothing was changed: everything is granted as shown already."
    assert cli("status") == 0
    assert "The grant: active." in cli.out
    assert "Requested by orders team, granted on" in cli.out
    assert "Access is still needed for what is left." in cli.out
    assert cli("revoke") == 1
    assert cli.last == "Nothing was changed. Use --yes to write the changes."
    assert len(access.policy().ours) == 3
    assert cli("revoke", "--yes", "--json") == 0
    assert cli.document["written"] is True
    assert cli.document["grant"]["revoked_at"]
    assert not access.policy().ours
    assert cli("status", "--json") == 1, "this principal owns the source, which still answers"
    assert cli.document["standing"] == "revoked"
    assert cli.document["problems"] == [cli.err.strip()]
    assert [each["other_statements"] for each in cli.document["buckets"]] == [1, 0, 0]


def test_revoking_by_proof_changes_nothing_while_folders_are_missing(
    access: GrantedPlace, cli: Cli
) -> None:
    assert cli("grant", "--yes") == 0
    assert cli("revoke", "--prove", "--yes") == 1
    assert cli.last.startswith("Error: Nothing was changed: 0 of 512 folders are complete")
    assert len(access.policy().ours) == 3


def test_revoking_by_proof_keeps_the_proof(
    access: GrantedPlace, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """512 real folders are proved elsewhere; here their comparison is given."""
    given = Reconciled(NOW, 512, 512, 9, True, "2026-11-01T00:00:00+00:00", NOW)
    monkeypatch.setattr("checkout_assets.engines.access.proving.prove", lambda *_: given)
    assert cli("grant", "--yes") == 0
    assert cli("revoke", "--prove", "--yes") == 0
    assert "512 of 512 folders complete, 9 objects." in cli.last
    record = access.record()
    assert record is not None
    assert record.proof == given.proof()


def test_the_commands_ask_for_no_more_than_the_granting_roles_may(
    s3_server: EmbeddedS3Server, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    with filled_place(s3_server, tmp_path) as strict:
        terms = replace(strict.terms, grant_role=SOURCE_GRANTER)
        strict.strict.role(GRANTER, granter(terms))
        strict.strict.role(SOURCE_GRANTER, source_granter(terms), trusts=[GRANTER])
        for name, uri in (("SOURCE", strict.source), ("RAW", strict.raw), ("LAKE", strict.lake)):
            monkeypatch.setenv(f"CHECKOUT_{name}_URI", uri.uri)
        monkeypatch.setenv("CHECKOUT_COPY_ROLE_ARN", COPIER)
        given = ["--requester", "a test", "--source-role", SOURCE_GRANTER, "--yes"]
        with strict.acting_as(GRANTER):
            assert cli("grant", *given) == 0, cli.err
            assert cli("status") == 0, cli.err
        assert strict.copy() == []
        with strict.acting_as(GRANTER):
            assert cli("revoke", *given[2:]) == 0, cli.err
            assert cli("status") == 0, cli.err
            assert "The source denies access to this principal." in cli.out
        assert "access to it is denied" in str(strict.copy(run_id="2"))


def test_show_prints_every_policy_without_asking_anybody(
    access: GrantedPlace, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    assert cli("show", "--json") == 0
    made = cli.document
    assert set(made["buckets"]) == {access.source.bucket, access.raw.bucket, access.lake.bucket}
    assert {"copy_role", "structure_role", "reconcile_role", "granter"} <= set(made["roles"])
    policies = [*made["buckets"].values(), *made["roles"].values()]
    assert all(each["Version"] == "2012-10-17" and each["Statement"] for each in policies)
    assert cli("show") == 0
    assert COPY_ROLE in cli.out


def test_the_settings_of_both_engines_reach_the_policies(
    access: GrantedPlace, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    role = "arn:aws:iam::222222222222:role/{}".format
    given = {
        "CHECKOUT_WORKER_ROLE_ARN": role("worker"),
        "CHECKOUT_RECONCILE_ROLE_ARN": role("reconcile"),
        "CHECKOUT_STRUCTURE_ROLE_ARN": role("nodes"),
        "CHECKOUT_EMR_SERVICE_ROLE_ARN": role("emr"),
        "CHECKOUT_SOURCE_GRANT_ROLE_ARN": GRANT_ROLE,
        "CHECKOUT_EC2": '{"fleet_uri": "s3://fleet/x", "package_uri": "s3://programs/y", '
        '"deployment": "orders-copies", '
        '"volume_kms_key": "arn:aws:kms:us-east-2:222222222222:key/of-volumes"}',
        "CHECKOUT_EMR": '{"log_uri": "s3://cluster-logs/z", "deployment": "orders-live", '
        '"package_uri": "s3://jobs/w"}',
        "CHECKOUT_LAKE_KMS_KEY": "arn:aws:kms:us-east-2:222222222222:key/of-the-lake",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert cli("show", "--json") == 0
    roles = cli.document["roles"]
    assert "s3:::fleet/x/" in json.dumps(roles["worker_role"])
    assert "s3:::programs/y/" in json.dumps(roles["worker_role"])
    assert "s3:::jobs/w/" in json.dumps(roles["structure_role"])
    assert "s3:::programs/y/" not in json.dumps(roles["structure_role"])
    assert "s3:::jobs/w/" in json.dumps(roles["host_role"])
    assert "key/of-volumes" in json.dumps(roles["launch_role"])
    assert "s3:::cluster-logs/z/" in json.dumps(roles["structure_role"])
    assert "key/of-the-lake" in json.dumps(roles["structure_role"])
    assert GRANT_ROLE in json.dumps(roles["granter"])
    conditions = {
        action: str(each.get("Condition"))
        for each in roles["launch_role"]["Statement"]
        for action in each["Action"]
    }
    assert "orders-copies" in conditions["ec2:TerminateInstances"]
    assert "orders-live" in conditions["elasticmapreduce:TerminateJobFlows"]
    for named in (role("worker"), role("nodes"), role("emr")):
        assert named in json.dumps(roles["launch_role"])
    assert role("reconcile") in json.dumps(cli.document["buckets"][access.source.bucket])


def test_the_catalog_reaches_the_policies(access: GrantedPlace, cli: Cli) -> None:
    assert cli("show", "--json") == 0
    assert "tables_role" not in cli.document["roles"]
    assert cli("show", "--json", "--catalog", "glue", "--database", "plain") == 0
    keeper = json.dumps(cli.document["roles"]["tables_role"])
    account = COPY_ROLE.split(":")[4]
    for named in ("catalog", "database/orders", "table/orders/checkout", "table/plain/fulfillment"):
        assert f'"arn:aws:glue:*:{account}:{named}"' in keeper
    assert f"{access.lake.bucket}/{access.lake.prefix}orders/checkout/*" in keeper


def test_statements_that_strangers_wrote_are_shown_harmless(access: GrantedPlace, cli: Cli) -> None:
    hostile = {**THEIRS, "Sid": "CheckoutAssetsListTopByX", "Resource": f"arn:aws:s3:::{HOSTILE}"}
    access.write(hostile, {**THEIRS, "Sid": HOSTILE})
    for command in (["revoke"], ["revoke", "--json"], ["status"], ["grant"]):
        cli(*command)
        assert not set("\x1b\x7f\u202e") & set(cli.out + cli.err)
    cli("grant", "--requester", HOSTILE, "--yes")
    cli("status")
    assert displayable(HOSTILE) in cli.out
    assert not set("\x1b\x7f\u202e") & set(cli.out + cli.err)


def test_no_credential_is_ever_printed(access: GrantedPlace, cli: Cli) -> None:
    printed = ""
    for command in ("show", "grant", "grant --yes", "status", "status --json", "revoke --yes"):
        cli(*command.split())
        printed += cli.out + cli.err
    assert printed
    assert SECRET not in printed + (access.policy().text or "")


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (("grant --days 91", {}), "CHECKOUT_ACCESS_DAYS is wrong"),
        (("grant", {"CHECKOUT_ACCESS_REQUESTER": ""}), "No requester is named"),
        (("grant", {"CHECKOUT_COPY_ROLE_ARN": ""}), "set CHECKOUT_COPY_ROLE_ARN"),
        (("grant", {"CHECKOUT_COPY_ROLE_ARN": "me"}), 'The copy role "me" is wrong'),
        (
            ("grant --source-role me", {}),
            'The role that changes the source\'s policy "me" is wrong',
        ),
        (("status", {"CHECKOUT_SOURCE_URI": ""}), "No source is configured"),
        (
            ("revoke", {"CHECKOUT_RAW_URI": "s3://no-such-bucket-here/x"}),
            "the bucket does not exist",
        ),
        (
            ("grant", {"CHECKOUT_SOURCE_URI": "s3://no-such-bucket-here"}),
            "the bucket does not exist",
        ),
        (("grant", {"CHECKOUT_SOURCE_URI": "s3://orders/*"}), "policies read as patterns"),
    ],
)
def test_wrong_usage_is_one_sentence(
    access: GrantedPlace, cli: Cli, monkeypatch: pytest.MonkeyPatch, wrong: Wrong, sentence: str
) -> None:
    command, variables = wrong
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cli(*command.split()) == 2
    assert sentence in cli.err
    assert len(cli.err.splitlines()) == 1
    assert access.record() is None


def test_reconcile_says_when_access_ended(
    access: GrantedPlace,
    cli: Cli,
    aws: EmbeddedS3Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    access.place.put(f"{FOLDER}/A/id/1", b'{"Id": "1"}')
    access.place.copy_one()
    with FaultProxy(aws.endpoint_url).serving() as proxy:
        proxy.rule = access.closed_unless_granted()
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint_url)
        assert cli(FOLDER, group="reconcile") == 2, "denied, and no grant has ended"
        assert "access to it is denied" in cli.err
        assert cli("grant", "--yes") == 0
        assert cli(FOLDER, group="reconcile") == 1
        assert "Access to the source" not in cli.out
        assert cli("revoke", "--yes") == 0
        assert cli(FOLDER, group="reconcile") == 1
        first = cli.out.splitlines()[0]
        assert first.startswith("Access to the source was revoked on ")
        assert first.endswith("Raw and lake were compared with the records only.")
        assert cli.last == "1 of 1 folder is not complete.", "it was not structured"
        assert cli(FOLDER, "--json", group="reconcile") == 1
        assert cli.document["source_ended"].startswith("Access to the source was revoked on ")
