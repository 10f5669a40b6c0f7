"""Stores of both kinds, so that each test runs with both."""

import uuid
from pathlib import Path

import pytest

from spark_jobs.stores import Store, open_store


@pytest.fixture(params=["disk", "s3"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store."""
    if request.param == "disk":
        return open_store(str(tmp_path / "lake"))
    server = request.getfixturevalue("aws")
    bucket = f"lake-{uuid.uuid4().hex[:12]}"
    server.client().create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-east-2"}
    )
    return open_store(f"s3://{bucket}/some/prefix")
