"""The subnets and security groups in which machines are launched."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from checkout_assets.domain.counting import counted
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.doctor import CheckResult, Topic
from checkout_assets.engines.doctor.admission import Sender, admission_result
from checkout_assets.engines.doctor.asking import answered, ask, ask_all
from checkout_assets.engines.doctor.endpoints import S3, STS, VpcEndpoint, taking_endpoints
from checkout_assets.engines.doctor.limits import RoleNeed, endpoint_policy_results
from checkout_assets.engines.doctor.settling import settled, settled_one
from checkout_assets.engines.emr.request import MANAGED_POLICIES_TAG

_EVERYWHERE = "0.0.0.0/0"


@dataclass(frozen=True, slots=True)
class Network:
    """What machines need of their subnets.

    ``across_regions``: the source is in another region than raw. ``public_ip``: instances get a
    public address. ``managed_tag``: EMR's managed policy requires its tag on subnets and their VPC.
    ``needs``: what the machines' roles need, which the policies of endpoints must allow. ``group``:
    the machines' security group, empty if it is not known.
    """

    subject: str
    subnets: Sequence[str]
    across_regions: bool = False
    public_ip: bool = False
    managed_tag: bool = False
    needs: Sequence[RoleNeed] = ()
    group: str = ""


@dataclass(frozen=True, slots=True)
class _Routes:
    """A subnet's routes: to services through endpoints, and to the internet."""

    endpoints: Sequence[VpcEndpoint]
    out: str

    def to(self, service: str) -> VpcEndpoint | None:
        """The endpoint that takes requests to the service."""
        return next((each for each in self.endpoints if each.service == service), None)


def network_results(ec2: Any, network: Network) -> Iterator[CheckResult]:
    """The results for each subnet."""
    for subnet in network.subnets:
        topic = Topic(network.subject, f"subnet {subnet}", _guide(network))
        yield from settled(topic, partial(_subnet, ec2, topic, subnet, network))


def security_group_results(ec2: Any, group: str, open_for_ssh: bool) -> Iterator[CheckResult]:
    """Whether the security group of copying instances exists and has no inbound rule."""
    topic = Topic("EC2", f"security group {group}", "docs/deploy/ec2.md")
    yield settled_one(topic, lambda: _group(ec2, topic, group, open_for_ssh))


def _guide(network: Network) -> str:
    if network.subject == "EMR":
        return "docs/deploy/emr.md#before-the-first-cluster"
    return "docs/deploy/ec2.md#without-the-internet"


def _subnet(ec2: Any, topic: Topic, subnet: str, network: Network) -> Iterator[CheckResult]:
    answer = ask(ec2, "describe_subnets", ("InvalidSubnetID.NotFound",), SubnetIds=[subnet])
    if not answer or not answer["Subnets"]:
        yield topic.failed(
            f"{ec2.meta.region_name} has no such subnet.", "Correct subnets, or the region."
        )
        return
    found = answer["Subnets"][0]
    yield topic.ok(f"it is in {found['AvailabilityZone']}")
    if network.managed_tag:
        yield from _tagged(ec2, topic, found)
    if owner := _other_owner(found, network):
        yield Topic(topic.subject, f"{topic.check}: routes", topic.guide).unknown(
            f"its VPC is of account {displayable(owner)}, which alone can read its endpoints",
            "Ask its owner for the subnet's route to S3, and for the policies of the endpoints.",
        )
        return
    routes = _routes(ec2, found)
    yield _judged(topic, routes, network)
    for endpoint in routes.endpoints:
        if not (network.across_regions and endpoint.service == S3):
            yield from endpoint_policy_results(topic, endpoint, network.needs)
            if endpoint.groups:
                sender = Sender(found["CidrBlock"], network.group)
                yield admission_result(ec2, topic, endpoint, sender)


def _other_owner(subnet: Mapping[str, Any], network: Network) -> str:
    """The account that shares the subnet with the roles' account; empty if it is theirs.

    AWS PrivateLink Guide, "Shared subnets": they use the endpoints there and cannot describe them.
    """
    own = {each.given.account for each in network.needs}
    owner = str(subnet["OwnerId"])
    return owner if own and owner not in own else ""


