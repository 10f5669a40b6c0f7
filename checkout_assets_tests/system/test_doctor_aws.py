"""``doctor`` in an account: a healthy one passes, and each planted fault is found by name."""

import json
import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from checkout_assets.domain.access.bucket_policies import source_statements
from checkout_assets.domain.access.role_policies import policy_document
from checkout_assets.domain.canary import LONGEST, new_canary_id
from checkout_assets.domain.doctor import CheckResult, CheckState
from checkout_assets.engines.doctor.examination import aws_results
from checkout_assets.settings import Settings
from checkout_assets_tests.migration_account import (
    ACCOUNT,
    ARTIFACTS,
    HTTPS,
    LAKE,
    RAW,
    REGION,
    SERVICE_ROLES,
    SOURCE,
    TAG,
    MigrationAccount,
    arn,
    build_packages,
    client_of,
    moto_account,
    trust,
)

KEY = f"arn:aws:kms:{REGION}:123456789012:key/1111"
Sabotage = Callable[[MigrationAccount], object]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("packages") / "dist"
    build_packages(directory)
    return directory


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch, packages: Path) -> Iterator[MigrationAccount]:
    for name in list(os.environ):
        if name.startswith(("CHECKOUT_", "AWS_")):
            monkeypatch.delenv(name)
    with moto_account(monkeypatch) as made:
        made.build(packages)
        yield made


def examined(account: MigrationAccount) -> list[CheckResult]:
    with account.listening():
        return list(aws_results(Settings(), runs_at_a_time=4))


def in_state(results: list[CheckResult], state: CheckState) -> dict[str, str]:
    return {
        f"{each.subject}: {each.check}": f"{each.reason} {each.remedy}"
        for each in results
        if each.state is state
    }


def test_a_healthy_account_raises_no_false_alarm(account: MigrationAccount) -> None:
    results = examined(account)
    assert [each for each in results if each.state is not CheckState.OK] == []


READS = ("Get", "List", "Describe", "Head")


def test_it_sends_read_requests_only(account: MigrationAccount) -> None:
    examined(account)
    others = {each for each in account.asked if not each.startswith(READS)}
    assert others == {"AssumeRole"}


def left_by_canary(account: MigrationAccount, bucket: str, prefix: str, begun: datetime) -> None:
    put_in(account, bucket, f"{prefix}{new_canary_id(begun, '0a1b2c3d')}/a")


def put_in(account: MigrationAccount, bucket: str, key: str) -> None:
    """Write an object in spite of the bucket's policy: moto takes all requests as sent in clear."""
    policy = "" if bucket == ARTIFACTS else account.s3.get_bucket_policy(Bucket=bucket)["Policy"]
    account.s3.delete_bucket_policy(Bucket=bucket)
    account.s3.put_object(Bucket=bucket, Key=key, Body=b"")
    if policy:
        account.s3.put_bucket_policy(Bucket=bucket, Policy=policy)


@pytest.mark.parametrize(
    ("bucket", "prefix"),
    [
        (RAW, "copies/_canary/"),
        (LAKE, "tables/_canary/"),
        (ARTIFACTS, "fleet/runs/"),
    ],
)
def test_what_a_canary_left_is_told(account: MigrationAccount, bucket: str, prefix: str) -> None:
    begun = datetime.now(UTC) - LONGEST - timedelta(minutes=1)
    left_by_canary(account, bucket, prefix, begun)
    failed = in_state(examined(account), CheckState.FAILED)
    assert list(failed) == ["canary: removed"]
    assert (
        f"1 canary left objects: {new_canary_id(begun, '0a1b2c3d')}." in failed["canary: removed"]
    )


@pytest.mark.parametrize("engine", ["COPY_ENGINE", "STRUCTURE_ENGINE"])
def test_canaries_are_looked_for_only_where_one_can_be_launched(
    account: MigrationAccount, engine: str
) -> None:
    account.configure(**{engine: "local"})
    assert [each for each in examined(account) if each.subject == "canary"] == []


def test_four_canaries_that_left_objects_are_counted_and_three_are_named(
    account: MigrationAccount,
) -> None:
    begun = [datetime.now(UTC) - LONGEST - timedelta(minutes=each) for each in (4, 3, 2, 1)]
    for each in begun:
        left_by_canary(account, RAW, "copies/_canary/", each)
    named = ", ".join(new_canary_id(each, "0a1b2c3d") for each in begun[:3])
    failed = in_state(examined(account), CheckState.FAILED)
    assert failed["canary: removed"].startswith(f"4 canaries left objects: {named}, .... Run")


def test_what_is_not_named_like_a_canary_is_none(account: MigrationAccount) -> None:
    put_in(account, RAW, "copies/_canary/mine/a")
    assert "canary: removed" in in_state(examined(account), CheckState.OK)


def local_lake(account: MigrationAccount) -> None:
    account.configure(LAKE_URI="/lake")


def no_fleet_place(account: MigrationAccount) -> None:
    account.patch.delenv("CHECKOUT_EC2_FLEET_URI")


@pytest.mark.parametrize(
    ("sabotage", "row"), [(local_lake, "lake: address"), (no_fleet_place, "EC2: options")]
)
def test_canaries_are_looked_for_in_the_places_that_there_are(
    account: MigrationAccount, sabotage: Sabotage, row: str
) -> None:
    """What is wrong with the other places has rows of its own."""
    sabotage(account)
    results = examined(account)
    assert "canary: removed" in in_state(results, CheckState.OK)
    assert list(in_state(results, CheckState.FAILED)) == [row]


def test_a_canary_that_may_still_run_is_no_failure(account: MigrationAccount) -> None:
    left_by_canary(account, RAW, "copies/_canary/", datetime.now(UTC))
    put_in(account, RAW, "copies/_canary/mine/a")
    results = examined(account)
    assert in_state(results, CheckState.FAILED) == {}
    assert list(in_state(results, CheckState.UNKNOWN)) == ["canary: removed"]


def missing_bucket(account: MigrationAccount) -> None:
    account.s3.delete_bucket(Bucket=RAW)


def overlapping_places(account: MigrationAccount) -> None:
    account.configure(LAKE_URI=f"s3://{RAW}/copies/lake")


