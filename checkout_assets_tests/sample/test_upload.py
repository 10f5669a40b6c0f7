"""Uploading the sample: the server has exactly what the generator made."""

import hashlib
import uuid
from typing import Any
from urllib.parse import unquote_plus

import pytest

from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets.sample.source import SampleObject, SampleOptions, source_objects
from checkout_assets.sample.upload import upload
from spark_jobs.store_errors import StoreError
from spark_jobs.stores import S3Store, open_store


def store_of(uri: str) -> S3Store:
    store = open_store(uri)
    assert isinstance(store, S3Store)
    return store


def listed(client: Any, bucket: str, prefix: str) -> dict[str, str]:
    """Key to ETag, by pages whose keys come percent-encoded and are decoded here."""
    pages = client.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=prefix, EncodingType="url"
    )
    return {
        unquote_plus(each["Key"]).removeprefix(prefix): each["ETag"].strip('"')
        for page in pages
        for each in page.get("Contents", [])
    }


@pytest.fixture
def bucket(aws: EmbeddedS3Server) -> str:
    name = f"sample-{uuid.uuid4().hex}"
    aws.client().create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-east-2"}
    )
    return name


def test_every_object_arrives_under_its_key_with_its_bytes(
    aws: EmbeddedS3Server, bucket: str
) -> None:
    made: dict[str, str] = {}
    sizes: list[int] = []

    def remembered(each: SampleObject) -> SampleObject:
        made[each.key] = hashlib.md5(each.body, usedforsecurity=False).hexdigest()
        return each

    objects = map(remembered, source_objects(SampleOptions(documents=1_600)))
    count = upload(objects, store_of(f"s3://{bucket}/orders"), sizes.append)
    assert listed(aws.client(), bucket, "orders/") == made
    assert count == len(made) == len(sizes)


def test_type_and_metadata_arrive_too(aws: EmbeddedS3Server, bucket: str) -> None:
    key = "22_FulfillmentOrder/AF/id/a b+c\u202e\n"
    found = SampleObject(key, b"{}", "application/x-sample", {"written-by": "a-test"})
    assert upload([found], store_of(f"s3://{bucket}/typed"), lambda _: None) == 1
    head = aws.client().head_object(Bucket=bucket, Key=f"typed/{key}")
    assert (head["ContentType"], head["Metadata"]) == (found.content_type, found.metadata)


def test_a_bucket_that_is_not_there_is_loud(aws: EmbeddedS3Server) -> None:
    objects = [SampleObject(f"00_CheckoutOrder/AF/id/{n}", b"{}") for n in range(100)]
    with pytest.raises(StoreError):
        upload(objects, store_of("s3://no-such-bucket"), lambda _: None)
