"""Rules for policies, ours and parliament's: what we make keeps them, the hand run's did not."""

import ast
import inspect
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from parliament import analyze_policy_string  # type: ignore[import-untyped]

from checkout_assets.domain.access.bucket_policies import source_statements, target_statements
from checkout_assets.domain.access.role_policies import ROLE_POLICIES, policy_document
from checkout_assets.domain.access.statements import Statement
from checkout_assets.domain.access.terms import AccessTerms, Place
from checkout_assets.engines.alerts import sns
from checkout_assets.engines.ec2 import api as ec2_api
from checkout_assets.engines.emr import api as emr_api
from checkout_assets.engines.fleet.quota_requests import QUOTA_READS
from checkout_assets.engines.fleet.tags import DEPLOYMENT_TAG
from checkout_assets_tests import policy_rules
from checkout_assets_tests.policy_rules import LASTING_RULES, TEMPORARY_RULES, Breach, lint
from checkout_assets_tests.strict_iam.evaluation import Ask
from checkout_assets_tests.strict_iam.host_requests import IMPLIED, Host, asks_of_ec2

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
KEY = "arn:aws:kms:us-east-2:222222222222:key/1234"
LARGEST_MANAGED_POLICY = 6144
"""Characters without spaces: IAM's quota."""
HAND_RUN = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "Migration",
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::222222222222:root"},
            "Action": "s3:*",
            "Resource": ["arn:aws:s3:::source", "arn:aws:s3:::source/*"],
        }
    ],
}
"""What the hand run opened the source with, its names invented."""


def role(name: str) -> str:
    return f"arn:aws:iam::222222222222:role/{name}"


TERMS = AccessTerms(
    source=Place("source", "root/"),
    raw=Place("raw", "copies/"),
    lake=Place("lake", "tables/"),
    copy_role=role("copier"),
    expires=NOW + timedelta(days=30),
    requester="Data team, Jane",
    worker_role=role("worker"),
    reconcile_role=role("reconciler"),
    structure_role=role("structurer"),
    emr_service_role=role("emr"),
    grant_role="arn:aws:iam::111111111111:role/granter",
    source_key=KEY,
    raw_key=KEY,
    lake_key=KEY,
    package=Place("artifacts", "package/"),
    reports=Place("artifacts", "fleet/"),
    logs=Place("artifacts", "logs/"),
    run_logs=Place("artifacts", "run-logs/"),
    topics=("arn:aws:sns:us-east-2:222222222222:orders",),
    catalog="glue",
    plain_database="consumable_tables",
)


def long_place(letter: str) -> Place:
    return Place(letter * 63, "checkout-orders/migration/")


def long_role(letter: str) -> str:
    return role(letter * 64)


LONG_KEY = f"arn:aws:kms:us-east-2:222222222222:key/{'1' * 36}"
LONG = replace(
    TERMS,
    source=long_place("a"),
    raw=long_place("b"),
    lake=long_place("c"),
    package=long_place("d"),
    cluster_package=long_place("e"),
    reports=long_place("f"),
    logs=long_place("g"),
    run_logs=long_place("h"),
    copy_role=long_role("i"),
    worker_role=long_role("j"),
    reconcile_role=long_role("k"),
    structure_role=long_role("l"),
    emr_service_role=long_role("m"),
    grant_role=long_role("n"),
    source_key=LONG_KEY,
    raw_key=LONG_KEY,
    lake_key=LONG_KEY,
    fleet_key=LONG_KEY,
    volume_key=LONG_KEY,
)
SMALLEST = AccessTerms(
    Place("source"), Place("raw", "copies/"), None, role("copier"), TERMS.expires, "x"
)
GRANTED = source_statements(TERMS)[-1]


def breached(statement: Statement, rules: Any = TEMPORARY_RULES) -> set[str]:
    return {breach.rule for breach in lint([statement], NOW, rules)}