def raw_of_many_owners(account: MigrationAccount) -> None:
    account.s3.delete_bucket_ownership_controls(Bucket=RAW)


def encrypted(account: MigrationAccount, bucket: str, **key: str) -> None:
    default = {"SSEAlgorithm": "aws:kms", **key}
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
    account.s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=rules)


def source_with_key_of_aws(account: MigrationAccount) -> None:
    encrypted(account, SOURCE)


def raw_with_unnamed_key(account: MigrationAccount) -> None:
    encrypted(account, RAW, KMSMasterKeyID=KEY)


def lake_with_other_key(account: MigrationAccount) -> None:
    encrypted(account, LAKE, KMSMasterKeyID=KEY)


def no_grant(account: MigrationAccount) -> None:
    account.s3.delete_bucket_policy(Bucket=SOURCE)


def ended_grant(account: MigrationAccount) -> None:
    text = account.s3.get_bucket_policy(Bucket=SOURCE)["Policy"]
    year = json.loads(text)["Statement"][0]["Condition"]["DateLessThan"]["aws:CurrentTime"][:4]
    account.s3.put_bucket_policy(Bucket=SOURCE, Policy=text.replace(f"{year}-", "2020-"))


def half_a_grant(account: MigrationAccount) -> None:
    account.set_bucket_policy(SOURCE, source_statements(account.terms())[:-1])


def grant_of_another_prefix(account: MigrationAccount) -> None:
    text = account.s3.get_bucket_policy(Bucket=SOURCE)["Policy"]
    account.s3.put_bucket_policy(Bucket=SOURCE, Policy=text.replace("root/", "other/"))


def unprotected_raw(account: MigrationAccount) -> None:
    account.s3.delete_bucket_policy(Bucket=RAW)


def missing_role(account: MigrationAccount) -> None:
    account.iam.delete_role_policy(RoleName="emr", PolicyName="needed")
    (attached,) = account.iam.list_attached_role_policies(RoleName="emr")["AttachedPolicies"]
    account.iam.detach_role_policy(RoleName="emr", PolicyArn=attached["PolicyArn"])
    account.iam.delete_role(RoleName="emr")


def without(role: str, action: str) -> Sabotage:
    def sabotage(account: MigrationAccount) -> None:
        kept = [each for each in account.role_statements(role) if action not in each["Action"]]
        assert len(kept) < len(account.role_statements(role))
        account.set_role_policy(role, kept)

    sabotage.__name__ = f"{role}_without_{action}"
    return sabotage


def ended_role_policy(account: MigrationAccount) -> None:
    text = json.dumps(account.role_statements("copy"))
    year = str(account.terms().expires.year)
    account.set_role_policy("copy", json.loads(text.replace(f'"{year}-', '"2020-')))


def denied_by_its_own(account: MigrationAccount) -> None:
    deny = {"Effect": "Deny", "Action": "s3:Put*", "Resource": "*"}
    account.set_role_policy("node", [*account.role_statements("node"), deny])


def untrusted_host(account: MigrationAccount) -> None:
    account.iam.update_assume_role_policy(RoleName="copy", PolicyDocument=trust(["worker"]))


def trusts_another_service(account: MigrationAccount) -> None:
    document = trust(["ec2.amazonaws.com"])
    account.iam.update_assume_role_policy(RoleName="emr", PolicyDocument=document)


def missing_profile(account: MigrationAccount) -> None:
    account.configure(EC2_INSTANCE_PROFILE="absent")


def empty_profile(account: MigrationAccount) -> None:
    account.iam.remove_role_from_instance_profile(InstanceProfileName="worker", RoleName="worker")


def profile_of_another_role(account: MigrationAccount) -> None:
    empty_profile(account)
    account.iam.add_role_to_instance_profile(InstanceProfileName="worker", RoleName="copy")


def profile_of_another_name(account: MigrationAccount) -> None:
    account.iam.create_instance_profile(InstanceProfileName="nodes")
    account.iam.add_role_to_instance_profile(InstanceProfileName="nodes", RoleName="node")
    account.configure(EMR_INSTANCE_PROFILE="nodes")


def no_clean_up_role(account: MigrationAccount) -> None:
    account.iam.delete_role(RoleName=SERVICE_ROLES[0])


def no_spot_role(account: MigrationAccount) -> None:
    account.iam.delete_role(RoleName=SERVICE_ROLES[1])
    account.configure(EC2_SPOT="true")


def missing_subnet(account: MigrationAccount) -> None:
    account.configure(EC2_SUBNETS='["subnet-0000000000000000a"]')


def gateway_endpoint(account: MigrationAccount) -> None:
    account.add_endpoint("s3", kind="Gateway")


def interface_endpoint(account: MigrationAccount) -> None:
    account.add_endpoint("s3")


def no_way_out(account: MigrationAccount) -> None:
    account.ec2.delete_route(RouteTableId=account.table, DestinationCidrBlock="0.0.0.0/0")
    gateway = account.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    account.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=account.vpc)
    account.ec2.create_route(
        RouteTableId=account.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway
    )
    account.configure(EMR_SUBNETS="[]")


def untagged_subnet(account: MigrationAccount) -> None:
    account.ec2.delete_tags(Resources=[account.subnet], Tags=[TAG])


def untagged_vpc(account: MigrationAccount) -> None:
    account.ec2.delete_tags(Resources=[account.vpc], Tags=[TAG])


def missing_group(account: MigrationAccount) -> None:
    account.configure(EC2_SECURITY_GROUP="sg-0000000000000000a")


def open_group(account: MigrationAccount) -> None:
    rule = {
        "IpProtocol": "tcp",
        "FromPort": 22,
        "ToPort": 22,
        "IpRanges": [{"CidrIp": "10.0.0.0/8"}],
    }
    account.ec2.authorize_security_group_ingress(GroupId=account.group, IpPermissions=[rule])


def shut_group(account: MigrationAccount) -> None:
    rule: Any = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    account.ec2.revoke_security_group_egress(GroupId=account.group, IpPermissions=[rule])


def unknown_release(account: MigrationAccount) -> None:
    account.configure(EMR_RELEASE="emr-7.99.0")


