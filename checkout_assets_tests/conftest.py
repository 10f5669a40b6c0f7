"""The S3 server that all tests share, and the variables by which a test reaches it."""

from collections.abc import Iterator

import pytest

from checkout_assets.sample.s3_server import EmbeddedS3Server


@pytest.fixture(scope="session")
def s3_server() -> Iterator[EmbeddedS3Server]:
    """A real S3 API server; tests make buckets of their own."""
    with EmbeddedS3Server() as server:
        yield server


@pytest.fixture
def aws(s3_server: EmbeddedS3Server, monkeypatch: pytest.MonkeyPatch) -> EmbeddedS3Server:
    """The server, named by the standard AWS variables for this test."""
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    return s3_server
