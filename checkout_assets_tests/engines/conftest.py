"""Fixtures of the engines' tests."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from checkout_assets_tests.fault_proxy import FaultProxy
from checkout_assets_tests.orders_place import OrdersPlace

if TYPE_CHECKING:
    from checkout_assets.sample.s3_server import EmbeddedS3Server


@pytest.fixture
def place(
    s3_server: "EmbeddedS3Server", monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> OrdersPlace:
    """Fresh buckets on the S3 server, which the AWS variables name."""
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    return OrdersPlace(tmp_path)


@pytest.fixture
def proxy(
    place: OrdersPlace, s3_server: "EmbeddedS3Server", monkeypatch: pytest.MonkeyPatch
) -> Iterator[FaultProxy]:
    """The same server behind a proxy; ``place`` itself speaks to the server directly."""
    with FaultProxy(s3_server.endpoint_url).serving() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint_url)
        yield proxy