def small_quota(account: MigrationAccount) -> None:
    account.answers["GetServiceQuota"] = lambda _: {"Quota": {"Value": 170.0}}


CATALOG = "https://catalog.example"
THIS_MONTH = datetime.now(UTC).strftime("%Y-%m")


def with_tables(account: MigrationAccount, first_month: str, **options: str) -> None:
    """Analysts' tables from that month on, for which the roles have what they need."""
    account.configure(CATALOG=CATALOG, FIRST_MONTH=first_month, **options)
    for role in ("node", "host"):
        account.set_role_policy(role, account.role_statements(role))


def quota_without_compaction(account: MigrationAccount) -> None:
    """Four runs need 320 vCPUs, and the cluster of this month of both tables 40."""
    account.answers["GetServiceQuota"] = lambda _: {"Quota": {"Value": 359.0}}
    with_tables(account, THIS_MONTH)


def quota_below_compaction(account: MigrationAccount) -> None:
    account.answers["GetServiceQuota"] = lambda _: {"Quota": {"Value": 100.0}}
    with_tables(account, "2010-01", EMR_MONTHS_PER_CLUSTER="4", COPY_ENGINE="local")


def tiny_quota(account: MigrationAccount) -> None:
    account.answers["GetServiceQuota"] = lambda _: {"Quota": {"Value": 5.0}}
    account.configure(STRUCTURE_ENGINE="local")


def no_package(account: MigrationAccount) -> None:
    account.s3.delete_object(Bucket=ARTIFACTS, Key="worker/manifest.json")


def of_the_job(account: MigrationAccount) -> str:
    listed = account.s3.list_objects_v2(Bucket=ARTIFACTS, Prefix="job/")["Contents"]
    return next(str(each["Key"]) for each in listed if each["Key"].endswith(".zip"))


def package_without_a_file(account: MigrationAccount) -> None:
    account.s3.delete_object(Bucket=ARTIFACTS, Key=of_the_job(account))


def truncated_package(account: MigrationAccount) -> None:
    account.s3.put_object(Bucket=ARTIFACTS, Key=of_the_job(account), Body=b"PK")


def worker_key(account: MigrationAccount) -> str:
    listed = account.s3.list_objects_v2(Bucket=ARTIFACTS, Prefix="worker/")["Contents"]
    return next(str(each["Key"]) for each in listed if not each["Key"].endswith(".json"))


def changed_package(account: MigrationAccount) -> None:
    where = {"Bucket": ARTIFACTS, "Key": worker_key(account)}
    size = account.s3.head_object(**where)["ContentLength"]
    account.s3.put_object(**where, Body=bytes(size))


def no_log_place(account: MigrationAccount) -> None:
    account.patch.delenv("CHECKOUT_EMR_LOG_URI")


def wrong_clock(account: MigrationAccount) -> None:
    account.ahead = timedelta(minutes=9)


def another_account(account: MigrationAccount) -> None:
    account.answers["GetCallerIdentity"] = lambda _: {
        "Account": "999999999999",
        "Arn": "arn:aws:iam::999999999999:user/somebody",
    }


def denied_by_the_bucket(account: MigrationAccount) -> None:
    add_to_bucket_policy(account, RAW, Action="s3:PutObject*", Resource=f"arn:aws:s3:::{RAW}/*")


def denied_to_other_roles(account: MigrationAccount) -> None:
    """As organizations do it: everybody but some roles, which ours are not among."""
    others = {"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/administrator"}}
    add_to_bucket_policy(
        account, SOURCE, Action="s3:*", Resource=f"arn:aws:s3:::{SOURCE}/*", Condition=others
    )


def denied_on_a_condition_that_holds(account: MigrationAccount) -> None:
    deny = {
        "Effect": "Deny",
        "Action": "s3:Put*",
        "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "true"}},
    }
    account.set_role_policy("node", [*account.role_statements("node"), deny])


def raw_with_a_key(account: MigrationAccount, **statement: Any) -> str:
    """A key that raw's bucket and the settings name, with another policy if one is given."""
    kms = client_of("kms", REGION)
    key = str(kms.create_key()["KeyMetadata"]["Arn"])
    account.configure(KMS_KEY=key)
    encrypted(account, RAW, KMSMasterKeyID=key)
    for role in ("copy", "node", "host"):
        account.set_role_policy(role, account.role_statements(role))
    if statement:
        policy = policy_document([{"Effect": "Allow", "Resource": "*", **statement}])
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    return key


def key_of_administrators(account: MigrationAccount) -> None:
    raw_with_a_key(account, Principal={"AWS": arn("administrator")}, Action="kms:*")


def key_that_may_only_decrypt(account: MigrationAccount) -> None:
    raw_with_a_key(account, Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, Action="kms:Decrypt")


def disabled_key(account: MigrationAccount) -> None:
    key = raw_with_a_key(account)
    client_of("kms", REGION).disable_key(KeyId=key.rpartition("/")[2])


def add_to_bucket_policy(account: MigrationAccount, bucket: str, **deny: Any) -> None:
    policy = json.loads(account.s3.get_bucket_policy(Bucket=bucket)["Policy"])
    policy["Statement"].append({"Effect": "Deny", "Principal": "*", **deny})
    account.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


def root_user(account: MigrationAccount) -> None:
    account.answers["GetCallerIdentity"] = lambda _: {
        "Account": "123456789012",
        "Arn": "arn:aws:iam::123456789012:root",
    }


