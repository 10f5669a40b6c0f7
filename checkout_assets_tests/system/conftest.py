"""Fixtures of the tests of the whole system."""

from pathlib import Path

import pytest

from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.orders_place import OrdersPlace


@pytest.fixture
def place(aws: EmbeddedS3Server, tmp_path: Path) -> OrdersPlace:
    """Fresh buckets on the S3 server, which the AWS variables name."""
    return OrdersPlace(tmp_path)
