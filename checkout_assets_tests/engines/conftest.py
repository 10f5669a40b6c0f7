"""Fixtures of the engines' tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.fault_proxy import FaultProxy
from checkout_assets_tests.orders_place import OrdersPlace


@pytest.fixture
def place(aws: EmbeddedS3Server, tmp_path: Path) -> OrdersPlace:
    """Fresh buckets on the S3 server, which the AWS variables name."""
    return OrdersPlace(tmp_path)


@pytest.fixture
def proxy(
    place: OrdersPlace, aws: EmbeddedS3Server, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FaultProxy]:
    """The same server behind a proxy; ``place`` itself speaks to the server directly."""
    with FaultProxy(aws.endpoint_url).serving() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint_url)
        yield proxy
