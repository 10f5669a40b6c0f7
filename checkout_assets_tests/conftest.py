"""Shared fixtures: the S3 server, a local EMR, the packaged EC2 worker, a waiting process."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests import properties
from checkout_assets_tests.worker_machine import build_worker

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from checkout_assets_tests.dagster_files import DagsterFiles
    from checkout_assets_tests.fault_proxy import FaultProxy
    from checkout_assets_tests.forked_python import ForkedPython
    from checkout_assets_tests.local_emr.local_emr import LocalEmr
    from checkout_assets_tests.local_glue import LocalGlue
    from checkout_assets_tests.orders_place import OrdersPlace

properties.load_profile()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[EmbeddedS3Server]:
    """A real S3 API server; each test creates its own buckets."""
    with EmbeddedS3Server() as server:
        yield server


@pytest.fixture
def aws(s3_server: EmbeddedS3Server, monkeypatch: pytest.MonkeyPatch) -> EmbeddedS3Server:
    """The server, named by the standard AWS variables for this test."""
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    return s3_server


@pytest.fixture(scope="module")
def spark(s3_server: EmbeddedS3Server) -> "Iterator[SparkSession]":
    """One Spark session for all tests of a module; its tasks know the S3 server."""
    from checkout_assets_tests.spark_sessions import local_session

    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3_server.environment().items():
            patch.setenv(name, value)
        with local_session("local[2]") as session:
            yield session


@pytest.fixture
def place(aws: EmbeddedS3Server, tmp_path: Path) -> "OrdersPlace":
    """Fresh buckets on the S3 server, which the AWS variables name."""
    from checkout_assets_tests.orders_place import OrdersPlace

    return OrdersPlace(tmp_path)


@pytest.fixture
def proxy(
    aws: EmbeddedS3Server, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> "Iterator[FaultProxy]":
    """The server behind a proxy that the AWS variables name; ``place`` asks the server itself."""
    from checkout_assets_tests.fault_proxy import FaultProxy

    if "place" in request.fixturenames:
        request.getfixturevalue("place")
    with FaultProxy(aws.endpoint_url).serving() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint_url)
        yield proxy


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packaged EC2 worker, which tests must not change."""
    directory = tmp_path_factory.mktemp("package") / "dist"
    build_worker(directory)
    return directory


@pytest.fixture(scope="session")
def forked_python(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[ForkedPython]":
    """Python processes that have imported what the worker and a step of compaction need."""
    from checkout_assets_tests.forked_python import ForkedPython

    modules = (
        "awscrt.s3",
        "boto3.s3.transfer",
        "checkout_assets.cli.copy",
        "checkout_assets.cli.copy_reporting",
        "checkout_assets.engines.copying.engine",
        "checkout_assets.engines.planning.planning",
        "pyarrow.parquet",
        "spark_jobs.compaction.planned",
    )
    with ForkedPython(tmp_path_factory.mktemp("forked"), modules).running() as forked:
        yield forked


@pytest.fixture(scope="session")
def dagster_files(tmp_path_factory: pytest.TempPathFactory) -> "DagsterFiles":
    """Dagster instances with files of their own."""
    from checkout_assets_tests.dagster_files import DagsterFiles

    return DagsterFiles(tmp_path_factory.mktemp("dagster_files"))


@pytest.fixture
def emr(monkeypatch: pytest.MonkeyPatch) -> "Iterator[LocalEmr]":
    """A local EMR whose steps are a script of one line."""
    from checkout_assets_tests.local_emr.commands import one_line_script
    from checkout_assets_tests.local_emr.local_emr import LocalEmr

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with LocalEmr(one_line_script).running() as local:
        yield local


@pytest.fixture(scope="module")
def shared_schemas() -> Iterator[None]:
    """pyiceberg's copies of a table's metadata share its schema, which is frozen.

    It copies all of it whenever a change looks at it, some ten times, which is most of a commit.
    """
    from pyiceberg.schema import Schema

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Schema, "__deepcopy__", lambda schema, _memo: schema, raising=False)
        yield


@pytest.fixture
def local_glue(monkeypatch: pytest.MonkeyPatch) -> "Iterator[LocalGlue]":
    """An empty Glue that the AWS variables name; S3 stays where it is."""
    from checkout_assets_tests.local_glue import LocalGlue

    with LocalGlue().serving() as local:
        monkeypatch.setenv("AWS_ENDPOINT_URL_GLUE", local.endpoint_url)
        yield local


@pytest.fixture
def process() -> Iterator["subprocess.Popen[bytes]"]:
    """A process that waits for its input to end."""
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    ) as started:
        yield started
        started.kill()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The directory of the pictures in README.md, which the browser tests create."""
    parser.addoption("--pictures", type=Path, help="directory for the pictures of README.md")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes by their argument: gzip's hold the time, and processes must agree on names."""
    if isinstance(val, bytes) and not (val.isascii() and val.decode().isprintable()):
        return argname
    return None
