"""A proxy or another server that answers in AWS's place: one sentence, and nothing is believed."""

from collections.abc import Callable

import pytest

from checkout_assets.cli.main import run
from checkout_assets.domain.failures import Cause
from checkout_assets.engines.aws_requests import AwsRequestError
from checkout_assets.engines.ec2.api import ec2_clients
from checkout_assets_tests.fault_proxy import Answer, FaultProxy
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace

HTML = (("content-type", "text/html"),)
PAGES = {
    "broken page": Answer(200, exact=b"<!DOCTYPE html><html><br></html>", headers=HTML),
    "sound page": Answer(200, exact=b"<html><body>Sign in</body></html>", headers=HTML),
    "nothing": Answer(200, exact=b"", headers=HTML),
    "refusal": Answer(403, exact=b"<!DOCTYPE html><html><br>", headers=HTML),
    "empty refusal": Answer(403, exact=b"", headers=HTML),
    "not modified": Answer(304, exact=b"", headers=HTML),
    "redirection": Answer(302, exact=b"", headers=(("location", "http://127.0.0.1:9/"),)),
}
COMMANDS = [
    f"copy {FOLDER}",
    f"reconcile {FOLDER}",
    "access status",
    "access grant --yes",
    "access revoke --yes",
    "doctor",
    "plan",
    "report",
    "orphans remove",
    "quarantine list",
    f"quarantine retry {FOLDER}",
    f"structure {FOLDER}",
]


@pytest.fixture
def answering(
    place: OrdersPlace, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Answer], None]:
    """Lets all services of AWS be answered with the same."""
    for service in ("", "_S3", "_STS", "_EC2", "_EMR", "_IAM"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL{service}", proxy.endpoint_url)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("CHECKOUT_SOURCE_URI", place.source.uri)
    monkeypatch.setenv("CHECKOUT_RAW_URI", place.raw.uri)
    monkeypatch.setenv("CHECKOUT_LAKE_URI", f"s3://{place.raw.bucket}/lake")
    monkeypatch.setenv("CHECKOUT_ACCESS_REQUESTER", "a test")

    def answer(page: Answer) -> None:
        proxy.rule = lambda _: page

    return answer


@pytest.mark.parametrize("page", ["sound page", "nothing", "redirection"])
def test_no_command_takes_it_for_s3(
    answering: Callable[[Answer], None], capsys: pytest.CaptureFixture[str], page: str
) -> None:
    answering(PAGES[page])
    for command in COMMANDS:
        assert_refused(capsys, command)


@pytest.mark.parametrize("page", PAGES)
def test_no_role_is_assumed_by_it(
    answering: Callable[[Answer], None],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    page: str,
) -> None:
    answering(PAGES[page])
    monkeypatch.setenv("CHECKOUT_COPY_ROLE_ARN", "arn:aws:iam::222222222222:role/copy")
    assert_refused(capsys, f"copy {FOLDER}")
    assert_refused(capsys, "doctor")


def assert_refused(capsys: pytest.CaptureFixture[str], command: str) -> None:
    """The command says in its own words that nothing was done."""
    assert run(command.split()) in {1, 2}, command
    told = "".join(capsys.readouterr())
    assert "a fault of the program" not in told, command
    assert "recursion" not in told, command


@pytest.mark.parametrize("page", ["broken page", "sound page", "nothing", "empty refusal"])
def test_whether_an_instance_was_launched_is_in_doubt(
    answering: Callable[[Answer], None], page: str
) -> None:
    answering(PAGES[page])
    clients = ec2_clients("us-east-2")
    with pytest.raises(AwsRequestError) as refused:
        clients.launch({"ImageId": "ami-1", "MinCount": 1, "MaxCount": 1})
    assert refused.value.in_doubt
    assert refused.value.diagnosis.cause is Cause.TRANSIENT