SABOTAGES: list[tuple[Sabotage, str, str]] = [
    (missing_bucket, "raw: reachable", "Correct CHECKOUT_RAW_URI"),
    (overlapping_places, "places: overlap", "a prefix of its own"),
    (raw_of_many_owners, "raw: ownership", "BucketOwnerEnforced"),
    (source_with_key_of_aws, "source: encryption", "SSE-S3 or a key of their own"),
    (raw_with_unnamed_key, "raw: encryption", "Set CHECKOUT_KMS_KEY"),
    (lake_with_other_key, "lake: encryption", "Set CHECKOUT_LAKE_KMS_KEY"),
    (no_grant, f"bucket {SOURCE}: policy", "checkout-assets access grant"),
    (ended_grant, f"bucket {SOURCE}: policy", "The grant ended on 2020-"),
    (half_a_grant, f"bucket {SOURCE}: policy", "CheckoutAssetsReadFolders"),
    (grant_of_another_prefix, f"bucket {SOURCE}: policy", "CheckoutAssetsListTop"),
    (unprotected_raw, f"bucket {RAW}: policy", "checkout-assets access grant"),
    (missing_role, "EMR service role: role", "Create it"),
    (without("copy", "s3:PutObjectTagging"), "copy role: policy", "copy_role"),
    (without("node", "s3:DeleteObject"), "node role: policy", "lacks s3:DeleteObject"),
    (without("emr", "iam:PassRole"), "EMR service role: policy", "lacks iam:PassRole"),
    (
        without("host", "elasticmapreduce:PutAutoTerminationPolicy"),
        "host's role: policy",
        "PutAutoTerminationPolicy",
    ),
    (ended_role_policy, "copy role: policy", "lacks s3:ListBucket"),
    (denied_by_its_own, "node role: policy", "lacks s3:PutObject"),
    (untrusted_host, "copy role: trust policy", arn("host")),
    (trusts_another_service, "EMR service role: trust policy", "elasticmapreduce.amazonaws.com"),
    (missing_profile, "EC2: instance profile", "Create the instance profile"),
    (empty_profile, "EC2: instance profile", "has no role"),
    (profile_of_another_role, "EC2: instance profile", arn("worker")),
    (profile_of_another_name, "EMR: instance profile", "with the name of the role"),
    (no_clean_up_role, "EMR: service-linked role for EMR clean-up", "create-service-linked-role"),
    (no_spot_role, "EC2: service-linked role for Spot", "spot.amazonaws.com"),
    (missing_subnet, "EC2: subnet subnet-0000000000000000a", "Correct subnets"),
    (gateway_endpoint, "EC2: {subnet}: routes", "no S3 endpoint"),
    (interface_endpoint, "EC2: {subnet}: routes", "none with private DNS for all resolvers"),
    (no_way_out, "EC2: {subnet}: routes", "Set public_ip to true"),
    (untagged_subnet, "EMR: {subnet}: tag", "create-tags"),
    (untagged_vpc, "EMR: VPC {vpc}: tag", "create-tags"),
    (missing_group, "EC2: security group sg-0000000000000000a", "Correct security_group"),
    (open_group, "EC2: security group {group}", "without inbound rules"),
    (shut_group, "EC2: security group {group}", "outbound TCP 443"),
    (unknown_release, "EMR: release", "CHECKOUT_EMR_RELEASE"),
    (small_quota, "EMR: vCPU quota", "dagster instance concurrency set migrate 2"),
    (quota_without_compaction, "EMR: vCPU quota", "compacting all months meanwhile up to 40;"),
    (quota_below_compaction, "EMR: vCPU quota", "Raise CHECKOUT_EMR_MONTHS_PER_CLUSTER"),
    (tiny_quota, "EC2: vCPU quota", "Request at least 16"),
    (no_package, "EC2: package", "make package"),
    (package_without_a_file, "EMR: package", "is missing"),
    (truncated_package, "EMR: package", "has 2 bytes"),
    (changed_package, "EC2: package", "another content"),
    (no_log_place, "EMR: options", "CHECKOUT_EMR_LOG_URI"),
    (wrong_clock, "this machine: clock", "Set the clock"),
    (denied_by_the_bucket, f"bucket {RAW}: denials", "s3:PutObject on"),
    (denied_to_other_roles, f"bucket {SOURCE}: denials", "exempt the role"),
    (denied_on_a_condition_that_holds, "node role: policy", "lacks s3:PutObject"),
    (key_of_administrators, "key {key}: policy", "kms:Decrypt on"),
    (key_that_may_only_decrypt, "key {key}: policy", "kms:GenerateDataKey on"),
    (disabled_key, "key {key}: policy", "The key is Disabled"),
    (another_account, "AWS account: identity", "AWS_PROFILE"),
    (root_user, "AWS account: identity", "Use a role"),
]


@pytest.mark.parametrize(
    ("sabotage", "check", "told"), SABOTAGES, ids=[each.__name__ for each, _, _ in SABOTAGES]
)
def test_each_fault_is_found_alone_and_says_what_to_do(
    sabotage: Sabotage, check: str, told: str, account: MigrationAccount
) -> None:
    sabotage(account)
    failed = in_state(examined(account), CheckState.FAILED)
    named = check.format(
        subnet=f"subnet {account.subnet}",
        vpc=account.vpc,
        group=account.group,
        key=os.environ.get("CHECKOUT_KMS_KEY", "").rpartition("/")[2],
    )
    assert list(failed) == [named]
    assert told in failed[named]


@pytest.mark.parametrize(
    ("first_month", "months_per_cluster", "catalog", "told"),
    [
        (
            THIS_MONTH,
            "4",
            CATALOG,
            "320, and compacting all months meanwhile up to 40; the account",
        ),
        ("1999-01", "1024", CATALOG, "320, and compacting all months meanwhile up to 40; the"),
        ("2010-01", "64", "", "320; the account has 2,000"),
    ],
)
def test_clusters_of_compaction_count_for_the_quota(
    account: MigrationAccount, first_month: str, months_per_cluster: str, catalog: str, told: str
) -> None:
    account.configure(CATALOG=catalog, FIRST_MONTH=first_month)
    account.configure(EMR_MONTHS_PER_CLUSTER=months_per_cluster)
    ok = in_state(examined(account), CheckState.OK)
    assert told in ok["EMR: vCPU quota"]


def test_the_instances_of_a_run_count_for_the_quota(account: MigrationAccount) -> None:
    account.configure(FOLDERS_PER_RUN="64", EC2_FOLDERS_PER_INSTANCE="30", STRUCTURE_ENGINE="local")
    told = in_state(examined(account), CheckState.OK)["EC2: vCPU quota"]
    assert told.startswith("One run needs 48 vCPUs, 4 at a time need 192; the account has 2,000")


