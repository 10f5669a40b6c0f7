"""Which inbound rules of an endpoint's security groups admit machines: rules alone, no account."""

from typing import Any

import pytest

from checkout_assets.domain.doctor import CheckState, Topic
from checkout_assets.engines.doctor.admission import Sender, admission_result
from checkout_assets.engines.doctor.endpoints import VpcEndpoint

OK, FAILED, UNKNOWN = CheckState.OK, CheckState.FAILED, CheckState.UNKNOWN
SUBNET, OWN, OTHER = "10.0.1.0/24", "sg-own", "sg-other"
HTTPS: dict[str, Any] = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
INSTANCES, NODES = Sender(SUBNET, OWN), Sender(SUBNET)


class Groups:
    """EC2 with these groups, by id: their inbound rules."""

    def __init__(self, **rules: list[dict[str, Any]]) -> None:
        self.rules = rules

    def describe_security_groups(self, GroupIds: list[str]) -> Any:  # noqa: N803 - AWS's name
        return {"SecurityGroups": [{"IpPermissions": self.rules[each]} for each in GroupIds]}


def judged(sender: Sender, **rules: list[dict[str, Any]]) -> CheckState:
    endpoint = VpcEndpoint("vpce-1", "s3", "Interface", "", list(rules))
    return admission_result(Groups(**rules), Topic("EC2", "subnet"), endpoint, sender).state


def from_addresses(*cidrs: str, **changes: Any) -> dict[str, Any]:
    return {**HTTPS, "IpRanges": [{"CidrIp": each} for each in cidrs], **changes}


def from_groups(*groups: str) -> dict[str, Any]:
    return {**HTTPS, "UserIdGroupPairs": [{"GroupId": each} for each in groups]}


@pytest.mark.parametrize(
    ("rule", "state"),
    [
        (from_addresses(SUBNET), OK),
        (from_addresses("192.168.0.0/16", "10.0.0.0/16"), OK),
        (from_addresses("0.0.0.0/0", IpProtocol="6", FromPort=0, ToPort=65535), OK),
        (from_addresses(SUBNET, FromPort=400, ToPort=443), OK),
        ({"IpProtocol": "-1", "IpRanges": [{"CidrIp": SUBNET}]}, OK),
        (from_addresses(SUBNET, FromPort=80, ToPort=442), FAILED),
        (from_addresses(SUBNET, FromPort=444, ToPort=500), FAILED),
        (from_addresses(SUBNET, IpProtocol="udp"), FAILED),
        (from_addresses("10.0.2.0/24"), FAILED),
        (from_addresses("10.0.1.0/25"), UNKNOWN),
        ({**HTTPS, "PrefixListIds": [{"PrefixListId": "pl-1"}]}, UNKNOWN),
    ],
)
def test_a_rule_admits_machines_by_port_protocol_and_addresses(
    rule: dict[str, Any], state: CheckState
) -> None:
    for sender in (INSTANCES, NODES):
        assert judged(sender, one=[rule]) is state


@pytest.mark.parametrize(
    ("groups", "instances", "nodes"),
    [((OTHER, OWN), OK, UNKNOWN), ((OTHER,), FAILED, UNKNOWN), ((), FAILED, FAILED)],
)
def test_a_rule_for_groups_is_judged_by_the_machines_group(
    groups: tuple[str, ...], instances: CheckState, nodes: CheckState
) -> None:
    rule = from_groups(*groups)
    assert (judged(INSTANCES, one=[rule]), judged(NODES, one=[rule])) == (instances, nodes)


def test_one_rule_of_one_group_is_enough() -> None:
    closed, wrong, right = from_groups(OTHER), from_addresses("10.0.2.0/24"), from_groups(OWN)
    assert judged(INSTANCES, one=[], two=[closed, wrong, right]) is OK
    assert judged(NODES, one=[wrong], two=[closed]) is UNKNOWN
    assert judged(INSTANCES, one=[], two=[]) is FAILED
