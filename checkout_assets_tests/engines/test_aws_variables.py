"""An AWS variable that is empty or contains a space or a line break is named before any request."""

import pytest

from checkout_assets.cli.main import run
from checkout_assets.engines.aws_variables import refuse_odd_variables
from checkout_assets_tests.orders_place import FOLDER

WORDS = (
    "AWS_REGION",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_ENDPOINT_URL_STS",
    "AWS_ENDPOINT_URL_EC2",
)
TEXTS = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
)
PROXIES = ("HTTP_PROXY", "https_proxy")
ENDPOINTS = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")
DEFAULT_REGION = "AWS_DEFAULT_REGION"
UNPRINTABLE = "holds a line break or another character that does not print"
ENDS = "begins or ends with a space"
SECRET = "made-up-secret"


def refused(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    """The one line in which copy names the variable, without having asked anybody."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AK")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("CHECKOUT_SOURCE_URI", "s3://source-of-nobody/x")
    monkeypatch.setenv("CHECKOUT_RAW_URI", "s3://raw-of-nobody/x")
    monkeypatch.setenv(variable, value)
    assert run(["copy", FOLDER]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert SECRET not in line
    return line


@pytest.mark.parametrize("variable", [*WORDS, *TEXTS, *PROXIES])
def test_what_does_not_belong_there_is_told_by_its_variable(
    variable: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for odd in ("{}\n", "{}\r", "{}\u200b", "a\x01{}", "\ufeff{}"):
        line = refused(variable, odd.format(SECRET), monkeypatch, capsys)
        assert line.startswith(f"Error: AWS is not configured: {variable} {UNPRINTABLE}: set it")
    for odd in (" {}", "{} ", " "):
        line = refused(variable, odd.format(SECRET), monkeypatch, capsys)
        assert line.startswith(f"Error: AWS is not configured: {variable} {ENDS}: set it")


@pytest.mark.parametrize("variable", [*WORDS, *PROXIES])
def test_a_blank_inside_is_told_where_none_can_be(
    variable: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"{variable} contains a space:" in refused(variable, f"a {SECRET}", monkeypatch, capsys)


@pytest.mark.parametrize("variable", [*WORDS, *TEXTS, *ENDPOINTS])
def test_an_empty_variable_is_named(
    variable: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(variable, "", monkeypatch, capsys)
    assert f"{variable} is empty: give it a value, or unset it." in line


@pytest.mark.parametrize("value", ["", " ", "us-east-2\n", "us east"])
@pytest.mark.parametrize("variable", [DEFAULT_REGION, *ENDPOINTS])
def test_what_a_file_may_hold_too_is_named_by_its_variable(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert variable in refused(variable, value, monkeypatch, capsys)


def test_blanks_that_belong_there_and_empty_ones_that_mean_none_pass() -> None:
    refuse_odd_variables(
        {
            "AWS_PROFILE": "our orders",
            "AWS_CONFIG_FILE": "/home/of us/config",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "Bearer x",
            "HTTP_PROXY": "",
            "AWS_SESSION_TOKEN": "",
            "AWS_EXECUTION_ENV": "AWS Cloud Shell ",
        }
    )