def test_the_months_since_the_first_one_are_divided_among_clusters(
    account: MigrationAccount,
) -> None:
    """From 2010 to the month of this test, of both tables, 4 months per cluster of 40 vCPUs."""
    account.configure(CATALOG=CATALOG, FIRST_MONTH="2010-01", EMR_MONTHS_PER_CLUSTER="4")
    now = datetime.now(UTC)
    clusters = -(-2 * ((now.year - 2010) * 12 + now.month) // 4)
    account.answers["GetServiceQuota"] = lambda _: {"Quota": {"Value": 320.0 + 40 * clusters}}
    ok = in_state(examined(account), CheckState.OK)
    assert (
        f"up to {40 * clusters:,}; the account has {320 + 40 * clusters:,}" in ok["EMR: vCPU quota"]
    )


UNKNOWN_CONDITION = {"StringNotEquals": {"aws:SourceVpce": "vpce-0a1b2c"}}


def own_denial_with_a_condition(account: MigrationAccount) -> None:
    deny = {"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Condition": UNKNOWN_CONDITION}
    account.set_role_policy("copy", [*account.role_statements("copy"), deny])


def bucket_for_one_endpoint(account: MigrationAccount) -> None:
    resource = f"arn:aws:s3:::{LAKE}/*"
    add_to_bucket_policy(
        account, LAKE, Action="s3:*", Resource=resource, Condition=UNKNOWN_CONDITION
    )


def key_for_one_service(account: MigrationAccount) -> None:
    via = {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}
    raw_with_a_key(account, Principal="*", Action="kms:*", Condition=via)


def organization(account: MigrationAccount) -> None:
    account.answers["DescribeOrganization"] = lambda _: {
        "Organization": {"MasterAccountId": "210987654321"}
    }


@pytest.mark.parametrize(
    ("made", "check", "told"),
    [
        (own_denial_with_a_condition, "copy role: policy", "may deny s3:"),
        (bucket_for_one_endpoint, f"bucket {LAKE}: denials", "conditions that are not known"),
        (key_for_one_service, "key {key}: policy", "conditions that are not known"),
        (organization, "AWS account: service control policies", "only account 210987654321"),
    ],
)
def test_what_depends_on_something_unknown_is_unknown(
    made: Sabotage, check: str, told: str, account: MigrationAccount
) -> None:
    made(account)
    results = examined(account)
    assert in_state(results, CheckState.FAILED) == {}
    unknown = in_state(results, CheckState.UNKNOWN)
    named = check.format(key=os.environ.get("CHECKOUT_KMS_KEY", "").rpartition("/")[2])
    assert list(unknown) == [named]
    assert told in unknown[named]


def test_denials_that_do_not_concern_our_requests_are_no_alarm(account: MigrationAccount) -> None:
    raw_with_a_key(account)  # whose default policy leaves it to the account's roles
    for condition in (
        {"Bool": {"aws:SecureTransport": "false"}},
        {"StringNotEquals": {"aws:PrincipalAccount": ACCOUNT}},
        {"ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/*"}},
    ):
        add_to_bucket_policy(
            account, SOURCE, Action="s3:*", Resource=f"arn:aws:s3:::{SOURCE}/*", Condition=condition
        )
    assert [each for each in examined(account) if each.state is not CheckState.OK] == []


@pytest.mark.parametrize(
    ("statement", "state"),
    [
        ({"Action": "*", "Resource": "*"}, CheckState.OK),
        ({"Action": "s3:Get*", "Resource": "*"}, CheckState.FAILED),
        ({"Action": "s3:*", "Resource": "arn:aws:s3:::amazonlinux-*/*"}, CheckState.FAILED),
        ({"Action": "*", "Resource": "*", "Condition": UNKNOWN_CONDITION}, CheckState.UNKNOWN),
    ],
)
def test_the_policy_of_an_endpoint_is_compared_with_what_nodes_need(
    statement: dict[str, Any], state: CheckState, account: MigrationAccount
) -> None:
    account.configure(COPY_ENGINE="local")  # instances across regions must not use it at all
    for kind in ("Gateway", "Interface"):
        name = account.add_endpoint("s3", {**EVERYBODY, **statement}, kind=kind)
        found = policies_of(account)[f"EMR {name}"]
        assert (found.state, found.check) == (state, f"endpoint {name}: policy")


EVERYBODY = {"Effect": "Allow", "Principal": "*"}
ALL = {**EVERYBODY, "Action": "*", "Resource": "*"}
NOTHING_OF_SOURCE = {
    **EVERYBODY,
    "Effect": "Deny",
    "Action": "s3:*",
    "Resource": [f"arn:aws:s3:::{SOURCE}", f"arn:aws:s3:::{SOURCE}/*"],
}


def in_one_region(account: MigrationAccount) -> None:
    """The source is in the region of raw, so that instances may use an endpoint for S3."""
    account.s3.delete_bucket_policy(Bucket=SOURCE)
    account.s3.delete_object(Bucket=SOURCE, Key="root/00_CheckoutOrder/A/id/1")
    account.s3.delete_bucket(Bucket=SOURCE)
    account.make_bucket(SOURCE, REGION)
    account.grant()


def policies_of(account: MigrationAccount) -> dict[str, CheckResult]:
    """By subject and endpoint, what is said of the endpoint's policy."""
    return {
        f"{each.subject} {each.check.split()[1].rstrip(':')}": each
        for each in examined(account)
        if each.check.startswith("endpoint ") and each.check.endswith(": policy")
    }


def test_an_interface_endpoint_that_denies_the_source_s_bucket_is_found(
    account: MigrationAccount,
) -> None:
    in_one_region(account)
    name = account.add_endpoint("s3", ALL, NOTHING_OF_SOURCE)
    told = policies_of(account)
    assert told[f"EMR {name}"].state is CheckState.OK, "nodes do not read the source"
    of_instances = told[f"EC2 {name}"]
    assert of_instances.state is CheckState.FAILED
    assert f"arn:aws:s3:::{SOURCE}/root/" in of_instances.reason
    assert "(copy role)" in of_instances.reason
    assert "exempt the role" in of_instances.remedy