def _judged(topic: Topic, routes: _Routes, network: Network) -> CheckResult:
    topic = Topic(topic.subject, f"{topic.check}: routes", topic.guide)
    way_out = routes.out == "nat" or (routes.out == "igw" and network.public_ip)
    to_s3 = routes.to(S3)
    if network.across_regions and to_s3:
        return topic.failed(
            f"The {to_s3.title} takes its requests, and the source is in another region: every "
            "copy is denied.",
            "Use subnets whose route table has no S3 endpoint, and whose VPC has none with private "
            "DNS for all resolvers, with a NAT gateway.",
        )
    if network.across_regions and not way_out:
        return topic.failed(
            "It has no route to the internet, and the source is in another region.",
            _way_out(routes),
        )
    if not to_s3 and not way_out:
        return topic.failed("It does not reach S3.", _way_out(routes))
    if _lacks_sts(routes, network) and not way_out:
        return topic.failed(
            "It does not reach STS, of which instances request the copy role's credentials.",
            "Add an interface endpoint for sts with private DNS, or a route to a NAT gateway.",
        )
    return topic.ok(f"it has the {to_s3.title}" if to_s3 else "it has a route to the internet")


def _lacks_sts(routes: _Routes, network: Network) -> bool:
    return not routes.to(STS) and any(each.of(f"{STS}:") for each in network.needs)


def _way_out(routes: _Routes) -> str:
    if routes.out == "igw":
        return "Set public_ip to true, or use subnets with a NAT gateway."
    return "Add a route to a NAT gateway, or within one region an endpoint for S3."


def _routes(ec2: Any, subnet: Mapping[str, Any]) -> _Routes:
    """The routes of the subnet's own route table, else of its VPC's main table."""
    own = _tables(ec2, "association.subnet-id", subnet["SubnetId"])
    tables = own or [each for each in _tables(ec2, "vpc-id", subnet["VpcId"]) if _is_main(each)]
    routes = [route for table in tables for route in table["Routes"]]
    default = [each for each in routes if each.get("DestinationCidrBlock") == _EVERYWHERE]
    out = next(map(_target, default), "")
    ids = {each["RouteTableId"] for each in tables}
    return _Routes(taking_endpoints(ec2, subnet["VpcId"], ids), out)


def _tables(ec2: Any, name: str, value: str) -> list[Any]:
    filters = [{"Name": name, "Values": [value]}]
    return list(ask_all(ec2, "describe_route_tables", "RouteTables", Filters=filters))


def _is_main(table: Mapping[str, Any]) -> bool:
    return any(each.get("Main") for each in table["Associations"])


def _target(route: Mapping[str, Any]) -> str:
    """``nat``, ``igw``, or another target, which may lead to the internet and counts as ``nat``."""
    return "igw" if str(route.get("GatewayId", "")).startswith("igw-") else "nat"


def _tagged(ec2: Any, topic: Topic, subnet: Mapping[str, Any]) -> Iterator[CheckResult]:
    """Whether subnet and VPC have the tag that EMR's managed policy requires."""
    vpc = answered(ask(ec2, "describe_vpcs", VpcIds=[subnet["VpcId"]]))["Vpcs"][0]
    for what, told in ((topic.check, subnet), (f"VPC {subnet['VpcId']}", vpc)):
        tags = {each["Key"]: each["Value"] for each in told.get("Tags", [])}
        tag = Topic(topic.subject, f"{what}: tag", topic.guide)
        if tags.get(MANAGED_POLICIES_TAG) == "true":
            yield tag.ok("it has the tag of EMR's managed policies")
        else:
            yield tag.failed(
                f"It lacks the tag {MANAGED_POLICIES_TAG}=true: the service role may not use it.",
                f"Add the tag: aws ec2 create-tags --resources {what.rpartition(' ')[2]} --tags "
                f"Key={MANAGED_POLICIES_TAG},Value=true.",
            )


def _group(ec2: Any, topic: Topic, group: str, open_for_ssh: bool) -> CheckResult:
    answer = ask(
        ec2,
        "describe_security_groups",
        ("InvalidGroup.NotFound", "InvalidGroupId.Malformed"),
        GroupIds=[group],
    )
    if not answer or not answer["SecurityGroups"]:
        return topic.failed(
            f"{ec2.meta.region_name} has no such security group.", "Correct security_group."
        )
    found = answer["SecurityGroups"][0]
    rules = found.get("IpPermissions") or ()
    if rules and not open_for_ssh:
        return topic.failed(
            f"It has {counted(len(rules), 'inbound rule')}, so an instance is not launched in it.",
            "Name a group without inbound rules.",
        )
    if not found.get("IpPermissionsEgress"):
        return topic.failed(
            "It has no outbound rule, so instances reach neither S3 nor STS.",
            "Allow outbound TCP 443.",
        )
    return topic.ok(f"{displayable(found['GroupName'])} allows outbound traffic")