def every_policy() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each with its name: those of buckets and those of roles, with much and with little set."""
    for size, terms in (("all", TERMS), ("smallest", SMALLEST)):
        yield f"{size}-source", policy_document(source_statements(terms))
        for bucket, statements in target_statements(terms).items():
            yield f"{size}-{bucket}", policy_document(statements)
        for name, policy in ROLE_POLICIES.items():
            if statements := policy(terms):
                yield f"{size}-{name}", policy_document(statements)


EVERY_POLICY = [pytest.param(policy, id=name) for name, policy in every_policy()]


def is_wrong(finding: Any) -> bool:
    """Whether a finding of parliament is one."""
    # Who changes a bucket's policy could let itself in: that is why it is a role of its own.
    if finding.issue == "RESOURCE_POLICY_PRIVILEGE_ESCALATION":
        return False
    # RunInstances is allowed in two statements, as AWS's guide has it: one for what is tagged.
    return not (finding.issue == "RESOURCE_MISMATCH" and "ec2:RunInstances" in str(finding.detail))


@pytest.mark.parametrize("policy", EVERY_POLICY)
def test_parliament_finds_nothing_wrong_with_what_we_make(policy: dict[str, Any]) -> None:
    findings = analyze_policy_string(json.dumps(policy)).findings
    assert [str(finding) for finding in findings if is_wrong(finding)] == []


@pytest.mark.parametrize(
    "change",
    [
        {"Action": ["s3:GetObjects"]},
        {"Action": ["s3:ListBucket"]},
        {"Resource": ["arn:aws:s3:::source"]},
        {"Condition": {"DateLessThan": {"aws:CurrentTime": "tomorrow"}}},
        {"Condition": {"StringEquals": {"s3:prefix": "root/"}}},
    ],
)
def test_parliament_would_find_what_is_wrong(change: Statement) -> None:
    policy = policy_document([{**GRANTED, **change}])
    assert any(map(is_wrong, analyze_policy_string(json.dumps(policy)).findings))


@pytest.mark.parametrize("policy", EVERY_POLICY)
def test_every_role_s_policy_and_every_grant_keep_our_rules(policy: dict[str, Any]) -> None:
    granting = any("Principal" in statement for statement in policy["Statement"])
    rules = TEMPORARY_RULES if granting else LASTING_RULES
    assert lint(policy["Statement"], NOW, rules) == []


@pytest.mark.parametrize("policy", EVERY_POLICY)
def test_every_policy_fits_into_what_iam_takes(policy: dict[str, Any]) -> None:
    assert size(policy) <= LARGEST_MANAGED_POLICY


@pytest.mark.parametrize("name", ROLE_POLICIES)
def test_a_role_s_policy_fits_with_long_names_and_500_characters_more(name: str) -> None:
    """The longest bucket and role names that AWS takes, packages in two places, all keys."""
    assert size(policy_document(ROLE_POLICIES[name](LONG))) <= LARGEST_MANAGED_POLICY - 500


def size(policy: dict[str, Any]) -> int:
    """The characters of a policy as IAM counts them."""
    return len(json.dumps(policy, separators=(",", ":")))


def test_the_hand_run_s_policy_breaks_every_rule() -> None:
    assert breached(HAND_RUN["Statement"][0]) == {rule.__name__ for rule in TEMPORARY_RULES}  # type: ignore[arg-type]


def test_a_breach_names_the_rule_and_the_statement() -> None:
    assert lint([{**GRANTED, "Action": "s3:*"}], NOW) == [
        Breach("no_wildcard_action", GRANTED["Sid"])
    ]


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("no_account_root", {"Principal": "*"}),
        ("no_account_root", {"Principal": {"AWS": "*"}}),
        ("no_account_root", {"Principal": {"AWS": ["222222222222"]}}),
        ("no_account_root", {"Principal": {"AWS": [role("a"), "arn:aws:iam::2:root"]}}),
        ("no_account_root", {"NotPrincipal": {"AWS": role("a")}}),
        ("no_wildcard_action", {"Action": "s3:*"}),
        ("no_wildcard_action", {"Action": ["s3:GetObject", "s3:Get*"]}),
        ("no_wildcard_action", {"Action": ["s3:GetObjec?"]}),
        ("no_whole_bucket", {"Resource": "arn:aws:s3:::source/*"}),
        ("no_whole_bucket", {"Resource": ["arn:aws:s3:::*"]}),
        ("no_whole_bucket", {"Action": ["S3:ListBucket"], "Resource": "arn:aws:s3:::source"}),
        ("expires_soon", {"Condition": {"Bool": {"aws:SecureTransport": "true"}}}),
        ("only_over_tls", {"Condition": {"DateLessThan": GRANTED["Condition"]["DateLessThan"]}}),
        ("names_who_asked", {"Sid": "Migration"}),
        ("names_who_asked", {"Sid": "CheckoutAssetsReadFolders"}),
    ],
)
def test_each_rule_finds_what_breaks_it_and_only_that(rule: str, change: Statement) -> None:
    assert breached(GRANTED) == set()
    assert breached({**GRANTED, **change}) == {rule}


def test_what_is_not_named_counts_as_everything() -> None:
    bare = {"Effect": "Allow", "NotAction": "s3:GetObject", "NotResource": "x"}
    assert {"no_wildcard_action", "no_whole_bucket"} <= breached(bare)


@pytest.mark.parametrize(
    ("operator", "end", "kept"),
    [
        ("DateLessThan", "2026-11-23T08:00:00Z", True),
        ("DateLessThanEquals", "2026-12-23", True),
        ("DateLessThan", "2026-11-23T07:00:00Z", False),
        ("DateLessThan", "2027-03-23T00:00:00Z", False),
        ("DateLessThan", ["2026-12-23T00:00:00Z", "2099-01-01T00:00:00Z"], False),
        ("DateLessThan", "soon", False),
        ("DateGreaterThan", "2026-12-23T00:00:00Z", False),
        ("DateLessThanIfExists", "2026-12-23T00:00:00Z", False),
    ],
)
def test_a_grant_ends_within_ninety_days(operator: str, end: Any, kept: bool) -> None:
    condition = {
        "Bool": {"aws:SecureTransport": "true"},
        operator: {"aws:CurrentTime": end},
    }
    assert ("expires_soon" not in breached({**GRANTED, "Condition": condition})) is kept


@pytest.mark.parametrize("value", ["false", ["true", "false"], [], "maybe"])
def test_encryption_has_to_be_required(value: Any) -> None:
    condition = {**GRANTED["Condition"], "Bool": {"aws:SecureTransport": value}}
    assert breached({**GRANTED, "Condition": condition}) == {"only_over_tls"}


def test_denying_breaks_no_rule() -> None:
    assert breached({**HAND_RUN["Statement"][0], "Effect": "Deny"}) == set()  # type: ignore[dict-item]


def test_every_rule_is_applied() -> None:
    rules = {
        function
        for _, function in inspect.getmembers(policy_rules, inspect.isfunction)
        if list(inspect.signature(function).parameters) == ["statement", "now"]
    }
    assert set(TEMPORARY_RULES) == rules


def test_the_host_may_do_exactly_what_the_engines_ask_aws_for() -> None:
    asked = {
        *(f"ec2:{name}" for name in requests_in(ec2_api, {"_client", "_once"})),
        *(f"ssm:{name}" for name in requests_in(ec2_api, {"_ssm"})),
        *(f"elasticmapreduce:{name}" for name in requests_in(emr_api, {"_client", "_once"})),
        *(action for _, action in QUOTA_READS.values()),
        *(f"sns:{name}" for name in requests_in(sns, {"_client"})),
    }
    implied = {*IMPLIED, "sts:AssumeRole"}
    by_option = {"ec2:AuthorizeSecurityGroupIngress"}  # the hand run's rule for SSH
    host = [*ROLE_POLICIES["host_role"](TERMS), *ROLE_POLICIES["launch_role"](TERMS)]
    allowed = {action for statement in host for action in statement["Action"]}

    assert by_option < asked
    beside_data = {action for action in allowed if not action.startswith(("s3:", "kms:"))}
    assert beside_data == (asked - by_option) | implied


def test_the_host_ends_only_what_has_the_deployment_s_tag() -> None:
    tag = f"aws:ResourceTag/{DEPLOYMENT_TAG}"
    launch = ROLE_POLICIES["launch_role"](TERMS)
    ends = [s for s in launch if "ec2:TerminateInstances" in s["Action"]]
    assert [s["Condition"] for s in ends] == [{"StringEquals": {tag: ["checkout-assets"]}}]


def test_the_host_publishes_to_the_named_topics_alone() -> None:
    asks = [Ask("sns:Publish", topic) for topic in TERMS.topics]
    others = [Ask("sns:Publish", f"{topic}-of-others") for topic in TERMS.topics]
    host = Host(ROLE_POLICIES["host_role"](TERMS))
    assert host.denies(asks) == ""
    assert all(host.denies([other]) for other in others)
    assert Host(ROLE_POLICIES["host_role"](replace(TERMS, topics=()))).denies(asks)


def test_the_guide_lists_the_statements_of_a_canary_with_their_policies() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "deploy" / "access.md").read_text()
    rows = re.findall(r"^\| `(\w+Canary)` \| `(\w+)` \|", guide, re.MULTILINE)
    made = [
        (each["Sid"].removeprefix("CheckoutAssets"), name)
        for name, policy in ROLE_POLICIES.items()
        for each in policy(TERMS)
        if each["Sid"].endswith("Canary")
    ]
    assert sorted(rows) == sorted(made)


def test_emr_s_service_role_may_pass_a_node_role_of_any_name() -> None:
    """AmazonEMRServicePolicy_v2 passes only the default one."""
    managed = {
        "Sid": "PassRoleForEC2",
        "Effect": "Allow",
        "Action": "iam:PassRole",
        "Resource": "arn:aws:iam::*:role/EMR_EC2_DefaultRole",
        "Condition": {"StringLike": {"iam:PassedToService": "ec2.amazonaws.com*"}},
    }
    passing = Ask(
        "iam:PassRole", TERMS.structure_role, {"iam:passedtoservice": "ec2.amazonaws.com"}
    )
    ours = ROLE_POLICIES["emr_service_role"](TERMS)
    assert Host([managed]).denies([passing])
    assert Host([managed, *ours]).denies([passing]) == ""
    assert ROLE_POLICIES["emr_service_role"](SMALLEST) == []


def test_the_host_may_use_the_volumes_key_for_ec2_alone() -> None:
    sent = {
        "ImageId": "ami-1",
        "NetworkInterface.1.SubnetId": "subnet-1",
        "NetworkInterface.1.SecurityGroupId.1": "sg-1",
        "IamInstanceProfile.Name": "worker",
        "BlockDeviceMapping.1.Ebs.KmsKeyId": KEY,
    }
    asks = [each for each in asks_of_ec2("ec2", "RunInstances", sent, dict) if each.resource == KEY]
    assert len(asks) == 6
    without = Host(ROLE_POLICIES["launch_role"](replace(TERMS, lake_key="", raw_key="")))
    keyed = replace(TERMS, lake_key="", raw_key="", volume_key=KEY)
    statements = ROLE_POLICIES["launch_role"](keyed)
    for ask in asks:
        assert without.denies([ask])
        assert Host(statements).denies([ask]) == ""
        elsewhere = {**ask.context, "kms:viaservice": "s3.us-east-2.amazonaws.com"}
        by_hand = {**elsewhere, "kms:grantisforawsresource": "false"}
        assert Host(statements).denies([replace(ask, context=by_hand)])


def test_packages_at_two_places_are_each_delivered_and_read_by_their_own_role() -> None:
    two = replace(TERMS, cluster_package=Place("jobs", "emr/"))
    text = {
        name: json.dumps(ROLE_POLICIES[name](two))
        for name in ("host_role", "worker_role", "structure_role")
    }
    here, there = "artifacts/package/", "jobs/emr/"
    assert here in text["host_role"]
    assert there in text["host_role"]
    assert (here in text["worker_role"], there in text["worker_role"]) == (True, False)
    assert (here in text["structure_role"], there in text["structure_role"]) == (False, True)
    same = replace(TERMS, cluster_package=TERMS.package)
    assert ROLE_POLICIES["host_role"](same) == ROLE_POLICIES["host_role"](TERMS)


def test_tables_need_a_policy_only_with_a_catalog_and_glue_only_if_it_is_one() -> None:
    def services(terms: AccessTerms) -> set[str]:
        statements = ROLE_POLICIES["tables_role"](terms)
        return {action.partition(":")[0] for each in statements for action in each["Action"]}

    assert services(TERMS) == {"s3", "kms", "glue"}
    assert services(replace(TERMS, catalog="https://catalog.example.com")) == {"s3", "kms"}
    assert services(replace(TERMS, catalog="")) == set()
    assert services(replace(TERMS, lake=None)) == set()


def requests_in(module: Any, clients: set[str]) -> set[str]:
    """The requests that a module makes of clients so named, as AWS spells them."""
    found = set()
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="get_paginator", value=ast.Attribute(attr=client)),
                args=[ast.Constant(value=str(name))],
            ) if client in clients:
                found.add(name)
            case ast.Call(func=ast.Attribute(attr=name, value=ast.Attribute(attr=client))) if (
                client in clients and name != "get_paginator"
            ):
                found.add(name)
    return {re.sub(r"(?:^|_)([a-z])", lambda m: m[1].upper(), name) for name in found}
