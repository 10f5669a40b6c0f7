"""The S3 resource: its clients are those of dagster-aws, and load no model that is loaded."""

from typing import Any

import botocore.loaders
import pytest
from dagster_aws.s3 import S3Resource

from checkout_assets.definitions import build_resources
from checkout_assets.resources.s3 import SharedModelS3Resource
from checkout_assets.settings import Settings


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-3")


def test_a_second_client_of_the_stores_loads_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    stores = build_resources(Settings())["reconciler"].stores
    stores.new_client()
    loaded: list[str] = []
    load = botocore.loaders.JSONFileLoader.load_file

    def load_file(loader: Any, path: str) -> Any:
        loaded.append(path)
        return load(loader, path)

    monkeypatch.setattr(botocore.loaders.JSONFileLoader, "load_file", load_file)
    stores.new_client()
    assert loaded == []


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"max_attempts": 6, "region_name": "us-east-2"},
        {"endpoint_url": "https://s3.internal:9000", "verify": False},
        {"use_ssl": False, "region_name": "us-east-1"},
        {"aws_access_key_id": "a", "aws_secret_access_key": "b", "aws_session_token": "c"},
        {"use_unsigned_session": True},
    ],
    ids=str,
)
def test_a_client_is_that_of_dagster_aws(settings: dict[str, Any]) -> None:
    ours, theirs = SharedModelS3Resource(**settings), S3Resource(**settings)
    assert told_of(ours.get_client()) == told_of(theirs.get_client())


def test_a_profile_is_that_of_the_config_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "config").write_text("[profile other]\nregion = us-west-2\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.delenv("AWS_REGION", raising=False)
    client = SharedModelS3Resource(profile_name="other").get_client()
    assert client.meta.region_name == "us-west-2"


def told_of(client: Any) -> dict[str, Any]:
    """What decides how a client sends a request, and whether it signs it."""
    url = client.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
    signed = "Signature" in url
    known = client._request_signer._credentials if signed else None
    return {
        "endpoint": client.meta.endpoint_url,
        "region": client.meta.region_name,
        "retries": client.meta.config.retries,
        "verify": client._endpoint.http_session._verify,
        "signed": signed,
        "credentials": known and known.get_frozen_credentials(),
    }
