"""The local EMR behaves as EMR does; one test for each thing that moto lacks."""

import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from checkout_assets_tests.local_emr.api_server import QUOTAS, Bucket
from checkout_assets_tests.local_emr.local_emr import REGION, ClusterFault, LocalEmr


@pytest.fixture
def emr(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalEmr]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with LocalEmr(lambda arguments, _: list(arguments)).running() as local:
        yield local


@pytest.fixture
def client(emr: LocalEmr) -> Any:
    return boto3.client("emr", region_name=REGION, endpoint_url=emr.api.endpoint_url)


def step(*command: str, name: str = "a step") -> dict[str, Any]:
    return {
        "Name": name,
        "ActionOnFailure": "CONTINUE",
        "HadoopJarStep": {"Jar": "command-runner.jar", "Args": [*command]},
    }


def launch(client: Any, *steps: dict[str, Any], concurrency: int = 1) -> str:
    instances = {
        "InstanceGroups": [
            {"InstanceRole": "MASTER", "InstanceType": "r5.2xlarge", "InstanceCount": 1}
        ],
        "KeepJobFlowAliveWhenNoSteps": True,
    }
    launched = client.run_job_flow(
        Name="a cluster",
        ReleaseLabel="emr-7.13.0",
        Instances=instances,
        Steps=[*steps],
        StepConcurrencyLevel=concurrency,
        Tags=[{"Key": "run", "Value": "1"}],
    )
    return str(launched["JobFlowId"])


def states(client: Any, cluster: str) -> list[str]:
    """Oldest first."""
    steps = client.list_steps(ClusterId=cluster)["Steps"]
    return [each["Status"]["State"] for each in reversed(steps)]


def cluster_status(client: Any, cluster: str) -> dict[str, Any]:
    status: dict[str, Any] = client.describe_cluster(ClusterId=cluster)["Cluster"]["Status"]
    return status


def test_a_cluster_lies_in_the_clients_region(emr: LocalEmr, client: Any) -> None:
    launch(client)
    elsewhere = boto3.client("emr", region_name="us-east-1", endpoint_url=emr.api.endpoint_url)
    assert elsewhere.list_clusters()["Clusters"] == []
    assert len(client.list_clusters()["Clusters"]) == 1


def test_a_cluster_starts_and_its_first_step_waits_for_it(emr: LocalEmr, client: Any) -> None:
    emr.boot_seconds = 0.3
    cluster = launch(client, step("true"))
    assert cluster_status(client, cluster)["State"] == "STARTING"
    assert states(client, cluster) == ["PENDING"]
    emr.wait_until(lambda: states(client, cluster) == ["COMPLETED"])
    emr.wait_until(lambda: cluster_status(client, cluster)["State"] == "WAITING")


def test_steps_run_one_after_another_and_go_on_after_a_failure(emr: LocalEmr, client: Any) -> None:
    cluster = launch(client, step("false"), step("sh", "-c", "sleep 0.3"), step("true"))
    emr.wait_until(lambda: states(client, cluster)[1] == "RUNNING")
    assert states(client, cluster) == ["FAILED", "RUNNING", "PENDING"]
    emr.wait_until(lambda: states(client, cluster) == ["FAILED", "COMPLETED", "COMPLETED"])


def test_concurrent_steps_run_together(emr: LocalEmr, client: Any) -> None:
    cluster = launch(client, step("sleep", "9"), step("sleep", "9"), step("true"), concurrency=2)
    emr.wait_until(lambda: states(client, cluster) == ["RUNNING", "RUNNING", "PENDING"])


def test_a_failed_step_tells_its_last_line(emr: LocalEmr, client: Any) -> None:
    cluster = launch(client, step("sh", "-c", "echo first >&2; echo last >&2; exit 3"))
    emr.wait_until(lambda: states(client, cluster) == ["FAILED"])
    (told,) = client.list_steps(ClusterId=cluster)["Steps"]
    assert told["Status"]["FailureDetails"] == {"Reason": "Unknown Error.", "Message": "last"}


