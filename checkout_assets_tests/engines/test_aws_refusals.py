"""Whatever botocore or awscrt refuses of the AWS variables and files is one line and exit 2."""

import ssl
from collections.abc import Mapping
from pathlib import Path

import pytest

from checkout_assets.cli.main import run
from checkout_assets.definitions import build_resources
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.aws_explained import unusable_certificates
from checkout_assets.engines.ec2.api import ec2_clients
from checkout_assets.engines.emr.api import emr_clients
from checkout_assets.settings import Settings
from checkout_assets_tests.fault_proxy import FaultProxy
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace

SECRET = "made-up-secret"
ROLE = "arn:aws:iam::111111111111:role/orders"
KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
PROGRAM = "credential_process in the AWS config file"


@pytest.fixture
def configured(
    place: OrdersPlace, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Places in the environment; what tests write into config files lies where they work."""
    assert proxy.endpoint_url
    monkeypatch.setenv("CHECKOUT_SOURCE_URI", place.source.uri)
    monkeypatch.setenv("CHECKOUT_RAW_URI", place.raw.uri)
    monkeypatch.setenv("CHECKOUT_LAKE_URI", str(place.lake.path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    Path("empty").touch()


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line of a command that exits 2."""
    assert run(words or ("copy", FOLDER)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Error: ")
    assert SECRET not in line
    return line


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"AWS_REGION": ""}, "AWS_REGION is empty"),
        ({"AWS_REGION": "us-east-2\n"}, "AWS_REGION holds a line break"),
        ({"AWS_REGION": "a b"}, "AWS_REGION contains a space"),
        ({"AWS_PROFILE": "no-such"}, "profile (no-such) could not be found"),
        ({"AWS_MAX_ATTEMPTS": "x"}, "check AWS_MAX_ATTEMPTS"),
        ({"AWS_MAX_ATTEMPTS": "0"}, "max_attempts"),
        ({"AWS_RETRY_MODE": "x"}, "legacy"),
        ({"AWS_STS_REGIONAL_ENDPOINTS": "x"}, "check AWS_STS_REGIONAL_ENDPOINTS"),
        ({"AWS_S3_US_EAST_1_REGIONAL_ENDPOINT": "x"}, "regional endpoint option x is invalid"),
        ({"AWS_DEFAULTS_MODE": "x"}, "check AWS_DEFAULTS_MODE"),
        ({"AWS_REQUEST_CHECKSUM_CALCULATION": "x"}, "check AWS_REQUEST_CHECKSUM_CALCULATION"),
        ({"AWS_ACCOUNT_ID_ENDPOINT_MODE": "x"}, "check AWS_ACCOUNT_ID_ENDPOINT_MODE"),
        ({"AWS_METADATA_SERVICE_TIMEOUT": "x"}, "check AWS_METADATA_SERVICE_TIMEOUT"),
        ({"http_proxy": "http://[bad"}, "HTTP_PROXY does not hold the URL of a proxy"),
        ({"http_proxy": f"http://u:{SECRET}@127.0.0.1:x"}, "HTTP_PROXY does not hold the URL"),
        ({"http_proxy": "http://127.0.0.1:9"}, "The proxy on the way to http://127.0.0.1"),
        (
            {"AWS_ENDPOINT_URL_S3": "https://127.0.0.1:9", "AWS_CA_BUNDLE": "/nonexistent/ca"},
            "The file of certificates /nonexistent/ca cannot be used (No such file",
        ),
        (
            {"AWS_ENDPOINT_URL_S3": "https://127.0.0.1:9", "REQUESTS_CA_BUNDLE": "empty"},
            "The file of certificates empty cannot be used (it holds no certificate)",
        ),
    ],
)
@pytest.mark.usefixtures("configured")
def test_a_variable_that_the_libraries_refuse(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    variables: Mapping[str, str],
    said: str,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert said in refused(capsys)


def test_certificates_are_read_once_until_their_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def create(cafile: str) -> None:
        read.append(cafile)

    monkeypatch.setattr(ssl, "create_default_context", create)
    file = tmp_path / "ca"
    for content in ("one", "another"):
        file.unlink(missing_ok=True)
        file.write_text(content)
        assert [unusable_certificates(str(file)) for _ in range(3)] == ["", "", ""]
    assert read == [str(file)] * 2


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("[default\n", "Unable to parse config file"),
        ("[default]\ns3 = text\n", "it has an unexpected form (AttributeError)"),
        ("[default]\napi_versions = text\n", "it has an unexpected form (AttributeError)"),
        ("[default]\ns3 =\n  addressing_style = x\n", "S3 addressing style x is invalid"),
        ("[default]\nservices = none\n", '"none" services configuration does not exist'),
        ("[default]\nmax_attempts = x\n", "max_attempts in the AWS config file"),
    ],
)
@pytest.mark.usefixtures("configured")
def test_a_config_file_that_the_libraries_refuse(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, config: str, said: str
) -> None:
    Path("config").write_text(config)
    monkeypatch.setenv("AWS_CONFIG_FILE", "config")
    if "services" in config:
        monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    assert said in refused(capsys)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("credential_process = /nonexistent/program", "/nonexistent/program"),
        (f"credential_process = sh -c 'echo {SECRET} >&2; exit 3'", PROGRAM),
        (f"credential_process = echo {SECRET}", PROGRAM),
        ("credential_process = echo []", PROGRAM),
        (f'credential_process = echo \'{{"AccessKeyId":"{SECRET}"}}\'', PROGRAM),
        ("credential_process = echo 'x", PROGRAM),
        (f"role_arn = {ROLE}\nsource_profile = none", "check role_arn, source_profile"),
        (f"role_arn = {ROLE}\nweb_identity_token_file = /none/token", "/none/token"),
        ("sso_session = x\nsso_account_id = 1\nsso_role_name = r", "run aws sso login"),
    ],
)
@pytest.mark.usefixtures("configured")
def test_credentials_that_a_file_names_and_nobody_gives(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, config: str, said: str
) -> None:
    Path("config").write_text(f"[default]\n{config}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", "config")
    for name in KEYS:
        monkeypatch.delenv(name)
    line = refused(capsys)
    assert line.startswith("Error: The AWS credentials cannot be read: ")
    assert said in line


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/none/token", "AWS_ROLE_ARN": ROLE}, "/none/token"),
        ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/none/token"}, "AWS_ROLE_ARN"),
        (
            {
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/x",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/none/token",
            },
            "/none/token: check AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ),
        ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://a.example/x"}, "AWS_CONTAINER_CREDENTIALS"),
    ],
)
@pytest.mark.usefixtures("configured")
def test_credentials_that_variables_name_and_nobody_gives(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    variables: Mapping[str, str],
    said: str,
) -> None:
    for name in KEYS:
        monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert said in refused(capsys)