@pytest.mark.parametrize(
    ("service", "denied", "needed"),
    [
        ("sts", "sts:AssumeRole", "sts:AssumeRole on " + arn("copy")),
        ("ssm", "ssm:*", "ssm:UpdateInstanceInformation on *"),
        ("ssmmessages", "ssmmessages:OpenDataChannel", "ssmmessages:OpenDataChannel on *"),
    ],
)
def test_the_policy_of_another_service_s_endpoint_is_compared_with_what_instances_need(
    account: MigrationAccount, service: str, denied: str, needed: str
) -> None:
    allowing = account.add_endpoint(
        service, {**EVERYBODY, "Action": f"{service}:*", "Resource": "*"}
    )
    assert policies_of(account)[f"EC2 {allowing}"].state is CheckState.OK
    account.ec2.delete_vpc_endpoints(VpcEndpointIds=[allowing])
    deny = {**EVERYBODY, "Effect": "Deny", "Action": denied, "Resource": "*"}
    name = account.add_endpoint(service, ALL, deny)
    told = policies_of(account)[f"EC2 {name}"]
    assert told.state is CheckState.FAILED
    assert f"{needed} (worker role)" in told.reason


OWN_BUCKETS = {
    "s3:GetObject": ["al2023-repos-us-east-2-de612dc2", "repo.us-east-2.emr.amazonaws.com"],
    "s3:PutObject": ["aws157-logs-prod-us-east-2"],
}
"""EMR Management Guide, "Sample policies for private subnets that access Amazon S3"."""


def allowing(account: MigrationAccount, *roles: str) -> list[dict[str, Any]]:
    """Statements of an endpoint that allow just what our roles need of S3, one for each."""
    return [
        {
            "Effect": "Allow",
            "Principal": "*",
            "Action": each["Action"],
            "Resource": each["Resource"],
        }
        for role in roles
        for each in account.role_statements(role)
        if str(each["Action"]).startswith("['s3:")
    ]


def test_an_endpoint_s_policy_must_allow_the_buckets_that_emr_itself_needs(
    account: MigrationAccount,
) -> None:
    account.configure(COPY_ENGINE="local")
    own = [
        {**EVERYBODY, "Action": action, "Resource": f"arn:aws:s3:::{name}/*"}
        for action, names in OWN_BUCKETS.items()
        for name in names
    ]
    ours = allowing(account, "node")
    whole = account.add_endpoint("s3", *ours, *own, kind="Gateway")
    assert policies_of(account)[f"EMR {whole}"].state is CheckState.OK
    for missing in own:
        account.ec2.delete_vpc_endpoints(VpcEndpointIds=[whole])
        kept = [each for each in own if each is not missing]
        whole = account.add_endpoint("s3", *ours, *kept, kind="Gateway")
        told = policies_of(account)[f"EMR {whole}"]
        assert told.state is CheckState.FAILED
        named = f"{missing['Action']} on {missing['Resource']} (Amazon's own bucket)"
        assert told.reason == f"It does not let pass: {named}."


def test_an_endpoint_s_policy_must_allow_the_packages_that_instances_install(
    account: MigrationAccount,
) -> None:
    """An image with the worker's Python needs none: docs/deploy/ec2.md."""
    in_one_region(account)
    name = account.add_endpoint("s3", *allowing(account, "copy", "worker"), kind="Gateway")
    told = policies_of(account)[f"EC2 {name}"]
    assert told.state is CheckState.FAILED
    assert "al2023-repos-us-east-2-de612dc2/* (Amazon's own bucket)" in told.reason
    assert "emr.amazonaws.com" not in told.reason
    account.configure(EC2_AMI="ami-0123456789abcdef0")
    assert policies_of(account)[f"EC2 {name}"].state is CheckState.OK


def test_endpoints_in_china_are_found_by_both_of_their_names(account: MigrationAccount) -> None:
    """There s3 is com.amazonaws.<region>.s3, and sts cn.com.amazonaws.<region>.sts."""
    without_a_route_out(account)
    account.add_endpoint("s3", kind="Gateway")
    account.endpoint_owner = "cn.com.amazonaws"
    name = account.add_endpoint("sts")
    assert in_state(examined(account), CheckState.FAILED) == {}
    assert policies_of(account)[f"EC2 {name}"].state is CheckState.OK


def admitted(account: MigrationAccount, *rules: dict[str, Any]) -> dict[str, CheckResult]:
    """By subject, what is said of an endpoint for S3 whose group has these inbound rules."""
    in_one_region(account)
    name = account.add_endpoint("s3", groups=[account.admitting(*rules)])
    named = f"endpoint {name}: security groups"
    return {each.subject: each for each in examined(account) if each.check == named}


def test_an_endpoint_that_does_not_admit_instances_is_told_with_what_to_do(
    account: MigrationAccount,
) -> None:
    told = admitted(account)["EC2"]
    (group,) = re.findall("sg-[0-9a-f]+", told.reason.partition(" admits ")[0])
    assert told.reason == (
        f"No rule of {group} admits HTTPS from {account.group}: s3 is not reached."
    )
    assert told.remedy == f"Allow inbound TCP 443 from {account.group} in {group}."


def test_an_endpoint_that_admits_a_security_group_is_judged_by_that_of_the_machines(
    account: MigrationAccount,
) -> None:
    """EMR chooses its nodes' groups, so that theirs is not known."""
    told = admitted(
        account, {**HTTPS, "IpRanges": [], "UserIdGroupPairs": [{"GroupId": account.group}]}
    )
    assert (told["EC2"].state, told["EMR"].state) == (CheckState.OK, CheckState.UNKNOWN)


def test_the_default_group_admits_no_instance(account: MigrationAccount) -> None:
    default = account.default_group()
    own = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": default}]}
    account.ec2.authorize_security_group_ingress(GroupId=default, IpPermissions=[own])
    in_one_region(account)
    account.add_endpoint("s3", groups=[default])
    failed = in_state(examined(account), CheckState.FAILED)
    (told,) = failed.values()
    assert f"No rule of {default} admits HTTPS from {account.group}" in told


def test_groups_that_may_not_be_read_are_unknown(account: MigrationAccount) -> None:
    account.configure(COPY_ENGINE="local")
    name = account.add_endpoint("s3")
    account.denied = {"DescribeSecurityGroups"}
    results = examined(account)
    assert in_state(results, CheckState.FAILED) == {}
    unknown = in_state(results, CheckState.UNKNOWN)
    assert "needs ec2:DescribeSecurityGroups" in unknown[f"EMR: endpoint {name}: security groups"]


