"""What hosts need of the vCPU quotas, and what is said of it: figures alone, no machines."""

from typing import Any

import pytest

from checkout_assets.domain.doctor import CheckResult, CheckState
from checkout_assets.domain.errors import MigrationError
from checkout_assets.domain.failures import Cause, Diagnosis
from checkout_assets.engines.doctor.quotas import Fleet, quota_results
from checkout_assets.engines.ec2.options import Ec2Options
from checkout_assets.engines.emr.options import EmrChoices
from checkout_assets.engines.fleet import quota_requests
from checkout_assets.engines.fleet.quota_requests import QUOTA_READS, QuotaRequests
from checkout_assets.engines.fleet.vcpu_quotas import (
    ON_DEMAND,
    SPOT,
    HostNodes,
    UncomparedError,
    needed_quotas,
    quota_refusal,
)

VCPUS = {"m5.large": 2, "m5.xlarge": 4, "c5.4xlarge": 16, "c6i.2xlarge": 8, "r5.2xlarge": 8}
TWO_TYPES = [HostNodes(["r5.2xlarge"]), HostNodes(["c5.4xlarge", "c6i.2xlarge"], 3)]
"""The least that they can do with: 8 + 3 x 8."""

STANDARD = ("a1", "c5", "d3", "h1", "i4", "im4", "is4", "m7", "r6", "t3", "z1")


class Answers:
    """EC2 and Service Quotas as both clients; what is not there is an error."""

    def __init__(self, on_demand: float, spot: float | None = None) -> None:
        self.values = {ON_DEMAND.code: on_demand} | ({} if spot is None else {SPOT.code: spot})

    def __call__(self, request: str, **asked: Any) -> Any:
        return getattr(self, request)(**asked)

    def describe_instance_types(self, InstanceTypes: list[str]) -> Any:  # noqa: N803 - AWS's name
        told = [
            {"InstanceType": name, "VCpuInfo": {"DefaultVCpus": VCPUS[name]}}
            for name in InstanceTypes
        ]
        return {"InstanceTypes": told}

    def get_service_quota(self, ServiceCode: str, QuotaCode: str) -> Any:  # noqa: N803
        if ServiceCode != "ec2" or QuotaCode not in self.values:
            raise UncomparedError("there is no such quota")
        return {"Quota": {"Value": self.values[QuotaCode]}}


def judged(
    answers: Answers, nodes: list[HostNodes], hosts: int = 1
) -> tuple[Diagnosis | None, list[str]]:
    told: list[str] = []
    return quota_refusal(answers, nodes, hosts, ("cluster", "month"), told.append), told


@pytest.mark.parametrize(
    ("allowed", "hosts", "refused", "told"),
    [(31, 1, True, False), (32, 1, False, False), (63, 2, False, True), (64, 2, False, False)],
)
def test_a_quota_holds_exactly_as_many_hosts_as_it_has_vcpus_for(
    allowed: int, hosts: int, refused: bool, told: bool
) -> None:
    refusal, lines = judged(Answers(allowed), TWO_TYPES, hosts)
    assert (refusal is not None, bool(lines)) == (refused, told)
    if refusal is not None:
        assert (refusal.cause, refusal.code) == (Cause.PERMANENT, "InstanceQuota")
        assert "one cluster needs 32 vCPUs" in refusal.reason


def test_spot_and_on_demand_count_for_quotas_of_their_own() -> None:
    nodes = [HostNodes(["m5.large"]), HostNodes(["m5.xlarge"], 2, spot=True)]
    assert judged(Answers(2, 8), nodes) == (None, [])
    for answers, needs in ((Answers(1, 8), 2), (Answers(2, 7), 8)):
        refusal, _ = judged(answers, nodes)
        assert refusal is not None
        assert f"needs {needs} vCPUs" in refusal.reason


def test_nodes_that_there_are_none_of_need_no_quota() -> None:
    assert list(needed_quotas([HostNodes(["m5.large"], 0, spot=True)])) == []


