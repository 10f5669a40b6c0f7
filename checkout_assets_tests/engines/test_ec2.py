"""Copying on EC2: each folder's outcome, no instance too many, none left running."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.copying.result import FolderCopied
from checkout_assets.engines.fleet.tags import DEPLOYMENT_TAG, RUN_ID_TAG
from checkout_assets_tests.ec2_place import FOUR, OBJECTS, Ec2Place, ImpatientClock
from checkout_assets_tests.fault_proxy import Answer, FaultProxy, Request
from checkout_assets_tests.local_ec2.local_ec2 import REGION, LocalEc2, LocalInstance

NAMES = [folder.name for folder in FOUR]
FIRST, SECOND = NAMES[:2]
HOME: Any = [{"CidrIp": "203.0.113.7/32"}]
ONE = FOUR[:1]
COUNT = "RunInstances"
LOOKED_FOR_A_NOTICE = 7.0
"""Seconds after which a worker, which looks every five, has seen that one was given."""


class Gate:
    """Holds back the copies of all folders except one, until it is opened."""

    def __init__(self, proxy: FaultProxy, fast: str) -> None:
        self._fast = f"/{fast}/"
        self._open = threading.Event()
        self.held = threading.Event()
        proxy.rule = self._rule

    def open(self) -> None:
        self._open.set()

    def _rule(self, request: Request) -> Answer | None:
        if request.is_copy and self._fast not in request.path and not self._open.is_set():
            self.held.set()
            self._open.wait(60)
        return None


@pytest.fixture
def gate(proxy: FaultProxy) -> Iterator[Gate]:
    found = Gate(proxy, FIRST)
    yield found
    found.open()


class HastyUntil(ImpatientClock):
    """Lets time pass in a moment until ``condition``; then a poll waits as long as work takes."""

    def __init__(self, condition: Callable[[], bool]) -> None:
        super().__init__()
        self._condition = condition

    def between(self, least: float, most: float) -> float:
        usual = super().between(least, most)
        return min(usual, 0.2) if self._condition() else usual


def fail_to_install(instance: LocalInstance) -> None:
    instance.machine.command("tar", "#!/bin/bash\necho 'tar: the disk is full' >&2\nexit 2\n")


def never_answer(instance: LocalInstance) -> None:
    instance.machine.command("mkdir", "#!/bin/bash\nexec sleep-for-real 600\n")
    instance.machine.link("sleep", "sleep-for-real")


def copied_keys(proxy: FaultProxy, folder: str) -> int:
    return sum(f"/{folder}/" in request.path for request in proxy.copies)


def folders_of(instance: LocalInstance) -> str:
    (line,) = [line for line in instance.user_data.splitlines() if line.startswith("folders=")]
    return line


def test_a_run_copies_its_folders_on_one_instance_and_ends_it(
    ec2: LocalEc2, on_ec2: Ec2Place
) -> None:
    told = on_ec2.run()
    assert sorted(told) == NAMES
    assert all(each.ok and each.facts.in_raw == OBJECTS for each in told.values())
    assert all(each.attempts == 1 for each in told.values())
    (instance,) = ec2.instances
    assert {each.host for each in told.values()} == {instance.id}
    assert on_ec2.recorded() == set(NAMES)
    assert instance.machine.calls[-1] == "shutdown -h now" or instance.state == "terminated"
    assert on_ec2.told[0].startswith(f"Launched {instance.id} as w001 for 4 folders: https://")
    end = on_ec2.reports("w001").ended()
    assert end is not None
    assert end.message == "4 of 4 folders are complete."


@pytest.mark.slow
def test_a_second_try_of_a_run_launches_nothing_for_what_is_done(
    ec2: LocalEc2, on_ec2: Ec2Place
) -> None:
    on_ec2.run(ONE)
    again = on_ec2.run(ONE)
    assert again[FIRST].ok
    assert len(ec2.instances) == 1


@pytest.mark.slow
def test_a_folder_that_fails_by_itself_fails_alone_and_is_told_in_the_workers_words(
    ec2: LocalEc2, on_ec2: Ec2Place
) -> None:
    for number in range(OBJECTS):
        on_ec2.orders.delete(f"{SECOND}/A/id/{number}")
    told = on_ec2.run()
    assert [name for name, each in told.items() if not each.ok] == [SECOND]
    assert "An expected folder that is missing or empty is a failure" in told[SECOND].error
    assert f"Attempt 1, instance {ec2.instances[0].id}, w001." in told[SECOND].error
    assert "console.aws.amazon.com" in told[SECOND].error
    assert len(ec2.instances) == 1


@pytest.mark.parametrize("end", ["death", pytest.param("spot notice", marks=pytest.mark.slow)])
def test_an_instance_lost_in_the_middle_is_replaced_for_the_unfinished_folders_only(
    ec2: LocalEc2, on_ec2: Ec2Place, proxy: FaultProxy, gate: Gate, end: str
) -> None:
    """What is under way when the notice comes is ended, what is not is left to the other one."""
    results = on_ec2.start(spot=end == "spot notice", folders_at_once=1, in_flight=1)
    done = next(results)
    assert done.folder.name == FIRST
    assert gate.held.wait(30)
    (lost,) = ec2.instances
    if end == "death":
        ec2.die(lost)
        gate.open()
    else:
        ec2.take_back(lost)
        threading.Timer(LOOKED_FOR_A_NOTICE, gate.open).start()
    rest = {each.folder.name: each for each in results}
    assert sorted(rest) == NAMES[1:]
    assert all(each.ok for each in rest.values())
    other = ec2.instances[1]
    assert {each.host for each in rest.values()} <= {lost.id, other.id}
    assert {each.attempts for each in rest.values() if each.host == other.id} == {2}
    assert FIRST not in folders_of(other)
    assert copied_keys(proxy, FIRST) == OBJECTS
    assert on_ec2.recorded() == set(NAMES)
    ec2.wait_until(lambda: not ec2.living())
    assert len(ec2.instances) == 2


def test_a_failed_installation_is_tried_once_more(ec2: LocalEc2, on_ec2: Ec2Place) -> None:
    ec2.prepare = [fail_to_install]
    told = on_ec2.run(ONE)
    assert told[FIRST].ok
    assert told[FIRST].attempts == 2
    assert len(ec2.instances) == 2
    assert on_ec2.told_of("failed to install the worker archive")


@pytest.mark.slow
def test_an_installation_that_keeps_failing_is_told_with_its_log(
    ec2: LocalEc2, on_ec2: Ec2Place
) -> None:
    ec2.prepare = [fail_to_install] * 9
    told = on_ec2.run(ONE)
    assert "the worker could not be installed" in told[FIRST].error
    assert "tar: the disk is full" in told[FIRST].error
    assert ec2.instances[1].id in told[FIRST].error
    assert len(ec2.instances) == 2
    assert on_ec2.recorded() == set()


@pytest.mark.slow
def test_an_archive_that_is_not_the_packaged_one_is_never_tried_again(
    ec2: LocalEc2, on_ec2: Ec2Place
) -> None:
    on_ec2.job = replace(on_ec2.job, archive=replace(on_ec2.job.archive, sha256="0" * 64))
    told = on_ec2.run(ONE)
    assert "the worker archive is not the packaged one" in told[FIRST].error
    assert len(ec2.instances) == 1


@pytest.mark.slow
def test_a_worker_that_refuses_its_configuration_is_never_tried_again(
    ec2: LocalEc2, on_ec2: Ec2Place
) -> None:
    variables = {**on_ec2.job.variables, "CHECKOUT_ENCRYPTION": "rot13"}
    on_ec2.job = replace(on_ec2.job, variables=variables)
    told = on_ec2.run(ONE)
    assert "the worker refuses its configuration" in told[FIRST].error
    assert "write AES256 or aws:kms" in told[FIRST].error
    assert len(ec2.instances) == 1


def test_a_lack_of_capacity_moves_the_launch_to_another_subnet_and_type(
    ec2: LocalEc2, on_ec2: Ec2Place
) -> None:
    ec2.api.answers = {COUNT: ["InsufficientInstanceCapacity"] * 2}
    told = on_ec2.run(ONE, instance_types=("m5.4xlarge", "m6i.4xlarge"))
    assert told[FIRST].ok
    (sent,) = ec2.api.launched()
    assert sent["InstanceType"] == "m6i.4xlarge"
    assert sent["NetworkInterface.1.SubnetId"] == ec2.subnets[0]
    assert ec2.api.calls[COUNT] == 3


@pytest.mark.parametrize(
    ("code", "calls", "told"),
    [
        ("InsufficientInstanceCapacity", 6, "AWS has no capacity for these instances now"),
        ("VcpuLimitExceeded", 1, "the account's instance quota is used up"),
        ("UnauthorizedOperation", 1, "AWS refuses the request"),
        ("InvalidParameterValue", 1, "AWS answers with an error"),
    ],
)
def test_a_launch_that_is_refused_costs_no_request_too_many(
    ec2: LocalEc2, on_ec2: Ec2Place, code: str, calls: int, told: str
) -> None:
    ec2.api.answers = {COUNT: [code] * 99}
    results = on_ec2.run()
    assert sorted(results) == NAMES
    assert all(told in each.error for each in results.values())
    assert ec2.api.calls[COUNT] == calls
    assert ec2.instances == []


def test_a_launch_without_the_role_for_spot_says_how_to_create_it(
    ec2: LocalEc2, on_ec2: Ec2Place
) -> None:
    ec2.api.spot_role = False
    results = on_ec2.run(spot=True)
    assert sorted(results) == NAMES
    command = "aws iam create-service-linked-role --aws-service-name spot.amazonaws.com"
    assert all(f"run {command} (" in each.error for each in results.values())
    assert ec2.api.calls[COUNT] == 1


@pytest.mark.slow
def test_a_launch_whose_answer_is_lost_gives_one_instance(ec2: LocalEc2, on_ec2: Ec2Place) -> None:
    ec2.api.answers = {COUNT: ["lost:InternalError", "RequestLimitExceeded"]}
    assert on_ec2.run(ONE)[FIRST].ok
    assert ec2.api.calls[COUNT] == 3
    assert len(ec2.instances) == 1


def test_a_launch_that_was_never_answered_leaves_nothing_running(
    ec2: LocalEc2, on_ec2: Ec2Place
) -> None:
    ec2.frozen = True
    ec2.api.answers = {COUNT: ["lost:InternalError"] * 99}
    told = on_ec2.run(ONE)
    assert "AWS did not answer in time" in told[FIRST].error
    assert len(ec2.instances) == 1


@pytest.mark.slow
def test_an_instance_that_says_nothing_is_ended_and_replaced(
    ec2: LocalEc2, on_ec2: Ec2Place
) -> None:
    """Hours pass in a moment, until the instance that says nothing is ended."""
    ec2.prepare = [never_answer]
    on_ec2.clock = HastyUntil(lambda: on_ec2.told_of("did not answer any more"))
    told = on_ec2.run(ONE, poll_seconds=600)
    assert told[FIRST].ok, told[FIRST].error
    assert told[FIRST].attempts == 2
    assert len(ec2.instances) == 2
    assert on_ec2.told_of("did not answer any more")


@pytest.mark.slow
def test_credentials_that_expire_in_the_middle_cost_at_most_another_instance(
    ec2: LocalEc2, on_ec2: Ec2Place, proxy: FaultProxy
) -> None:
    refused: list[Request] = []

    def expired(request: Request) -> Answer | None:
        if not request.is_copy or len(ec2.instances) > 1:
            return None
        refused.append(request)
        return Answer(400, "ExpiredToken")

    proxy.rule = expired
    told = on_ec2.run()
    assert refused
    assert all(each.ok for each in told.values()), told
    assert on_ec2.recorded() == set(NAMES)
    assert len(ec2.instances) <= 2


def test_closing_the_run_ends_its_instance(ec2: LocalEc2, on_ec2: Ec2Place, gate: Gate) -> None:
    results = on_ec2.start()
    assert next(results).ok
    assert len(ec2.living()) == 1
    ec2.grace_seconds = 1
    results.close()  # type: ignore[attr-defined]
    ec2.wait_until(lambda: not ec2.living())
    assert on_ec2.recorded() == {FIRST}


@pytest.mark.slow
def test_another_process_goes_on_with_the_living_instance(
    ec2: LocalEc2, on_ec2: Ec2Place, gate: Gate
) -> None:
    killed = on_ec2.start()
    assert next(killed).folder.name == FIRST
    again: Iterator[FolderCopied] = on_ec2.start()
    assert next(again).folder.name == FIRST
    gate.open()
    assert {each.folder.name for each in again if each.ok} == set(NAMES[1:])
    assert len(ec2.instances) == 1
    ec2.wait_until(lambda: not ec2.living())
    assert any(line.startswith("Following") for line in on_ec2.told)


def test_the_host_s_policy_allows_all_that_a_run_asks_ec2_for_and_no_more(
    ec2: LocalEc2, on_ec2: Ec2Place
) -> None:
    """Evaluated as AWS does, with what AWS checks though no request is named so."""
    on_ec2.engine().check()
    assert on_ec2.run(ONE, spot=True, ssh_key="a-key")[FIRST].ok

    assert on_ec2.host.denied == []
    assert on_ec2.host.needless() == []


@pytest.mark.slow
def test_the_instances_of_a_run_work_side_by_side_and_end_with_it(
    ec2: LocalEc2, on_ec2: Ec2Place, gate: Gate
) -> None:
    results = on_ec2.start(folders_per_instance=2)
    assert next(results).ok
    first, second = ec2.instances
    assert [folders_of(each) for each in (first, second)] == [
        f"folders=({NAMES[0]}..{NAMES[1]})",
        f"folders=({NAMES[2]}..{NAMES[3]})",
    ]
    gate.open()
    told = {each.folder.name: each for each in results}
    assert {told[name].host for name in NAMES[2:]} == {second.id}
    assert told[SECOND].host == first.id
    assert all(each.ok for each in told.values())
    ec2.wait_until(lambda: not ec2.living())


@pytest.mark.slow
def test_another_process_goes_on_with_all_living_instances(
    ec2: LocalEc2, on_ec2: Ec2Place, gate: Gate
) -> None:
    killed = on_ec2.start(folders_per_instance=2)
    assert next(killed).folder.name == FIRST
    again = on_ec2.start(folders_per_instance=2)
    assert next(again).folder.name == FIRST
    gate.open()
    told = {each.folder.name: each for each in again if each.ok}
    assert set(told) == set(NAMES[1:])
    assert told[SECOND].host == ec2.instances[0].id
    assert {told[name].host for name in NAMES[2:]} == {ec2.instances[1].id}
    assert len(ec2.instances) == 2
    ec2.wait_until(lambda: not ec2.living())


@pytest.mark.slow
def test_what_a_run_did_not_launch_is_left_alone(ec2: LocalEc2, on_ec2: Ec2Place) -> None:
    """The nodes of the same run's EMR cluster carry the same tags."""
    tags = {DEPLOYMENT_TAG: "orders", RUN_ID_TAG: "run"}
    ec2.frozen = True
    ec2.client("ec2").run_instances(
        ImageId="ami-0123456789abcdef0",
        MinCount=1,
        MaxCount=1,
        SubnetId=ec2.subnets[0],
        UserData="",
        TagSpecifications=[
            {
                "ResourceType": "instance",
                "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
            }
        ],
    )
    ec2.frozen = False
    assert all(each.ok for each in on_ec2.start(ONE))
    ec2.wait_until(lambda: len(ec2.living()) == 1)
    assert ec2.living() == [ec2.instances[0].id]