CLUSTER = "j-1ABCDEF"
OURS = {"Key": "checkout-assets:deployment", "Value": "checkout-assets"}


def given_cluster(account: MigrationAccount, state: str, *tags: dict[str, str]) -> None:
    """The steps go to a cluster that no run launches, so that nothing of a launch is needed."""
    account.configure(EMR_CLUSTER_ID=CLUSTER, EMR_RELEASE="emr-7.99.0", EMR_SUBNETS='["subnet-a"]')
    account.answers["DescribeCluster"] = lambda _: {
        "Cluster": {"Id": CLUSTER, "Status": {"State": state}, "Tags": list(tags)}
    }
    account.answers["GetServiceQuota"] = lambda _: {"Quota": {"Value": 64.0}}


def test_a_given_cluster_needs_no_quota_and_nothing_else_of_a_launch(
    account: MigrationAccount,
) -> None:
    given_cluster(account, "WAITING", OURS)
    results = examined(account)
    assert [each for each in results if each.state is not CheckState.OK] == []
    of_emr = [each.check for each in results if each.subject == "EMR"]
    assert of_emr == ["options", "package", f"cluster {CLUSTER}"]


@pytest.mark.parametrize(
    ("state", "tags", "told"),
    [
        ("TERMINATED", [OURS], "The cluster is TERMINATED."),
        ("TERMINATING", [OURS], "The cluster is TERMINATING."),
        ("RUNNING", [], "add-tags --resource-id j-1ABCDEF"),
        ("RUNNING", [{**OURS, "Value": "another"}], "It lacks the tag"),
    ],
)
def test_a_given_cluster_that_cannot_be_used_is_found(
    account: MigrationAccount, state: str, tags: list[dict[str, str]], told: str
) -> None:
    given_cluster(account, state, *tags)
    failed = in_state(examined(account), CheckState.FAILED)
    assert list(failed) == [f"EMR: cluster {CLUSTER}"]
    assert told in failed[f"EMR: cluster {CLUSTER}"]


def test_a_given_cluster_that_does_not_exist_is_found(account: MigrationAccount) -> None:
    given_cluster(account, "RUNNING", OURS)
    del account.answers["DescribeCluster"]
    account.refused["DescribeCluster"] = "InvalidRequestException"
    failed = in_state(examined(account), CheckState.FAILED)
    assert "no such cluster" in failed[f"EMR: cluster {CLUSTER}"]


def test_an_endpoint_that_takes_no_requests_is_not_judged(account: MigrationAccount) -> None:
    """Without private DNS, or with it for inbound resolvers only, no name resolves to it.

    One that is being deleted takes none either, nor one in the route table of other subnets or in
    another VPC.
    """
    account.configure(COPY_ENGINE="local")
    account.ec2.create_vpc_endpoint(
        VpcId=account.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"],
        ServiceName=f"com.amazonaws.{REGION}.s3",
        VpcEndpointType="Interface",
        PrivateDnsEnabled=True,
    )
    other = account.ec2.create_route_table(VpcId=account.vpc)["RouteTable"]["RouteTableId"]
    account.ec2.modify_vpc_endpoint(
        VpcEndpointId=account.add_endpoint("s3", NOTHING_OF_SOURCE, kind="Gateway"),
        AddRouteTableIds=[other],
        RemoveRouteTableIds=[account.table],
    )
    account.add_endpoint("s3", NOTHING_OF_SOURCE, private_dns=False)
    gateway = account.add_endpoint("s3", ALL, kind="Gateway")
    account.add_endpoint("s3", NOTHING_OF_SOURCE, only_inbound=True)
    account.ending.add(account.add_endpoint("s3", NOTHING_OF_SOURCE))
    assert list(policies_of(account)) == [f"EMR {gateway}"]


def test_an_interface_endpoint_takes_the_requests_before_a_gateway_endpoint(
    account: MigrationAccount,
) -> None:
    account.configure(COPY_ENGINE="local")
    account.add_endpoint("s3", NOTHING_OF_SOURCE, kind="Gateway")
    name = account.add_endpoint("s3", ALL)
    told = policies_of(account)
    assert [(each, told[each].state) for each in told] == [(f"EMR {name}", CheckState.OK)]


@pytest.mark.parametrize(
    ("kind", "principal", "state"),
    [
        ("Gateway", {"AWS": ACCOUNT}, CheckState.FAILED),
        ("Gateway", {"AWS": arn("node")}, CheckState.FAILED),
        ("Gateway", {"AWS": "*"}, CheckState.OK),
        ("Interface", {"AWS": ACCOUNT}, CheckState.OK),
        ("Interface", {"AWS": arn("node")}, CheckState.OK),
        ("Interface", {"AWS": arn("administrator")}, CheckState.FAILED),
    ],
)
def test_a_gateway_endpoint_lets_pass_only_what_its_policy_allows_to_everybody(
    account: MigrationAccount, kind: str, principal: dict[str, str], state: CheckState
) -> None:
    account.configure(COPY_ENGINE="local")
    name = account.add_endpoint("s3", {**ALL, "Principal": principal}, kind=kind)
    assert policies_of(account)[f"EMR {name}"].state is state


def test_a_gateway_endpoint_may_deny_something_to_a_single_role(account: MigrationAccount) -> None:
    account.configure(COPY_ENGINE="local")
    deny = {**ALL, "Effect": "Deny", "Principal": {"AWS": arn("node")}}
    name = account.add_endpoint("s3", ALL, deny, kind="Gateway")
    (told,) = [each for each in examined(account) if name in each.check.split(":")[0]]
    assert (told.check, told.state) == (f"endpoint {name}: policy", CheckState.FAILED)


def without_a_route_out(account: MigrationAccount) -> None:
    in_one_region(account)
    account.ec2.delete_route(RouteTableId=account.table, DestinationCidrBlock="0.0.0.0/0")


