"""vCPU quotas are compared before a launch: what cannot be is refused, what may fail is told."""

from math import inf
from pathlib import Path
from typing import Any

import pytest

from checkout_assets.domain.failures import Cause, Diagnosis
from checkout_assets.engines.emr.request import launch_request
from checkout_assets.engines.fleet.backend import Found, Standing
from checkout_assets.engines.fleet.vcpu_quotas import HostNodes, quota_refusal
from checkout_assets_tests.ec2_place import FOUR, Ec2Place
from checkout_assets_tests.emr_place import SIX, EmrPlace, WatchingClock
from checkout_assets_tests.local_ec2.local_ec2 import LocalEc2
from checkout_assets_tests.local_emr.commands import one_line_script
from checkout_assets_tests.local_emr.local_emr import LocalEmr
from checkout_assets_tests.local_quotas import ON_DEMAND_CODE, SPOT_CODE
from checkout_assets_tests.scripted_fleet import FIRST, SECOND, THIRD, FakeBackend, run
from checkout_assets_tests.strict_iam.host_requests import Host

ON_ONE = {"folders_per_instance": 4}
WORDS = ("instance", "folder")
NOT_COMPARED = "quotas were not compared"
NOT_STANDARD = ("x2gd.xlarge", "inf1.xlarge", "hpc7g.4xlarge", "g4dn.xlarge", "u-6tb1.metal")


@pytest.fixture
def on_emr(emr: LocalEmr, tmp_path: Path) -> EmrPlace:
    return EmrPlace(emr, tmp_path)


def told_of_quotas(told: list[str]) -> list[str]:
    return [line for line in told if "quota" in line]


def compared(place: Ec2Place) -> list[str]:
    """What is told when one instance is compared, which nothing refuses."""
    told: list[str] = []
    nodes = place.options.host_nodes
    assert quota_refusal(place.api().quotas, nodes, 1, WORDS, told.append) is None
    return told


@pytest.mark.parametrize(
    ("options", "code"), [({}, ON_DEMAND_CODE), ({"spot": True}, SPOT_CODE)], ids=["", "spot"]
)
def test_a_quota_below_one_instance_is_told_and_nothing_is_launched(
    on_ec2: Ec2Place, ec2: LocalEc2, options: dict[str, Any], code: str
) -> None:
    ec2.api.quotas.values[code] = 15
    results = on_ec2.run(**ON_ONE, **options)

    assert sorted(results) == [folder.name for folder in FOUR]
    for each in results.values():
        assert (
            f"not copied, because one instance needs 16 vCPUs, and the account's quota {code}"
            in (each.error)
        )
        assert "is 15: request at least 16" in each.error
    assert ec2.api.calls["RunInstances"] == 0


def test_a_quota_below_the_fleet_is_told_and_what_it_holds_is_launched(
    on_ec2: Ec2Place, ec2: LocalEc2
) -> None:
    ec2.api.quotas.values[ON_DEMAND_CODE] = 20
    ec2.api.answers = {"RunInstances": ["", "VcpuLimitExceeded"]}
    results = on_ec2.run(folders_per_instance=2)

    (told,) = told_of_quotas(on_ec2.told)
    assert "2 instances of this run need 32 vCPUs" in told
    assert "is 20: it holds 1. Folders of a launch that AWS refuses fail" in told
    assert told.endswith("request 32 from Service Quotas, or run fewer folders at a time.")
    assert [each.ok for _, each in sorted(results.items())].count(True) == 2
    refused = [each.error for each in results.values() if not each.ok]
    assert all("the account's instance quota is used up" in error for error in refused)
    assert len(ec2.instances) == 1


def test_a_quota_that_holds_the_fleet_is_not_told(on_ec2: Ec2Place, ec2: LocalEc2) -> None:
    ec2.api.quotas.values = {ON_DEMAND_CODE: 16}
    assert all(each.ok for each in on_ec2.run(**ON_ONE).values())
    assert told_of_quotas(on_ec2.told) == []
    assert ec2.api.calls["GetServiceQuota"] == 1


@pytest.mark.parametrize("action", ["ec2:DescribeInstanceTypes", "servicequotas:GetServiceQuota"])
def test_the_permission_that_is_missing_is_named(on_ec2: Ec2Place, action: str) -> None:
    kept = [
        {**each, "Action": [name for name in each["Action"] if name != action]}
        for each in on_ec2.host.statements
    ]
    on_ec2.host = Host([each for each in kept if each["Action"]])
    (told,) = compared(on_ec2)
    assert NOT_COMPARED in told
    assert f"needs {action}" in told


@pytest.mark.parametrize("operation", ["DescribeInstanceTypes", "GetServiceQuota"])
def test_without_an_answer_nothing_is_refused(
    on_ec2: Ec2Place, ec2: LocalEc2, operation: str
) -> None:
    ec2.api.answers = {operation: ["InternalError"] * 99}
    (told,) = compared(on_ec2)
    assert NOT_COMPARED in told


def test_a_launch_goes_on_if_its_quota_is_not_known(on_ec2: Ec2Place, ec2: LocalEc2) -> None:
    ec2.api.quotas.values = {}
    assert all(each.ok for each in on_ec2.run(**ON_ONE).values())
    (told,) = told_of_quotas(on_ec2.told)
    assert NOT_COMPARED in told
    assert "NoSuchResourceException" in told


def test_types_with_a_quota_of_their_own_are_not_compared_with_that_of_others() -> None:
    def ask(request: str, **_: Any) -> Any:
        raise AssertionError(request)

    for name in NOT_STANDARD:
        told: list[str] = []
        assert quota_refusal(ask, [HostNodes([name])], 1, WORDS, told.append) is None
        assert [NOT_COMPARED in line and name in line for line in told] == [True]