def test_what_cannot_be_compared_is_told_once() -> None:
    nodes = [HostNodes(["m5.large"], spot=True), HostNodes(["x2gd.large"])]
    refusal, told = judged(Answers(9), nodes)
    assert refusal is None
    (line,) = told
    assert "were not compared: there is no such quota. Launching goes on." in line


@pytest.mark.parametrize("family", STANDARD)
def test_every_family_of_standard_types_is_compared(
    family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(VCPUS, f"{family}.large", 2)
    assert judged(Answers(2), [HostNodes([f"{family}.large"])]) == (None, [])


def test_the_instances_of_a_host_are_those_that_are_launched() -> None:
    choices = Ec2Options(instance_types=["m5.large", "m5.xlarge"], spot=True)
    assert choices.host_nodes == [HostNodes(["m5.large"], spot=True)]
    fleet = {"core_fleet_types": ["c5.4xlarge", "c6i.2xlarge"], "core_spot_nodes": 1}
    assert EmrChoices(core_nodes=3, **fleet).host_nodes == [
        HostNodes(["r5.2xlarge"]),
        HostNodes(["c5.4xlarge", "c6i.2xlarge"], 2),
        HostNodes(["c5.4xlarge", "c6i.2xlarge"], 1, spot=True),
    ]


def checked(allowed: float, compacting: int = 0, nodes: int = 1) -> CheckResult:
    """Three runs at a time of two hosts of m5.large each, and those that compact."""
    answers = Answers(allowed)
    fleet = Fleet("EMR", [HostNodes(["m5.large"], nodes)], 2, 3, compacting)
    (result,) = quota_results(answers, answers, fleet)
    return result


@pytest.mark.parametrize(
    ("allowed", "compacting", "told"),
    [
        (3, 0, "Request at least 4 of"),
        (4, 0, "set migrate 1, or request 12 of"),
        (11, 0, "set migrate 2, or request 12 of"),
        (11, 2, "set migrate 1, or request 16 of"),
        (7, 2, "Raise CHECKOUT_EMR_MONTHS_PER_CLUSTER"),
        (5, 9, "or request 30 of"),
    ],
)
def test_the_remedy_is_the_most_that_the_quota_holds(
    allowed: int, compacting: int, told: str
) -> None:
    result = checked(allowed, compacting)
    assert result.state is CheckState.FAILED
    assert told in result.remedy


@pytest.mark.parametrize(("allowed", "compacting"), [(12, 0), (16, 2)])
def test_a_quota_that_just_suffices_is_ok(allowed: int, compacting: int) -> None:
    result = checked(allowed, compacting)
    assert (result.state, result.check) == (CheckState.OK, "vCPU quota")
    assert ("compacting" in result.reason) == bool(compacting)


def test_quotas_of_spot_are_checks_of_their_own() -> None:
    nodes = [HostNodes(["m5.large"], 1, spot=spot) for spot in (False, True)]
    answers = Answers(2, 1)
    found = quota_results(answers, answers, Fleet("EC2", nodes, 1, 1))
    assert [(each.check, each.state) for each in found] == [
        ("vCPU quota", CheckState.OK),
        ("vCPU quota of Spot", CheckState.FAILED),
    ]


class Session:
    """Keeps the options of the client that is asked for."""

    made: Any = None

    def client(self, service: str, **options: Any) -> Any:
        Session.made = (service, options)
        return type("Client", (), {each: staticmethod(lambda **_: {}) for each in QUOTA_READS})()


def test_a_launch_does_not_wait_long_for_quotas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota_requests, "principal", Session)
    assert QuotaRequests("us-east-2", "http://127.0.0.1:9")("get_service_quota") == {}
    service, options = Session.made
    config = options["config"]
    assert (service, options["region_name"]) == ("service-quotas", "us-east-2")
    assert (config.connect_timeout, config.read_timeout) == (3, 10)
    assert config.retries["total_max_attempts"] == 2


def test_quotas_that_cannot_be_asked_for_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    def unusable() -> None:
        raise MigrationError("The credentials are missing.")

    monkeypatch.setattr(quota_requests, "principal", unusable)
    with pytest.raises(UncomparedError, match=r"^The credentials are missing$"):
        QuotaRequests("us-east-2")("get_service_quota")