def test_instances_without_a_route_out_need_an_endpoint_for_sts(
    account: MigrationAccount,
) -> None:
    without_a_route_out(account)
    account.add_endpoint("s3", kind="Gateway")
    named = f"EC2: subnet {account.subnet}: routes"
    failed = in_state(examined(account), CheckState.FAILED)
    assert list(failed) == [named]
    assert "It does not reach STS" in failed[named]
    assert "interface endpoint for sts" in failed[named]
    account.add_endpoint("sts")
    assert in_state(examined(account), CheckState.FAILED) == {}


def test_a_subnet_reaches_s3_through_an_interface_endpoint(account: MigrationAccount) -> None:
    without_a_route_out(account)
    account.configure(COPY_ENGINE="local")
    named = f"EMR: subnet {account.subnet}: routes"
    assert "It does not reach S3" in in_state(examined(account), CheckState.FAILED)[named]
    name = account.add_endpoint("s3")
    told = in_state(examined(account), CheckState.OK)[named]
    assert f"it has the interface endpoint {name} for s3" in told


def test_an_endpoint_that_must_not_be_there_is_not_judged_by_its_policy(
    account: MigrationAccount,
) -> None:
    """The source is in another region: one row says so, and none what the policy denies."""
    account.add_endpoint("s3", ALL, NOTHING_OF_SOURCE)
    failed = in_state(examined(account), CheckState.FAILED)
    assert list(failed) == [f"EC2: subnet {account.subnet}: routes"]


def test_routes_are_judged_without_the_roles(account: MigrationAccount) -> None:
    """Then it is not known which account is the roles' own."""
    account.patch.delenv("CHECKOUT_COPY_ROLE_ARN")
    results = examined(account)
    assert in_state(results, CheckState.FAILED) == {}
    assert f"EC2: subnet {account.subnet}: routes" in in_state(results, CheckState.OK)


def test_endpoints_of_a_vpc_that_another_account_shares_are_unknown(
    account: MigrationAccount,
) -> None:
    """AWS PrivateLink Guide, "Shared subnets": participants use endpoints, and see none."""
    without_a_route_out(account)
    (found,) = account.ec2.describe_subnets(SubnetIds=[account.subnet])["Subnets"]
    shared = {**found, "OwnerId": "999999999999"}
    account.answers["DescribeSubnets"] = lambda _: {"Subnets": [shared]}
    results = examined(account)
    assert in_state(results, CheckState.FAILED) == {}
    unknown = in_state(results, CheckState.UNKNOWN)
    assert list(unknown) == [f"{each}: subnet {account.subnet}: routes" for each in ("EC2", "EMR")]
    assert all("its VPC is of account 999999999999" in each for each in unknown.values())


def test_machines_in_another_region_than_raw_are_told(account: MigrationAccount) -> None:
    account.configure(EC2_REGION="us-west-2")
    failed = in_state(examined(account), CheckState.FAILED)
    assert f"Set CHECKOUT_EC2_REGION to {REGION}" in failed["raw: region"]
    assert f"EC2: subnet {account.subnet}" in failed


DENIED = {
    "GetBucketVersioning": ("source: versioning", "s3:GetBucketVersioning"),
    "GetBucketEncryption": ("raw: encryption", "s3:GetEncryptionConfiguration"),
    "GetBucketPolicy": (f"bucket {SOURCE}: policy", "s3:GetBucketPolicy"),
    "GetRole": ("copy role: role", "iam:GetRole"),
    "GetRolePolicy": ("copy role: policy", "iam:GetRolePolicy"),
    "GetInstanceProfile": ("EC2: instance profile", "iam:GetInstanceProfile"),
    "DescribeRouteTables": ("EC2: {subnet}", "ec2:DescribeRouteTables"),
    "DescribeVpcEndpoints": ("EC2: {subnet}", "ec2:DescribeVpcEndpoints"),
    "DescribeSecurityGroups": ("EC2: security group {group}", "ec2:DescribeSecurityGroups"),
    "ListReleaseLabels": ("EMR: release", "elasticmapreduce:ListReleaseLabels"),
    "DescribeOrganization": (
        "AWS account: service control policies",
        "organizations:DescribeOrganization",
    ),
    "GetServiceQuota": ("EC2: vCPU quota", "servicequotas:GetServiceQuota"),
    "GetObject": ("EC2: package", "s3:GetObject"),
    "GetCallerIdentity": ("AWS account: all other checks", "sts:GetCallerIdentity"),
}
"""By the operation that is denied: the check that is unknown, and the permission that it needs."""


HIDE_OTHERS = ("GetRole", "DescribeVpcEndpoints", "GetCallerIdentity")
"""Operations without which others of DENIED are not asked."""


OTHERS = [each for each in DENIED if each not in HIDE_OTHERS]


@pytest.mark.parametrize("together", [OTHERS, *([each] for each in HIDE_OTHERS)])
def test_what_is_denied_is_unknown_and_says_what_it_needs(
    together: list[str], account: MigrationAccount
) -> None:
    account.denied = set(together)
    results = examined(account)
    unknown = in_state(results, CheckState.UNKNOWN)
    for operation in together:
        check, action = DENIED[operation]
        named = check.format(subnet=f"subnet {account.subnet}", group=account.group)
        assert f"needs {action}" in unknown[named]
    assert in_state(results, CheckState.FAILED) == {}


@pytest.mark.parametrize("operation", ["DescribeKey", "GetKeyPolicy"])
def test_a_key_that_may_not_be_looked_at_is_unknown(
    operation: str, account: MigrationAccount
) -> None:
    key = raw_with_a_key(account)
    account.denied = {operation}
    results = examined(account)
    assert in_state(results, CheckState.FAILED) == {}
    unknown = in_state(results, CheckState.UNKNOWN)
    assert f"needs kms:{operation}" in unknown[f"key {key.rpartition('/')[2]}: policy"]


def test_without_credentials_nothing_else_is_asked(account: MigrationAccount) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        account.patch.delenv(name)
    account.patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    results = examined(account)
    assert list(in_state(results, CheckState.FAILED)) == ["AWS account: credentials"]
    assert account.asked == []


def test_a_region_that_is_missing_is_told(account: MigrationAccount) -> None:
    account.patch.delenv("AWS_DEFAULT_REGION")
    failed = in_state(examined(account), CheckState.FAILED)
    assert "AWS_DEFAULT_REGION" in failed["AWS account: region"]