@pytest.mark.parametrize(
    "answer", [{}, {"Quota": None}, {"Quota": {"Value": "many"}}, {"Quota": {"Value": inf}}]
)
def test_an_answer_that_is_not_one_is_no_quota(answer: Any) -> None:
    types = {"InstanceTypes": [{"InstanceType": "m5.large", "VCpuInfo": {"DefaultVCpus": 2}}]}
    told: list[str] = []
    refusal = quota_refusal(
        lambda request, **_: answer if request == "get_service_quota" else types,
        [HostNodes(["m5.large"])],
        1,
        WORDS,
        told.append,
    )
    assert refusal is None
    assert [NOT_COMPARED in line for line in told] == [True]


@pytest.mark.parametrize(
    ("options", "code", "needs"),
    [
        ({}, ON_DEMAND_CODE, 40),
        ({"core_nodes": 3}, ON_DEMAND_CODE, 56),
        (
            {"core_fleet_types": ["c5.4xlarge", "c6i.2xlarge"], "core_spot_nodes": 2},
            ON_DEMAND_CODE,
            8,
        ),
        ({"core_fleet_types": ["c5.4xlarge", "m5.4xlarge"], "core_spot_nodes": 2}, SPOT_CODE, 32),
    ],
)
def test_a_quota_below_one_cluster_is_told_and_nothing_is_launched(
    on_emr: EmrPlace, emr: LocalEmr, options: dict[str, Any], code: str, needs: int
) -> None:
    emr.api.quotas.values[code] = needs - 1
    results = on_emr.run(**options)

    assert sorted(results) == [folder.name for folder in SIX]
    assert all(f"one cluster needs {needs} vCPUs" in each.error for each in results.values())
    assert all(f"is {needs - 1}: request" in each.error for each in results.values())
    assert emr.clusters == []


def test_a_quota_below_all_clusters_is_told_and_what_it_holds_is_launched(
    on_emr: EmrPlace, emr: LocalEmr, tmp_path: Path
) -> None:
    """The steps of the first cluster wait until the quota has refused the second one."""
    refused = tmp_path / "refused"

    def look() -> None:
        if [each.state for each in emr.clusters][1:] == ["TERMINATED_WITH_ERRORS"]:
            refused.touch()

    wait = f"until [ -e {refused} ]; do sleep 0.02; done"
    emr.command = lambda arguments, at: one_line_script(arguments, at, before=wait)
    emr.api.quotas.values[ON_DEMAND_CODE] = 79
    engine = on_emr.engine(WatchingClock(look), folders_per_cluster=3)
    results = list(engine.run(SIX, "run"))

    (told,) = [line for line in on_emr.told if ON_DEMAND_CODE in line]
    assert "2 clusters of this run need 80 vCPUs" in told
    assert "is 79: it holds 1" in told
    errors = [each.error for each in results if not each.ok]
    assert len(errors) == 3
    assert all("the account's instance quota is used up" in error for error in errors)
    assert len(emr.clusters) == 2, "a launch that the quota refuses is not repeated"


def test_the_quota_of_spot_is_not_read_without_spot_nodes(on_emr: EmrPlace, emr: LocalEmr) -> None:
    del emr.api.quotas.values[SPOT_CODE]
    told: list[str] = []
    nodes = on_emr.options.host_nodes
    assert quota_refusal(on_emr.api().quotas, nodes, 1, ("cluster", "folder"), told.append) is None
    assert told == []


def test_a_cluster_of_somebody_else_is_used_whatever_the_quota(
    on_emr: EmrPlace, emr: LocalEmr
) -> None:
    theirs = on_emr.api().launch(launch_request(on_emr.options, "other", []))
    emr.api.quotas.values[ON_DEMAND_CODE] = 1
    emr.wait_until(lambda: bool(emr.living()))
    emr.api.used.clear()
    assert all(each.ok for each in on_emr.run(cluster_id=theirs).values())


def test_what_a_living_host_was_given_goes_on_although_no_other_can_be_launched() -> None:
    refused = Diagnosis(Cause.PERMANENT, "the quota is 3", code="InstanceQuota")
    backend = FakeBackend(
        standing=[Standing("h9", alive=True)],
        held={FIRST: Found(1, goes_on=True)},
        grows=False,
        refuses=refused,
    )
    told = run(backend)
    assert told[FIRST].ok
    assert {folder: told[folder].error for folder in (SECOND, THIRD)} == {
        folder: f"{folder}: not done, because the quota is 3." for folder in (SECOND, THIRD)
    }
    assert backend.launches == []
    assert backend.terminated == ["h9"]


def test_hosts_that_live_and_have_work_count_for_the_quota_too() -> None:
    """A run that is re-attached: one host works, another has nothing to do and is ended."""
    backend = FakeBackend(
        standing=[Standing("h9", alive=True), Standing("h8", alive=True, group=2)],
        held_by={"h9": {FIRST: Found(1, goes_on=True)}, "h8": {}},
        grows=False,
        units_per_host=1,
    )
    assert all(each.ok for each in run(backend).values())
    assert backend.wanted_hosts == [3]


def test_nothing_is_asked_if_nothing_is_to_be_launched() -> None:
    backend = FakeBackend(standing=[Standing("h9", alive=True)])
    assert all(each.ok for each in run(backend).values())
    assert backend.wanted_hosts == []


def test_a_run_asks_once_before_its_first_launch() -> None:
    backend = FakeBackend(units_per_host=2)
    assert all(each.ok for each in run(backend).values())
    assert backend.wanted_hosts == [2]
