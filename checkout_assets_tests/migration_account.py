"""An AWS account in moto that is ready for the migration, in which tests create faults."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import botocore.client
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from checkout_assets.domain.access.role_policies import ROLE_POLICIES, policy_document
from checkout_assets.domain.access.terms import AccessTerms
from checkout_assets.engines.access.granting import wanted_statements
from checkout_assets.engines.access.options import access_options
from checkout_assets.engines.doctor.account import AwsClients
from checkout_assets.engines.doctor.roles import HOST_POLICIES
from checkout_assets.engines.emr.options import RELEASE
from checkout_assets.engines.emr.request import MANAGED_POLICIES_TAG
from checkout_assets.packaging.contents import Package
from checkout_assets.settings import Settings
from checkout_assets_tests.emr_place import build_job
from checkout_assets_tests.worker_machine import X86, build_worker

ACCOUNT, REGION, SOURCE_REGION = "123456789012", "us-east-2", "us-east-1"
SOURCE, RAW, LAKE, ARTIFACTS = "orders", "analytics-raw", "analytics-lake", "artifacts"
TAG = {"Key": MANAGED_POLICIES_TAG, "Value": "true"}
SERVICE_ROLES = ("AWSServiceRoleForEMRCleanup", "AWSServiceRoleForEC2Spot")
HTTPS = {
    "IpProtocol": "tcp",
    "FromPort": 443,
    "ToPort": 443,
    "IpRanges": [{"CidrIp": "10.0.0.0/16"}],
}
"""Inbound from the whole VPC."""

QUOTAS = {"L-1216C47A": 2000.0, "L-34B43A08": 2000.0}
ROLES: dict[str, tuple[Sequence[str], list[str]]] = {
    "copy": (["copy_role"], ["host", "worker"]),
    "worker": (["worker_role"], ["ec2.amazonaws.com"]),
    "node": (["structure_role"], ["ec2.amazonaws.com"]),
    "emr": (["emr_service_role"], ["elasticmapreduce.amazonaws.com"]),
    "host": (HOST_POLICIES, ["ec2.amazonaws.com"]),
}
"""By name: the role's policies, and who assumes the role."""

_NOTHING = {"Effect": "Allow", "Action": ["ec2:DescribeSubnets"], "Resource": ["*"]}
Answer = Callable[[Mapping[str, Any]], dict[str, Any]]


@cache
def client_of(service: str, region: str = "", _: str = "") -> Any:
    """One client for all tests: making it takes longer than what they ask it."""
    return boto3.Session().client(service, region_name=region or REGION)


def arn(role: str) -> str:
    return role if role.endswith(".com") else f"arn:aws:iam::{ACCOUNT}:role/{role}"


