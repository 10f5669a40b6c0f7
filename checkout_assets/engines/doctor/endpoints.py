"""The VPC endpoints that take the requests of a subnet's machines to the AWS services they use.

A gateway endpoint for S3 takes those of subnets whose route table it is in. An interface endpoint
with private DNS takes those of its whole VPC, before any gateway endpoint, because the service's
name resolves to its addresses; without private DNS it takes none, and neither if its private DNS is
only for inbound resolvers: AWS PrivateLink Guide, "Interface VPC endpoints", Amazon S3 User Guide,
"AWS PrivateLink for Amazon S3".
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from checkout_assets.domain.access.statements import Statement, as_list
from checkout_assets.engines.doctor.asking import ask_all

S3, STS = "s3", "sts"
_SERVICES = (S3, STS, "ssm", "ssmmessages")
"""What machines use, as endpoints and actions name it; the last two are of Session Manager."""

_OWNERS = ("com.amazonaws", "cn.com.amazonaws")
"""How names of AWS's endpoint services begin. In China both occur: s3 with the first, sts with the
second (AWS PrivateLink Guide for China, "Services that integrate with AWS PrivateLink")."""

_GATEWAY, _INTERFACE = "Gateway", "Interface"


@dataclass(frozen=True, slots=True)
class VpcEndpoint:
    """An endpoint that takes requests; ``policy`` is its text, empty if the service has none.

    ``groups`` are the ids of its security groups; a gateway endpoint has none.
    """

    id: str
    service: str
    kind: str
    policy: str
    groups: Sequence[str] = ()

    @property
    def title(self) -> str:
        """For example ``gateway endpoint vpce-0a1b for s3``."""
        return f"{self.kind.lower()} endpoint {self.id} for {self.service}"

    def limiting(self, statements: Sequence[Statement]) -> list[Statement]:
        """Return those of its policy's statements that may decide on the requests of roles.

        AWS PrivateLink Guide, "Principals for gateway endpoints": the principal must be ``*``; an
        account's id grants access to its root user only.
        """
        return [
            each
            for each in statements
            if self.kind != _GATEWAY or each.get("Effect") != "Allow" or _for_everybody(each)
        ]


def taking_endpoints(ec2: Any, vpc: str, tables: Collection[str]) -> list[VpcEndpoint]:
    """Return the endpoints that take requests from subnets of the VPC with these route tables.

    Raises UnseenError if they cannot be read.
    """
    found = list(_endpoints(ec2, vpc, tables))
    interfaces = {each.service for each in found if each.kind == _INTERFACE}
    return [each for each in found if each.kind == _INTERFACE or each.service not in interfaces]


def _endpoints(ec2: Any, vpc: str, tables: Collection[str]) -> Iterator[VpcEndpoint]:
    region = ec2.meta.region_name
    names = {f"{owner}.{region}.{each}": each for owner in _OWNERS for each in _SERVICES}
    filters = [
        {"Name": "vpc-id", "Values": [vpc]},
        {"Name": "service-name", "Values": list(names)},
    ]
    for each in ask_all(ec2, "describe_vpc_endpoints", "VpcEndpoints", Filters=filters):
        kind = str(each["VpcEndpointType"])
        if _takes(each, kind, tables):
            policy = str(each.get("PolicyDocument") or "")
            service, groups = names[each["ServiceName"]], each.get("Groups", ())
            ids = [group["GroupId"] for group in groups]
            yield VpcEndpoint(each["VpcEndpointId"], service, kind, policy, ids)


def _takes(found: Mapping[str, Any], kind: str, tables: Collection[str]) -> bool:
    if str(found["State"]).lower() != "available":
        return False
    if kind == _GATEWAY:
        return bool(set(tables) & set(found.get("RouteTableIds", ())))
    only_inbound = found.get("DnsOptions", {}).get("PrivateDnsOnlyForInboundResolverEndpoint")
    return bool(found.get("PrivateDnsEnabled") and not only_inbound)


def _for_everybody(statement: Statement) -> bool:
    principal = statement.get("Principal")
    named = principal.values() if isinstance(principal, Mapping) else [principal]
    return any("*" in as_list(each) for each in named)
