"""Wrong credentials and endpoints are named before any request, and their values never shown."""

from collections.abc import Callable
from pathlib import Path

import pytest

from checkout_assets.cli.main import run
from checkout_assets.definitions import build_resources
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.locations import check_reachable
from checkout_assets.settings import Settings
from checkout_assets_tests.fault_proxy import FaultProxy
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace

SECRET = "made-up-secret"
Refused = Callable[[], str]


@pytest.fixture
def refused(
    place: OrdersPlace,
    proxy: FaultProxy,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Refused:
    """What copy says in its one line; nothing was asked of S3, and nothing secret is said."""
    for name in ("source", "raw"):
        monkeypatch.setenv(f"CHECKOUT_{name.upper()}_URI", getattr(place, name).uri)

    def refused() -> str:
        assert run(["copy", FOLDER]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert SECRET not in line
        assert not proxy.seen
        return line

    return refused


@pytest.mark.parametrize(
    "value", [f"{SECRET}\n", f" {SECRET}", f"{SECRET}\r", f"made-up\t{SECRET}", f"{SECRET}\u200b"]
)
@pytest.mark.parametrize(
    "variable",
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"],
)
def test_a_blank_in_a_credential_is_told_by_its_variable(
    refused: Refused, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert refused().startswith(f"Error: {variable} contains a space, a line break")


@pytest.mark.parametrize("token", ["aws_session_token", "aws_security_token"])
def test_a_blank_in_a_file_s_token_is_told_by_the_name_it_has_there(
    refused: Refused, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, token: str
) -> None:
    entries = f"aws_access_key_id = AK\naws_secret_access_key = {SECRET}\n{token} = to ken\n"
    of_profile(entries, monkeypatch, tmp_path, "AWS_SHARED_CREDENTIALS_FILE", "orders")
    assert f'{token} of the profile "orders" in the AWS credentials' in refused()


@pytest.mark.parametrize(
    "entry",
    [
        "role_arn = \u200barn:aws:iam::111111111111:role/x",
        'role_arn = "arn:aws:iam::111111111111:role/x"',
        "role_arn = arn:aws:iam::111111111111:role/x y",
        "source_profile = base\u200b",
        'source_profile = "base"',
        "credential_process = \ufeff/bin/credentials",
        "credential_process = /bin/credentials\u200b",
    ],
)
def test_an_odd_character_in_an_entry_of_a_profile_is_told_by_its_name(
    refused: Refused, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, entry: str
) -> None:
    of_profile(entry, monkeypatch, tmp_path, "AWS_CONFIG_FILE", "profile orders")
    name = entry.split(" ", maxsplit=1)[0]
    assert f'not configured: {name} of the profile "orders" in the AWS config' in refused()


def of_profile(
    entries: str, monkeypatch: pytest.MonkeyPatch, directory: Path, variable: str, section: str
) -> None:
    """Have AWS's libraries read these entries of the profile orders."""
    file = directory / "file"
    file.write_text(f"[{section}]\nregion = us-east-1\n{entries}\n")
    monkeypatch.setenv(variable, str(file))
    monkeypatch.setenv("AWS_PROFILE", "orders")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")


def test_a_blank_in_a_credentials_file_is_told_by_its_entry(
    refused: Refused, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "credentials"
    file.write_text(f"[orders]\naws_access_key_id = AK IA\naws_secret_access_key = {SECRET}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_PROFILE", "orders")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert 'aws_access_key_id of the profile "orders" in the AWS credentials' in refused()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("localhost:9000", "is not a URL"),
        (f"user:{SECRET}@localhost:9000", "is not a URL"),
        ("ftp://localhost:9000", "does not begin with http:// or https://"),
        (f"http://user:{SECRET}@localhost:9000", "a user name or a password"),
        ("http://localhost:9000?a=b", "a query or a fragment"),
        ("http://localhost:9000/s3?", "a query or a fragment"),
        ("http://localhost:9000/s3#part", "a query or a fragment"),
        ("http://localhost:9000 ", "a space"),
        ("http://localhost:9000\n", "a space"),
        ("http://localhost:9000//s3", "an empty, . or .. segment"),
        ("http://localhost:9000/../s3", "an empty, . or .. segment"),
    ],
)
@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"])
def test_an_endpoint_that_is_not_one_is_told_by_its_variable(
    refused: Refused, monkeypatch: pytest.MonkeyPatch, variable: str, url: str, said: str
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
    monkeypatch.setenv(variable, url)
    line = refused()
    assert "AWS_ENDPOINT_URL_S3" in line
    assert said in line


def test_dagster_says_the_same(place: OrdersPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(source_uri=place.source.uri, raw_uri=place.raw.uri)
    engine = build_resources(settings)["copy_engine"]
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", f"{SECRET}\n")
    with pytest.raises(UsageError, match="AWS_SECRET_ACCESS_KEY contains a space"):
        engine.engine()


def test_a_role_is_assumed_with_usable_credentials_only(
    place: OrdersPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", f"{SECRET}\n")
    with pytest.raises(UsageError, match="AWS_ACCESS_KEY_ID contains a space"):
        check_reachable({"raw": place.raw}, role_arn="arn:aws:iam::222222222222:role/copy")