def trust(takers: list[str]) -> str:
    kind = "Service" if takers[0].endswith(".com") else "AWS"
    statement = {
        "Effect": "Allow",
        "Principal": {kind: list(map(arn, takers))},
        "Action": "sts:AssumeRole",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class MigrationAccount:
    """Source, raw, lake, roles, network and packages as the guides want them."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.patch = patch
        self.asked: list[str] = []
        self.denied: set[str] = set()
        self.refused: dict[str, str] = {}
        self.ahead = timedelta()
        self.ending: set[str] = set()
        """Endpoints that are being deleted."""
        self._only_inbound: set[str] = set()
        self.endpoint_owner = "com.amazonaws"
        self.answers: dict[str, Answer] = {
            "GetServiceQuota": lambda sent: {"Quota": {"Value": QUOTAS[sent["QuotaCode"]]}},
            "ListReleaseLabels": lambda _: {"ReleaseLabels": [RELEASE]},
        }
        self.s3 = client_of("s3")
        self.iam = client_of("iam")
        self.ec2 = client_of("ec2")

    def build(self, package: Path) -> None:
        self._make_buckets()
        self._make_network()
        self._make_names()
        self._make_roles()
        self.grant()
        self._upload(package)

    def configure(self, **options: str) -> None:
        """Set variables, without their prefix."""
        for name, value in options.items():
            self.patch.setenv(f"CHECKOUT_{name}", value)

    def terms(self, days: int = 30) -> AccessTerms:
        return access_options(Settings()).terms("orders team", days, datetime.now(UTC))

    def grant(self) -> None:
        for bucket, statements in wanted_statements(self.terms()).items():
            self.set_bucket_policy(bucket, statements)

    def set_bucket_policy(self, bucket: str, statements: Any) -> None:
        policy = json.dumps(policy_document(statements))
        self.s3.put_bucket_policy(Bucket=bucket, Policy=policy)

    def set_role_policy(self, role: str, statements: Any) -> None:
        if not statements:
            self.iam.delete_role_policy(RoleName=role, PolicyName="needed")
            return
        policy = json.dumps(policy_document(statements))
        self.iam.put_role_policy(RoleName=role, PolicyName="needed", PolicyDocument=policy)

    def role_statements(self, role: str) -> list[Any]:
        """What the role needs, without ids: those of several policies may be equal."""
        return _needed(role, self.terms())

    def add_endpoint(
        self,
        service: str,
        *policy: Mapping[str, Any],
        kind: str = "Interface",
        private_dns: bool = True,
        only_inbound: bool = False,
        groups: Sequence[str] = (),
    ) -> str:
        """Add an endpoint to the VPC, whose own group admits HTTPS; refuses what AWS refuses.

        AWS PrivateLink Guide: "Gateway endpoints" (for S3 and DynamoDB only), "Control access to
        VPC endpoints using endpoint policies" (a principal in each statement), "Access an AWS
        service using an interface VPC endpoint" (private DNS needs both DNS attributes of the VPC).
        Amazon S3 User Guide, "AWS PrivateLink for Amazon S3": private DNS only for inbound
        resolvers needs a gateway endpoint in the VPC.
        """
        assert kind == "Interface" or service == "s3"
        assert all({"Effect", "Principal", "Action", "Resource"} <= each.keys() for each in policy)
        assert not only_inbound or (private_dns and self._has_gateway())
        given: dict[str, Any] = {"RouteTableIds": [self.table]}
        if kind == "Interface":
            assert not private_dns or self._resolves_privately()
            given = {"SubnetIds": [self.subnet], "PrivateDnsEnabled": private_dns}
            given["SecurityGroupIds"] = groups or [self.admitting(HTTPS)]
        if policy:
            given["PolicyDocument"] = json.dumps(policy_document(policy))
        made = self.ec2.create_vpc_endpoint(
            VpcId=self.vpc,
            ServiceName=f"{self.endpoint_owner}.{REGION}.{service}",
            VpcEndpointType=kind,
            **given,
        )
        name = str(made["VpcEndpoint"]["VpcEndpointId"])
        if only_inbound:
            self._only_inbound.add(name)
        return name

    def admitting(self, *rules: Mapping[str, Any]) -> str:
        """Make a security group with these inbound rules, and return its id."""
        name = f"group {len(self.ec2.describe_security_groups()['SecurityGroups'])}"
        made = self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)
        group = str(made["GroupId"])
        for rule in rules:
            self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[rule])
        return group

    def default_group(self) -> str:
        """The VPC's default group, which AWS uses where none is named."""
        asked = [{"Name": "vpc-id", "Values": [self.vpc]}]
        found = self.ec2.describe_security_groups(Filters=asked)["SecurityGroups"]
        return next(str(each["GroupId"]) for each in found if each["GroupName"] == "default")

    def _has_gateway(self) -> bool:
        found = self.ec2.describe_vpc_endpoints()["VpcEndpoints"]
        return any(each["VpcEndpointType"] == "Gateway" for each in found)

    def _resolves_privately(self) -> bool:
        return all(
            self.ec2.describe_vpc_attribute(VpcId=self.vpc, Attribute=f"e{name[1:]}")[name]["Value"]
            for name in ("EnableDnsSupport", "EnableDnsHostnames")
        )

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Record each request that the body sends, and answer or deny some of them."""
        original: Any = botocore.client.BaseClient._make_api_call  # type: ignore[attr-defined]

        def call(client: Any, operation: str, sent: Mapping[str, Any]) -> Any:
            self.asked.append(operation)
            code = "AccessDenied" if operation in self.denied else self.refused.get(operation)
            if code:
                error = {"Error": {"Code": code, "Message": "no"}}
                raise ClientError(error, operation)  # type: ignore[arg-type]
            if operation in self.answers:
                return self.answers[operation](sent)
            answer = original(client, operation, sent)
            if operation == "DescribeVpcEndpoints":  # moto has no DNS options, and deletes at once
                for each in answer["VpcEndpoints"]:
                    if each["VpcEndpointId"] in self.ending:
                        each["State"] = "deleting"
                    only = each["VpcEndpointId"] in self._only_inbound
                    each["DnsOptions"] = {"PrivateDnsOnlyForInboundResolverEndpoint": only}
            if operation == "HeadBucket":  # moto gives no time
                now = format_datetime(datetime.now(UTC) + self.ahead)
                answer["ResponseMetadata"]["HTTPHeaders"]["date"] = now
            return answer

        with self.patch.context() as patch:
            patch.setattr(botocore.client.BaseClient, "_make_api_call", call)
            yield

    def make_bucket(self, bucket: str, region: str) -> None:
        """Make a bucket whose owner owns all objects."""
        where = {} if region == "us-east-1" else {"LocationConstraint": region}
        client_of("s3", region).create_bucket(
            Bucket=bucket, **({"CreateBucketConfiguration": where} if where else {})
        )
        self.s3.put_bucket_ownership_controls(
            Bucket=bucket,
            OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        )

    def _make_buckets(self) -> None:
        for bucket in (SOURCE, RAW, LAKE, ARTIFACTS):
            self.make_bucket(bucket, SOURCE_REGION if bucket == SOURCE else REGION)
        self.s3.put_object(Bucket=SOURCE, Key="root/00_CheckoutOrder/A/id/1", Body=b"{}")

    def _make_network(self) -> None:
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        for name in ("EnableDnsSupport", "EnableDnsHostnames"):
            self.ec2.modify_vpc_attribute(VpcId=self.vpc, **{name: {"Value": True}})
        self.subnet = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.1.0/24")["Subnet"][
            "SubnetId"
        ]
        self.table = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.ec2.associate_route_table(RouteTableId=self.table, SubnetId=self.subnet)
        self.nat = self.ec2.create_nat_gateway(SubnetId=self.subnet)["NatGateway"]["NatGatewayId"]
        self.ec2.create_route(
            RouteTableId=self.table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=self.nat
        )
        self.ec2.create_tags(Resources=[self.subnet, self.vpc], Tags=[TAG])
        self.group = self.ec2.create_security_group(
            GroupName="copies", Description="none in", VpcId=self.vpc
        )["GroupId"]

    def _make_names(self) -> None:
        self.configure(
            SOURCE_URI=f"s3://{SOURCE}/root",
            RAW_URI=f"s3://{RAW}/copies",
            LAKE_URI=f"s3://{LAKE}/tables",
            COPY_ROLE_ARN=arn("copy"),
            WORKER_ROLE_ARN=arn("worker"),
            STRUCTURE_ROLE_ARN=arn("node"),
            EMR_SERVICE_ROLE_ARN=arn("emr"),
            RECONCILE_ROLE_ARN=arn("host"),
            COPY_ENGINE="ec2",
            STRUCTURE_ENGINE="emr",
        )
        self.configure(
            EC2_SUBNETS=json.dumps([self.subnet]),
            EC2_SECURITY_GROUP=self.group,
            EC2_INSTANCE_PROFILE="worker",
            EC2_FLEET_URI=f"s3://{ARTIFACTS}/fleet",
            EC2_PACKAGE_URI=f"s3://{ARTIFACTS}/worker",
            EMR_SUBNETS=json.dumps([self.subnet]),
            EMR_SERVICE_ROLE="emr",
            EMR_INSTANCE_PROFILE="node",
            EMR_LOG_URI=f"s3://{ARTIFACTS}/logs",
            EMR_PACKAGE_URI=f"s3://{ARTIFACTS}/job",
        )

    def _make_roles(self) -> None:
        terms = self.terms()
        for role, (_, takers) in ROLES.items():
            self.iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust(takers))
            self.set_role_policy(role, _needed(role, terms))
        made = self.iam.create_policy(
            PolicyName="AmazonEMRServicePolicy_v2",  # moto has none of AWS's own
            PolicyDocument=json.dumps(policy_document([_NOTHING])),
        )
        self.iam.attach_role_policy(RoleName="emr", PolicyArn=made["Policy"]["Arn"])
        for role in ("worker", "node"):
            self.iam.create_instance_profile(InstanceProfileName=role)
            self.iam.add_role_to_instance_profile(InstanceProfileName=role, RoleName=role)
        for name in SERVICE_ROLES:
            self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(ROLES["emr"][1]))

    def _upload(self, directory: Path) -> None:
        for name in ("worker", "job"):
            for file in (directory / name).iterdir():
                self.s3.put_object(
                    Bucket=ARTIFACTS, Key=f"{name}/{file.name}", Body=file.read_bytes()
                )


def _needed(role: str, terms: AccessTerms) -> list[Any]:
    policies, _ = ROLES[role]
    needed = [each for name in policies for each in ROLE_POLICIES[name](terms)]
    return [{key: each[key] for key in each if key != "Sid"} for each in needed]


def build_packages(directory: Path) -> None:
    """A worker and a job, each in a directory of its own."""
    directory.mkdir()
    build_worker(directory / "worker")
    build_job(directory / "job")
    assert Package.read(directory / "worker").artifacts[0].architecture == X86


@contextmanager
def moto_account(patch: pytest.MonkeyPatch) -> Iterator[MigrationAccount]:
    """An empty account."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        patch.setenv(name, "testing")
    patch.setenv("AWS_DEFAULT_REGION", REGION)
    patch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    patch.setattr(AwsClients, "_make", lambda _, *named: client_of(*named))
    with mock_aws():
        yield MigrationAccount(patch)