def test_terminating_kills_what_runs_and_cancels_what_waits(emr: LocalEmr, client: Any) -> None:
    cluster = launch(client, step("sleep", "60"), step("true"))
    emr.wait_until(lambda: states(client, cluster)[0] == "RUNNING")
    client.terminate_job_flows(JobFlowIds=[cluster])
    assert cluster_status(client, cluster)["State"] in {"TERMINATING", "TERMINATED"}
    emr.wait_until(lambda: cluster_status(client, cluster)["State"] == "TERMINATED")
    assert cluster_status(client, cluster)["StateChangeReason"]["Code"] == "USER_REQUEST"
    assert states(client, cluster) == ["CANCELLED", "CANCELLED"]


def test_steps_are_cancelled_one_by_one(emr: LocalEmr, client: Any) -> None:
    cluster = launch(client, step("sleep", "60"), step("true"), step("true"))
    emr.wait_until(lambda: states(client, cluster)[0] == "RUNNING")
    newest_first = [each["Id"] for each in client.list_steps(ClusterId=cluster)["Steps"]]
    told = client.cancel_steps(ClusterId=cluster, StepIds=newest_first[1:])
    assert [each["Status"] for each in told["CancelStepsInfoList"]] == ["SUBMITTED"] * 2
    emr.wait_until(lambda: states(client, cluster) == ["CANCELLED", "CANCELLED", "COMPLETED"])


def test_a_cluster_that_ended_takes_no_steps(emr: LocalEmr, client: Any) -> None:
    cluster = launch(client)
    client.terminate_job_flows(JobFlowIds=[cluster])
    with pytest.raises(ClientError, match="may not be modified"):
        client.add_job_flow_steps(JobFlowId=cluster, Steps=[step("true")])


def test_steps_added_to_a_starting_cluster_leave_it_starting(emr: LocalEmr, client: Any) -> None:
    emr.boot_seconds = 5
    cluster = launch(client)
    client.add_job_flow_steps(JobFlowId=cluster, Steps=[step("true")])
    assert cluster_status(client, cluster)["State"] == "STARTING"


def test_a_cluster_fails_as_it_is_told(emr: LocalEmr, client: Any) -> None:
    emr.cluster_faults = [ClusterFault("BOOTSTRAP_FAILURE", "On the master instance")]
    cluster = launch(client, step("true"))
    emr.wait_until(lambda: cluster_status(client, cluster)["State"] == "TERMINATED_WITH_ERRORS")
    reason = cluster_status(client, cluster)["StateChangeReason"]
    assert reason == {"Code": "BOOTSTRAP_FAILURE", "Message": "On the master instance"}
    assert states(client, cluster) == ["CANCELLED"]


def test_a_step_fails_as_it_is_told(emr: LocalEmr, client: Any) -> None:
    emr.step_faults = {"a-folder": [""]}
    cluster = launch(client, step("true", "a-folder"), step("true", "a-folder"))
    emr.wait_until(lambda: states(client, cluster) == ["FAILED", "COMPLETED"])


def test_many_steps_come_in_pages(emr: LocalEmr, client: Any) -> None:
    emr.frozen = True
    cluster = launch(client, *[step("true") for _ in range(60)])
    first = client.list_steps(ClusterId=cluster)
    assert len(first["Steps"]) < 60
    second = client.list_steps(ClusterId=cluster, Marker=first["Marker"])
    assert len(first["Steps"]) + len(second["Steps"]) == 60


def test_quotas_are_a_burst_and_a_refill() -> None:
    now = 0.0
    bucket = Bucket(*QUOTAS["ListSteps"], lambda: now)
    assert [bucket.take() for _ in range(11)] == [True] * 10 + [False]
    now = 4.0
    assert [bucket.take() for _ in range(3)] == [True, True, False]


def test_the_api_throttles_when_told(emr: LocalEmr) -> None:
    emr.api.answers = {"ListClusters": ["ThrottlingException"]}
    client = boto3.client("emr", region_name=REGION, endpoint_url=emr.api.endpoint_url)
    began = time.monotonic()
    client.list_clusters()
    assert emr.api.calls["ListClusters"] == 2
    assert time.monotonic() - began < 30
