"""The region: both of AWS's variables name it, none is one clear sentence, nothing guesses it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError

from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.aws_setup import configuring
from checkout_assets.engines.ec2.api import ec2_clients
from checkout_assets.engines.emr.api import emr_clients
from checkout_assets.engines.locations import S3Location, principal
from checkout_assets.resources.s3 import SharedModelS3Resource
from checkout_assets.resources.stores import Stores

ROLE = "arn:aws:iam::222222222222:role/copy-orders"
VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")
HEAD = "before-send.s3.HeadBucket"
NAMED: dict[str, Callable[[], str]] = {
    "ec2": lambda: ec2_clients().region,
    "emr": lambda: emr_clients().region,
    "s3": lambda: str(principal().client("s3").meta.region_name),
    "an assumed role": lambda: str(principal(ROLE).client("s3").meta.region_name),
    "dagster's s3": lambda: str(Stores(s3=SharedModelS3Resource()).new_client().meta.region_name),
}


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials, and neither a region nor an endpoint."""
    for name in (*VARIABLES, "AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent/config")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("service", NAMED)
def test_either_variable_names_the_region(
    service: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "eu-west-3")
    assert NAMED[service]() == "eu-west-3"


@pytest.mark.parametrize("service", NAMED)
def test_of_both_the_sdks_variable_wins_as_in_the_aws_cli(
    service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_REGION", "eu-west-3")
    assert NAMED[service]() == "eu-west-3"


@pytest.mark.parametrize(
    ("service", "option"), [("ec2", "CHECKOUT_EC2_REGION"), ("emr", "CHECKOUT_EMR_REGION")]
)
def test_without_a_region_one_sentence_names_everything_that_sets_it(
    service: str, option: str
) -> None:
    with pytest.raises(UsageError) as refused:
        NAMED[service]()
    for name in (*VARIABLES, "the AWS config file", option):
        assert name in str(refused.value)


def test_another_service_s_missing_region_is_told_by_the_same_names() -> None:
    session = principal()
    said = "no region is set: set AWS_REGION or AWS_DEFAULT_REGION"
    with pytest.raises(UsageError, match=said), configuring(session):
        session.client("sns")


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize("value", ["", "us-east-2\n"])
def test_a_region_that_cannot_be_one_is_told_before_a_client_is_made(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(UsageError, match=r"is empty|line break") as refused:
        NAMED["ec2"]()
    assert variable in str(refused.value)


def test_a_store_is_in_the_region_that_its_bucket_tells() -> None:
    session = principal(region="us-east-2")
    session.events.register(HEAD, answering(403, {"x-amz-bucket-region": "eu-west-3"}))
    assert S3Location("raw").open(session).client.meta.region_name == "eu-west-3"


def test_a_store_whose_bucket_tells_no_region_is_in_the_session_s() -> None:
    session = principal(region="us-east-2")
    session.events.register(HEAD, answering(403, {}))
    assert S3Location("raw").open(session).client.meta.region_name == "us-east-2"


def test_a_region_that_could_not_be_asked_for_is_not_guessed() -> None:
    session = principal(region="us-east-2")

    def unreachable(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://s3.us-east-2.amazonaws.com")

    session.events.register(HEAD, unreachable)
    with pytest.raises(UsageError, match="No S3 server answers") as refused:
        S3Location("raw").open(session)
    assert refused.value.failure is not None
    assert refused.value.failure.transient


def answering(status: int, headers: dict[str, str]) -> Callable[..., Any]:
    """What answers a request in S3's place."""

    class Empty:
        def stream(self) -> Iterator[bytes]:
            return iter(())

    def answer(request: Any, **_: object) -> AWSResponse:
        return AWSResponse(request.url, status, headers, Empty())

    return answer
