"""Whether the security groups of an interface endpoint admit HTTPS from machines.

AWS PrivateLink Guide, "Access an AWS service using an interface VPC endpoint": they must admit the
expected traffic from the resources of the VPC. AWS uses the VPC's default group if none is named
(EC2 API reference, CreateVpcEndpoint), which admits its own members only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from checkout_assets.domain.doctor import CheckResult, Topic
from checkout_assets.engines.doctor.asking import answered, ask
from checkout_assets.engines.doctor.endpoints import VpcEndpoint
from checkout_assets.engines.doctor.settling import settled_one

_HTTPS = 443
_ANY_PROTOCOL = "-1"
_TCP = ("tcp", "6")


@dataclass(frozen=True, slots=True)
class Sender:
    """Machines that use an endpoint: their subnet's addresses, and their only security group.

    ``group`` is empty if it is not known: EMR chooses its nodes' groups.
    """

    addresses: str
    group: str = ""

    @property
    def title(self) -> str:
        """The group, else the addresses."""
        return self.group or self.addresses


def admission_result(ec2: Any, topic: Topic, endpoint: VpcEndpoint, sender: Sender) -> CheckResult:
    """Whether the endpoint admits HTTPS from these machines."""
    named = Topic(topic.subject, f"endpoint {endpoint.id}: security groups", topic.guide)
    return settled_one(named, lambda: _admission(ec2, named, endpoint, sender))


def _admission(ec2: Any, topic: Topic, endpoint: VpcEndpoint, sender: Sender) -> CheckResult:
    answer = answered(ask(ec2, "describe_security_groups", GroupIds=list(endpoint.groups)))
    rules = [rule for group in answer["SecurityGroups"] for rule in group["IpPermissions"]]
    found = [_admits(rule, sender) for rule in rules if _is_of_https(rule)]
    groups = " and ".join(endpoint.groups)
    if True in found:
        return topic.ok(f"{groups} admits HTTPS from {sender.title}")
    if None in found:
        return topic.unknown(
            f"rules of {groups} admit HTTPS from senders that are not known here",
            f"Compare its inbound rules with the groups and addresses of {sender.title}.",
        )
    return topic.failed(
        f"No rule of {groups} admits HTTPS from {sender.title}: {endpoint.service} is not reached.",
        f"Allow inbound TCP 443 from {sender.title} in {endpoint.groups[0]}.",
    )


def _is_of_https(rule: Mapping[str, Any]) -> bool:
    if rule["IpProtocol"] == _ANY_PROTOCOL:
        return True
    ports = range(rule.get("FromPort", 0), rule.get("ToPort", 0) + 1)
    return rule["IpProtocol"] in _TCP and _HTTPS in ports


def _admits(rule: Mapping[str, Any], sender: Sender) -> bool | None:
    """Whether the rule's senders are these machines; None if that is not known, or some are."""
    own = IPv4Network(sender.addresses)
    ranges = [IPv4Network(str(each["CidrIp"])) for each in rule.get("IpRanges", ())]
    groups = {each.get("GroupId") for each in rule.get("UserIdGroupPairs", ())}
    if sender.group in groups or any(each.supernet_of(own) for each in ranges):
        return True
    unknown = rule.get("PrefixListIds") or (groups and not sender.group)
    return None if unknown or any(each.overlaps(own) for each in ranges) else False
