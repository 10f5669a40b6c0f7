"""The sensor for orphans: it ends instances whose run is over, and no others."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from dagster_aws.s3 import S3Resource

from checkout_assets.automation.orphan_instances import orphan_instances
from checkout_assets.automation.outlived_machines import outlived_machines
from checkout_assets.domain.alerts.found import Fate
from checkout_assets.domain.canary import LONGEST, new_canary_id
from checkout_assets.domain.failures import diagnose_request
from checkout_assets.engines.aws_requests import AwsRequestError
from checkout_assets.engines.ec2.api import Ec2Api, ec2_clients
from checkout_assets.engines.ec2.options import Choice, Ec2Options
from checkout_assets.engines.ec2.request import Launch, launch_request
from checkout_assets.resources.ec2 import Ec2Resource
from checkout_assets.resources.stores import Stores
from checkout_assets_tests.dagster import orphans
from checkout_assets_tests.dagster.conftest import Dagster
from checkout_assets_tests.dagster.orphans import started
from checkout_assets_tests.local_ec2.local_ec2 import PROFILE, REGION, LocalEc2

TYPE = "m5.4xlarge"


@pytest.fixture
def ec2(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalEc2]:
    """Instances that run and do nothing."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with LocalEc2(frozen=True).running() as local:
        yield local


@pytest.fixture
def api(ec2: LocalEc2) -> Ec2Api:
    return ec2_clients(REGION, ec2.api.endpoint_url)


def launch(
    ec2: LocalEc2, api: Ec2Api, run_id: str, deployment: str = "orders", group: int = 1
) -> str:
    options = Ec2Options(
        deployment=deployment,
        fleet_uri="s3://fleet",
        security_group=ec2.security_group,
        instance_profile=PROFILE,
        subnets=ec2.subnets,
    )
    image = api.image(api.newest_image(options.architecture))
    launched = Launch(run_id, f"w{group:03d}", "#!/bin/bash\n", group)
    return api.launch(launch_request(options, image, launched, Choice(TYPE, ec2.subnets[0])))


def look(dagster: Dagster, ec2: LocalEc2, deployment: str = "orders") -> str:
    engine = Ec2Resource(
        stores=Stores(s3=S3Resource()),
        deployment=deployment,
        region=REGION,
        endpoint_url=ec2.api.endpoint_url,
    )
    return orphans.look(orphan_instances, dagster.instance, copy_engine=engine)


@pytest.mark.parametrize("end", ["report_run_failed", "report_run_canceled"])
def test_the_instance_of_a_run_that_is_over_is_terminated(
    dagster: Dagster, ec2: LocalEc2, api: Ec2Api, end: str
) -> None:
    run, other = started(dagster.instance), started(dagster.instance)
    orphan, working = launch(ec2, api, run.run_id), launch(ec2, api, other.run_id)
    assert look(dagster, ec2) == "No instance without a run."
    getattr(dagster.instance, end)(run)
    assert look(dagster, ec2) == f"{orphan} (run {run.run_id}): terminated, its run is over"
    ec2.wait_until(lambda: ec2.living() == [working])
    assert look(dagster, ec2) == "No instance without a run."


def test_a_repeated_run_keeps_its_first_runs_instance(
    dagster: Dagster, ec2: LocalEc2, api: Ec2Api
) -> None:
    first = started(dagster.instance)
    working = launch(ec2, api, first.run_id)
    dagster.instance.report_run_failed(first)
    tags = {"dagster/root_run_id": first.run_id, "dagster/parent_run_id": first.run_id}
    again = started(
        dagster.instance, root_run_id=first.run_id, parent_run_id=first.run_id, tags=tags
    )
    assert look(dagster, ec2) == "No instance without a run."
    assert ec2.living() == [working]
    dagster.instance.report_run_failed(again)
    look(dagster, ec2)
    ec2.wait_until(lambda: not ec2.living())


def test_instances_of_unknown_runs_and_of_others_are_left_alone(
    dagster: Dagster, ec2: LocalEc2, api: Ec2Api
) -> None:
    run = started(dagster.instance)
    dagster.instance.report_run_failed(run)
    unknown = launch(ec2, api, "no-run-of-ours")
    launch(ec2, api, run.run_id, deployment="orders of another team")
    assert (
        look(dagster, ec2) == f"{unknown} (run no-run-of-ours): left alone, its run is unknown here"
    )
    assert {each.state for each in ec2.instances} == {"running"}


def test_a_machine_that_is_no_worker_is_left_alone(
    dagster: Dagster, ec2: LocalEc2, api: Ec2Api
) -> None:
    """The nodes of an EMR cluster carry its deployment and its run."""
    run = started(dagster.instance)
    worker = launch(ec2, api, run.run_id)
    ec2.client("ec2").delete_tags(Resources=[worker], Tags=[{"Key": "checkout-assets:worker"}])
    dagster.instance.report_run_failed(run)
    assert look(dagster, ec2) == "No instance without a run."
    assert ec2.living() == [worker]


def test_all_instances_of_a_run_that_is_over_are_terminated(
    dagster: Dagster, ec2: LocalEc2, api: Ec2Api
) -> None:
    run = started(dagster.instance)
    both = [launch(ec2, api, run.run_id, group=group) for group in (1, 2)]
    dagster.instance.report_run_failed(run)
    told = look(dagster, ec2)
    assert all(f"{instance} (run {run.run_id}): terminated" in told for instance in both)
    ec2.wait_until(lambda: not ec2.living())


def test_what_becomes_of_each_is_kept_for_alerts(
    dagster: Dagster, ec2: LocalEc2, api: Ec2Api
) -> None:
    run = started(dagster.instance)
    orphan, unknown = launch(ec2, api, run.run_id), launch(ec2, api, "no-run-of-ours")
    dagster.instance.report_run_failed(run)
    for _ in range(2):
        look(dagster, ec2)
    kept = [(each.id, each.run_id, each.fate) for each in outlived_machines(dagster.instance)]
    assert sorted(kept) == sorted(
        [
            (orphan, run.run_id, Fate.ENDED),
            (unknown, "no-run-of-ours", Fate.UNKNOWN_RUN),
        ]
    )


def test_one_that_cannot_be_terminated_is_kept_too(
    dagster: Dagster, ec2: LocalEc2, api: Ec2Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AwsRequestError(diagnose_request("UnauthorizedOperation", ""), in_doubt=False)

    run = started(dagster.instance)
    launch(ec2, api, run.run_id)
    dagster.instance.report_run_failed(run)
    monkeypatch.setattr(Ec2Api, "terminate", refuse)
    with pytest.raises(AwsRequestError):
        look(dagster, ec2)
    fates = [each.fate for each in outlived_machines(dagster.instance)]
    assert fates == [Fate.ENDED, Fate.STAYS]


def test_the_instance_of_a_canary_is_ended_when_its_limits_are_over(
    dagster: Dagster, ec2: LocalEc2, api: Ec2Api
) -> None:
    """A canary is not a run of Dagster: it is neither unknown nor ended too early."""
    now = datetime.now(UTC)
    old = launch(ec2, api, new_canary_id(now - LONGEST - timedelta(minutes=1), "0" * 8))
    young = launch(ec2, api, new_canary_id(now, "1" * 8), group=2)
    told = look(dagster, ec2)
    assert f"{old} " in told
    assert young not in told
    ec2.wait_until(lambda: ec2.living() == [young])
    assert {each.id: each.fate for each in outlived_machines(dagster.instance)} == {old: Fate.ENDED}
