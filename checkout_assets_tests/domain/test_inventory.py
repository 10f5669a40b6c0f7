"""The manifest of an S3 Inventory: each of its fields is read as S3 writes it, or refused."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from checkout_assets.domain.planning.inventory import (
    CSV,
    PARQUET,
    InvalidInventoryError,
    InventoryFile,
    InventoryManifest,
    parse_inventory_manifest,
)

MD5 = "0123456789abcdef0123456789abcdef"
FIELDS = "Bucket, Key, Size, StorageClass, IsMultipartUploaded, EncryptionStatus"


def parsed(**changed: Any) -> InventoryManifest:
    given = {
        "sourceBucket": "orders",
        "destinationBucket": "arn:aws:s3:::inventories",
        "creationTimestamp": "1514944800000",
        "fileFormat": "CSV",
        "fileSchema": FIELDS,
        "files": [{"key": "a.csv.gz", "size": 1, "MD5checksum": MD5}],
        **changed,
    }
    return parse_inventory_manifest(json.dumps(given).encode())


def test_each_field_is_read() -> None:
    manifest = parsed()
    assert manifest == InventoryManifest(
        "orders",
        "inventories",
        CSV,
        datetime(2018, 1, 3, 2, tzinfo=UTC),
        tuple(FIELDS.split(", ")),
        (InventoryFile("a.csv.gz", MD5),),
    )
    assert manifest.lacking == ()


@pytest.mark.parametrize(
    ("left_out", "lacking"),
    [
        ("StorageClass", ("StorageClass",)),
        ("IsMultipartUploaded", ("IsMultipartUploaded",)),
        ("EncryptionStatus", ("EncryptionStatus",)),
        ("Bucket", ()),
    ],
)
def test_an_optional_field_that_is_left_out_is_named(
    left_out: str, lacking: tuple[str, ...]
) -> None:
    left = [each for each in FIELDS.split(", ") if each != left_out]
    assert parsed(fileSchema=", ".join(left)).lacking == lacking


def test_formats_and_checksums_are_read_in_any_case() -> None:
    schema = "message s3.inventory { required binary key (STRING); optional int64 size; }"
    assert parsed(fileFormat="PARQUET", fileSchema=schema).file_format == PARQUET
    assert parsed(fileFormat="csv").file_format == CSV
    upper = [{"key": "a", "MD5checksum": MD5.upper()}]
    assert parsed(files=upper).files == (InventoryFile("a", MD5),)


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_a_bucket_is_named_by_its_arn_in_any_partition(partition: str) -> None:
    arn = f"arn:{partition}:s3:::inventories.of-2026_x"
    assert parsed(destinationBucket=arn).bucket == "inventories.of-2026_x"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"sourceBucket": ""}, "its sourceBucket is missing"),
        ({"sourceBucket": "orders/a"}, "its sourceBucket is not the name or ARN of a bucket"),
        ({"sourceBucket": "ab"}, "its sourceBucket is not the name or ARN of a bucket"),
        ({"sourceBucket": "a" * 256}, "its sourceBucket is not the name or ARN of a bucket"),
        ({"creationTimestamp": 1514944800000}, "its creationTimestamp is missing"),
        ({"creationTimestamp": "9" * 17}, "its creationTimestamp is not a time"),
        ({"files": "abc"}, "its list of files is missing or empty"),
        ({"files": [{"key": "", "MD5checksum": MD5}]}, "its key is missing"),
        ({"files": [{"key": "a", "MD5checksum": f"{MD5}0"}]}, "is not an MD5"),
        ({"files": [{"key": "a", "MD5checksum": f"0{MD5}"}]}, "is not an MD5"),
    ],
)
def test_a_field_of_another_form_is_refused(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInventoryError, match=said):
        parsed(**changed)
