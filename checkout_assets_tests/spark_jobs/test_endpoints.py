"""Both transports ask the same place: what botocore resolves for its own requests."""

from itertools import product
from typing import Any
from urllib.parse import urlsplit

import pytest

from checkout_assets_tests.fault_proxy import FaultProxy
from spark_jobs.stores import S3Store, StoreError, StoreTerms
from spark_jobs.stores.s3 import s3_client
from spark_jobs.stores.sessions import new_session

BUCKETS = ["bucket", "my.bucket", "My_Bucket", "point-abcdefghijklmnop-s3alias"]
REGIONS = ["us-east-1", "us-east-2", "us-gov-west-1", "cn-north-1", "aws-global"]
CUSTOM = ["", "http://host:9000", "http://host:9000/s3", "https://bucket.host/a/b/"]
VARIANTS = [
    {},
    {"AWS_USE_FIPS_ENDPOINT": "true"},
    {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
    {"AWS_USE_FIPS_ENDPOINT": "true", "AWS_USE_DUALSTACK_ENDPOINT": "true"},
    {"AWS_S3_US_EAST_1_REGIONAL_ENDPOINT": "legacy"},
]


class SentError(Exception):
    """Stops a request of botocore's where it would leave."""


def sent_by_botocore(client: Any, bucket: str) -> tuple[str, str]:
    """The URL without its query, and the region in the signature."""

    def stop(request: Any, **_: object) -> None:
        raise SentError(request.url, request.headers["Authorization"])

    client.meta.events.register("before-send.s3", stop)
    with pytest.raises(SentError) as sent:
        client.get_object(Bucket=bucket, Key="a/b")
    url, signature = sent.value.args
    return url, signature.decode().split("/")[2]


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: "+".join(variant) or "plain")
def test_the_address_is_that_of_botocores_own_requests(
    variant: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variant.items():
        monkeypatch.setenv(name, value)
    for custom in CUSTOM:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", custom)
        if not custom:
            monkeypatch.delenv("AWS_ENDPOINT_URL_S3")
        session = new_session()
        for region, bucket in product(REGIONS, BUCKETS):
            if region == "cn-north-1" and "AWS_USE_FIPS_ENDPOINT" in variant:
                continue  # China has none
            store = S3Store(bucket, "", s3_client(session, region), session)
            wanted, signed_for = sent_by_botocore(s3_client(session, region), bucket)
            host, path = store.endpoint.address(bucket, "a/b")
            scheme = urlsplit(store.endpoint.url).scheme
            assert f"{scheme}://{host}{path}" == wanted
            assert store.endpoint.region == signed_for


@pytest.mark.usefixtures("keys")
def test_the_addressing_style_of_the_config_file_counts(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text("[default]\nregion = us-east-2\ns3 =\n  addressing_style = path\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    host, path = S3Store("bucket", "").endpoint.address("bucket", "a")
    assert (host, path) == ("s3.us-east-2.amazonaws.com", "/bucket/a")


@pytest.mark.usefixtures("keys")
def test_an_endpoint_that_does_not_exist_is_the_stores_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-2")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://host:9000/?a=b")
    with pytest.raises(StoreError):
        list(S3Store("bucket", "").list())


def test_a_server_below_a_path_is_asked_there_by_both_transports(
    aws: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FaultProxy(aws.endpoint_url, below="/s3").serving() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"{proxy.endpoint_url}/s3")
        store = S3Store("below-a-path", "")
        where = {"LocationConstraint": "us-east-2"}
        store.client.create_bucket(Bucket=store.bucket, CreateBucketConfiguration=where)
        store.put("a b/c", b"one")
        assert [entry.key for entry in store.list()] == ["a b/c"]
        ((_, blob),) = store.read_many(["a b/c"])
        assert blob.data == b"one"  # type: ignore[union-attr]


def test_terms_go_with_every_request_of_a_client() -> None:
    terms = StoreTerms("1" * 12, True, "aws:kms", "a-key")
    assert dict(terms.headers()) == {
        "x-amz-expected-bucket-owner": "1" * 12,
        "x-amz-request-payer": "requester",
    }
    assert dict(terms.write_headers()) == {
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": "a-key",
        "x-amz-server-side-encryption-bucket-key-enabled": "true",
    }
    assert StoreTerms().headers() == StoreTerms().write_headers() == []