@pytest.mark.parametrize(
    "words",
    [
        ("structure", FOLDER),
        ("reconcile", FOLDER),
        ("quarantine", "list", "--lake", "s3://lake-of-nobody/x"),
        ("access", "status"),
        ("access", "grant"),
        ("access", "revoke"),
    ],
)
@pytest.mark.usefixtures("configured")
def test_every_command_says_the_same(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("AWS_REGION", "")
    assert "AWS_REGION is empty" in refused(capsys, *words)


@pytest.mark.usefixtures("configured")
def test_dagster_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    resources = build_resources(Settings())
    monkeypatch.setenv("AWS_PROFILE", "no-such")
    for name in ("copy_engine", "structure_engine", "reconciler"):
        with pytest.raises(UsageError, match=r"profile \(no-such\) could not be found"):
            resources[name].engine()
    for make in (ec2_clients, emr_clients):
        with pytest.raises(UsageError, match=r"profile \(no-such\) could not be found"):
            make()


@pytest.mark.parametrize(
    "instant", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00", "2026-01-31T00:00:00"]
)
@pytest.mark.usefixtures("configured")
def test_an_instant_that_no_calendar_holds_in_utc(
    capsys: pytest.CaptureFixture[str], instant: str
) -> None:
    said = f'"{instant}" is not a timestamp with a time zone'
    assert said in refused(capsys, "copy", "--as-of", instant, FOLDER)
    report = ("copy", "--report", "s3://bucket/fleet", "--deadline", instant, FOLDER)
    assert said in refused(capsys, *report)
