"""What AWS evaluates for a request that the Dagster host sends to EC2, SSM and EMR.

One request may need several permissions. Those that no request is named after are in IMPLIED, each
with the document that says so.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from checkout_assets.domain.access.statements import Statement
from checkout_assets_tests.strict_iam.conditions import Context
from checkout_assets_tests.strict_iam.evaluation import Ask, Caller, allowed
from checkout_assets_tests.strict_iam.smaller import without_one

ACCOUNT, REGION = "123456789012", "us-east-2"
"""Those of the local EC2 and EMR."""

OPERATOR = "operator"
"""The access key of whoever may do everything: tests that act as somebody else use it."""

IMPLIED: Mapping[str, str] = {
    "ec2:CreateTags": "EC2 User Guide, 'Grant permission to tag Amazon EC2 resources during "
    "creation': RunInstances with tags also needs ec2:CreateTags",
    "elasticmapreduce:AddTags": "EMR Management Guide, 'IAM policies for tag-based access to "
    "clusters': RunJobFlow with tags also needs elasticmapreduce:AddTags",
    "elasticmapreduce:PutAutoTerminationPolicy": "EMR Management Guide, 'Using an "
    "auto-termination policy': RunJobFlow with one also needs PutAutoTerminationPolicy. There is "
    "no cluster yet, so no tag of it is known",
    "iam:PassRole": "IAM User Guide, 'Grant a user permissions to pass a role to an AWS service'; "
    "Service Authorization Reference: RunJobFlow and RunInstances depend on it",
}

_SERVICES = ("ec2:", "elasticmapreduce:", "glue:", "iam:", "servicequotas:", "ssm:")
_OF_QUOTAS = {
    "DescribeInstanceTypes": "ec2:DescribeInstanceTypes",
    "GetServiceQuota": "servicequotas:GetServiceQuota",
}
"""Service Authorization Reference: neither knows resources."""

_ON_CLUSTERS = (
    *("AddJobFlowSteps", "CancelSteps", "DescribeCluster", "ListSteps", "TerminateJobFlows"),
)
_KEY_ACTIONS = (
    *("Decrypt", "DescribeKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo"),
)
"""EBS User Guide, 'Requirements for Amazon EBS encryption': what whoever launches an instance with
a volume of a customer's key needs, beside kms:CreateGrant for an AWS resource."""

_TO_EC2, _TO_EMR = "ec2.amazonaws.com", "elasticmapreduce.amazonaws.com"
Tags = Mapping[str, str]
TagsOf = Callable[[str], Tags]
"""From the id of an instance or a cluster to its tags."""


@dataclass
class Host:
    """The host's role with its statements; ``asked`` is all that was evaluated."""

    statements: Sequence[Statement]
    asked: list[Ask] = field(default_factory=list)
    denied: list[Ask] = field(default_factory=list)

    def denies(self, asks: Iterable[Ask]) -> str:
        """What is missing for a request; empty if it is allowed."""
        for ask in asks:
            self.asked.append(ask)
            if not _allows(self.statements, ask):
                self.denied.append(ask)
                return f"not authorized to perform {ask.action} on {ask.resource}"
        return ""

    def needless(self) -> list[str]:
        """What could be taken from the statements, and all that was asked would be allowed."""
        about = [each for each in self.statements if each["Action"][0].startswith(_SERVICES)]
        asked = list({repr(ask): ask for ask in self.asked if ask not in self.denied}.values())
        return [
            what for what, left in without_one(about) if all(_allows(left, ask) for ask in asked)
        ]


def role_arn(name: str) -> str:
    """The ARN of a role of that account."""
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def asks_of_emr(operation: str, sent: Mapping[str, Any], tags_of: TagsOf) -> list[Ask]:
    """What EMR evaluates."""
    if operation in _OF_QUOTAS:
        return [Ask(_OF_QUOTAS[operation], "*")]
    action = f"elasticmapreduce:{operation}"
    if operation == "RunJobFlow":
        return [Ask(action, "*", _requested(_listed_tags(sent))), *_implied_by_launch(sent)]
    if operation in _ON_CLUSTERS:
        named = sent.get("ClusterId") or sent.get("JobFlowId")
        clusters = [named] if named else sent["JobFlowIds"]
        return [Ask(action, _cluster(each), _resource(tags_of(each))) for each in clusters]
    return [Ask(action, "*")]


