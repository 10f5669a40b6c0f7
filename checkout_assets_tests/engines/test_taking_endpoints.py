"""Which endpoints take a subnet's requests, and whose statements decide: answers alone."""

from types import SimpleNamespace
from typing import Any

import pytest

from checkout_assets.engines.doctor.endpoints import VpcEndpoint, taking_endpoints

REGION, VPC, TABLE = "us-east-2", "vpc-1", "rtb-1"
NODE = "arn:aws:iam::123456789012:role/node"


class Endpoints:
    """EC2 with these endpoints; it applies the filters as EC2 does."""

    meta = SimpleNamespace(region_name=REGION)

    def __init__(self, *found: dict[str, Any]) -> None:
        self.found = found

    def get_paginator(self, request: str) -> "Endpoints":
        assert request == "describe_vpc_endpoints"
        return self

    def paginate(self, Filters: list[dict[str, Any]]) -> list[Any]:  # noqa: N803 - AWS's name
        members = {"vpc-id": "VpcId", "service-name": "ServiceName"}
        kept = [
            each
            for each in self.found
            if all(each[members[one["Name"]]] in one["Values"] for one in Filters)
        ]
        return [{"VpcEndpoints": [each]} for each in kept]


def interface(name: str = "i", service: str = "s3", **changes: Any) -> dict[str, Any]:
    return {
        "VpcEndpointId": name,
        "VpcEndpointType": "Interface",
        "VpcId": VPC,
        "ServiceName": f"com.amazonaws.{REGION}.{service}",
        "State": "available",
        "PrivateDnsEnabled": True,
        "DnsOptions": {"PrivateDnsOnlyForInboundResolverEndpoint": False},
        "Groups": [{"GroupId": "sg-1", "GroupName": "one"}],
        **changes,
    }


def gateway(**changes: Any) -> dict[str, Any]:
    told = {**interface("g"), "VpcEndpointType": "Gateway", "PrivateDnsEnabled": False}
    return {**told, "RouteTableIds": [TABLE], "Groups": [], "PolicyDocument": "{}", **changes}


def taking(*found: dict[str, Any]) -> list[str]:
    return [each.id for each in taking_endpoints(Endpoints(*found), VPC, {TABLE, "rtb-2"})]


ONLY_INBOUND = {"PrivateDnsOnlyForInboundResolverEndpoint": True}


@pytest.mark.parametrize(
    ("endpoint", "takes"),
    [
        (interface(), True),
        (interface(service="sts"), True),
        (interface(service="ssm"), True),
        (interface(service="ssmmessages"), True),
        (interface(ServiceName=f"cn.com.amazonaws.{REGION}.sts"), True),
        (interface(State="Available"), True),  # as the API reference writes it
        (interface(service="ecr.api"), False),
        (interface(ServiceName="com.amazonaws.us-west-2.s3"), False),
        (interface(VpcId="vpc-2"), False),
        (interface(State="deleting"), False),
        (interface(PrivateDnsEnabled=False), False),
        (interface(DnsOptions=ONLY_INBOUND), False),
        (gateway(), True),
        (gateway(RouteTableIds=["rtb-3"]), False),
        (gateway(RouteTableIds=[]), False),
        (gateway(State="pending"), False),
    ],
)
def test_an_endpoint_takes_requests_if_a_name_or_a_route_leads_to_it(
    endpoint: dict[str, Any], takes: bool
) -> None:
    assert taking(endpoint) == ([endpoint["VpcEndpointId"]] if takes else [])


def test_an_interface_endpoint_comes_before_a_gateway_endpoint_of_its_service_only() -> None:
    assert taking(gateway(), interface()) == ["i"]
    assert taking(gateway(), interface(service="sts")) == ["g", "i"]
    assert taking(gateway(), interface(PrivateDnsEnabled=False)) == ["g"]


def test_an_endpoint_is_told_by_kind_id_and_service() -> None:
    (found,) = taking_endpoints(Endpoints(gateway()), VPC, {TABLE})
    assert (found.title, found.policy, found.groups) == ("gateway endpoint g for s3", "{}", [])
    (found,) = taking_endpoints(Endpoints(interface()), VPC, set())
    assert (found.title, found.policy, found.groups) == (
        "interface endpoint i for s3",
        "",
        ["sg-1"],
    )


@pytest.mark.parametrize(
    ("principal", "everybody"),
    [
        ("*", True),
        ({"AWS": "*"}, True),
        ({"AWS": ["123456789012", "*"]}, True),
        ({"AWS": "*", "Service": "ec2.amazonaws.com"}, True),
        ({"AWS": "123456789012"}, False),
        ({"AWS": f"{NODE}*"}, False),
        ({"AWS": [NODE]}, False),
        (None, False),
    ],
)
def test_a_gateway_endpoint_allows_what_its_policy_allows_to_everybody(
    principal: Any, everybody: bool
) -> None:
    allow, deny = ({"Effect": each, "Principal": principal} for each in ("Allow", "Deny"))
    for kind, kept in (("Gateway", everybody), ("Interface", True)):
        endpoint = VpcEndpoint("e", "s3", kind, "")
        assert endpoint.limiting([allow, deny]) == ([allow, deny] if kept else [deny])