@pytest.mark.slow
def test_no_more_instances_than_the_run_may_use_up(ec2: LocalEc2, on_ec2: Ec2Place) -> None:
    def taken_back(instance: LocalInstance) -> None:
        threading.Timer(1, ec2.die, (instance, "Server.SpotInstanceTermination")).start()

    ec2.frozen = True
    ec2.prepare = [taken_back] * 9
    told = on_ec2.run(ONE, spot=True, most_instances=3)
    assert "AWS took the Spot instance back" in told[FIRST].error
    assert len(ec2.instances) == 3
    assert {each["NetworkInterface.1.SubnetId"] for each in ec2.api.launched()} == set(ec2.subnets)


@pytest.mark.slow
def test_someone_who_terminates_the_instance_is_not_contradicted(
    ec2: LocalEc2, on_ec2: Ec2Place, gate: Gate
) -> None:
    results = on_ec2.start()
    assert next(results).ok
    ec2.client("ec2").terminate_instances(InstanceIds=ec2.living())
    rest = list(results)
    assert {each.folder.name for each in rest} == set(NAMES[1:])
    assert all("someone terminated the instance" in each.error for each in rest)
    assert len(ec2.instances) == 1


def test_a_security_group_that_lets_somebody_in_is_refused(ec2: LocalEc2, on_ec2: Ec2Place) -> None:
    ec2.client("ec2").authorize_security_group_ingress(
        GroupId=ec2.security_group,
        IpPermissions=[{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": HOME}],
    )
    with pytest.raises(UsageError, match="has 1 inbound rule:"):
        on_ec2.engine().check()
    on_ec2.engine(ssh_cidr="203.0.113.7/32", ssh_key="mine").check()


def test_no_secret_reaches_user_data_tags_or_what_is_left_in_s3(
    ec2: LocalEc2, on_ec2: Ec2Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = "planted5ecret"
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "CHECKOUT_PASSWORD"):
        monkeypatch.setenv(name, f"{planted}-{name}")
    on_ec2.fill(ONE)
    on_ec2.run(ONE)
    fleet = {entry.key: on_ec2.fleet.get(entry.key).data for entry in on_ec2.fleet.list("")}
    assert {key.rpartition("/")[2] for key in fleet} >= {"log.txt", "end.json", "listener.json"}
    told = [
        *map(str, ec2.api.requests),
        ec2.instances[0].user_data,
        *on_ec2.told,
        *(data.decode() for data in fleet.values()),
    ]
    assert all(planted not in each for each in told)
    assert all("/A/id/" not in data.decode() for data in fleet.values())
    assert REGION in ec2.instances[0].user_data