def asks_of_ec2(
    service: str, operation: str, sent: Mapping[str, str], tags_of: TagsOf
) -> list[Ask]:
    """What EC2, Service Quotas and SSM evaluate; ``sent`` are the request's parameters."""
    if operation in _OF_QUOTAS:
        return [Ask(_OF_QUOTAS[operation], "*")]
    if service == "ssm":
        parameter = f"arn:aws:ssm:{REGION}::parameter/aws/service/ami-amazon-linux-latest/any"
        return [Ask(f"ssm:{operation}", parameter)]
    if operation == "RunInstances":
        return _run_instances(sent)
    if operation == "TerminateInstances":
        ids = [value for name, value in sent.items() if name.startswith("InstanceId.")]
        return [
            Ask(f"ec2:{operation}", _ec2("instance", each), _resource(tags_of(each)))
            for each in ids
        ]
    return [Ask(f"ec2:{operation}", "*")]


def _implied_by_launch(sent: Mapping[str, Any]) -> list[Ask]:
    tags = _listed_tags(sent)
    new = _cluster("j-NEW")
    asks = []
    if tags:
        asks.append(Ask("elasticmapreduce:AddTags", new, _requested(tags)))
    if "AutoTerminationPolicy" in sent:
        asks.append(Ask("elasticmapreduce:PutAutoTerminationPolicy", new))
    return [*asks, _pass(sent["ServiceRole"], _TO_EMR), _pass(sent["JobFlowRole"], _TO_EC2)]


def _run_instances(sent: Mapping[str, str]) -> list[Ask]:
    action, tagged = "ec2:RunInstances", _tag_specifications(sent)
    used = [
        ("image", sent["ImageId"]),
        ("subnet", sent["NetworkInterface.1.SubnetId"]),
        ("security-group", sent["NetworkInterface.1.SecurityGroupId.1"]),
        *([("key-pair", sent["KeyName"])] if "KeyName" in sent else ()),
    ]
    made = {"instance", "volume", "network-interface", *tagged}
    create = {"ec2:createaction": "RunInstances"}
    return [
        *(Ask(action, _ec2(kind, name)) for kind, name in used),
        *(Ask(action, _ec2(kind, "*"), _requested(tagged.get(kind, {}))) for kind in sorted(made)),
        *(
            Ask("ec2:CreateTags", _ec2(kind, "new"), {**_requested(tags), **create})
            for kind, tags in tagged.items()
        ),
        _pass(sent.get("IamInstanceProfile.Arn") or sent["IamInstanceProfile.Name"], _TO_EC2),
        *(ask for name, key in sent.items() if name.endswith(".KmsKeyId") for ask in _use_key(key)),
    ]


def _use_key(key: str) -> list[Ask]:
    """What EC2 asks of KMS for the caller, to make and attach a volume that the key encrypts."""
    through: Context = {"kms:viaservice": f"ec2.{REGION}.amazonaws.com"}
    lent: Context = {**through, "kms:grantisforawsresource": "true"}
    return [
        *(Ask(f"kms:{action}", key, through) for action in _KEY_ACTIONS),
        Ask("kms:CreateGrant", key, lent),
    ]


def _tag_specifications(sent: Mapping[str, str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for name, key in sent.items():
        parts = name.split(".")
        if parts[0] == "TagSpecification" and parts[-1] == "Key":
            kind = sent[f"TagSpecification.{parts[1]}.ResourceType"]
            found.setdefault(kind, {})[key] = sent[f"{name.removesuffix('Key')}Value"]
    return found


def _listed_tags(sent: Mapping[str, Any]) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in sent.get("Tags", ())}


def _requested(tags: Tags) -> Context:
    return {f"aws:requesttag/{key.lower()}": value for key, value in tags.items()}


def _resource(tags: Tags) -> Context:
    return {f"aws:resourcetag/{key.lower()}": value for key, value in tags.items()}


def _pass(named: str, service: str) -> Ask:
    """A role goes by its name or ARN; an instance profile's role has the profile's name."""
    role = named.replace(":instance-profile/", ":role/")
    arn = role if role.startswith("arn:") else role_arn(role)
    return Ask("iam:PassRole", arn, {"iam:passedtoservice": service})


def _cluster(name: str) -> str:
    return f"arn:aws:elasticmapreduce:{REGION}:{ACCOUNT}:cluster/{name}"


def _ec2(kind: str, name: str) -> str:
    return f"arn:aws:ec2:{REGION}:{'' if kind == 'image' else ACCOUNT}:{kind}/{name}"


def _allows(statements: Sequence[Statement], ask: Ask) -> bool:
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    caller = Caller(f"arn:aws:iam::{ACCOUNT}:role/host", [policy])
    return allowed(ask, caller, None, ACCOUNT)
