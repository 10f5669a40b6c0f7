"""What tests share: the S3 server and how a test reaches it, and the packaged EC2 worker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests import properties
from checkout_assets_tests.worker_machine import build_worker

properties.load_profile()


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


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The EC2 worker, packaged; nobody changes it."""
    directory = tmp_path_factory.mktemp("package") / "dist"
    build_worker(directory)
    return directory


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the browser tests keep the pictures that README.md shows."""
    parser.addoption("--pictures", type=Path, help="directory for the pictures of README.md")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by their argument: gzip's hold the time, and processes must agree on names."""
    if isinstance(val, bytes) and not (val.isascii() and val.decode().isprintable()):
        return argname
    return None
