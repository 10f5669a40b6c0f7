"""What tests of engines share: a local EC2, and folders that are copied on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from checkout_assets_tests.ec2_place import Ec2Place
from checkout_assets_tests.forked_python import ForkedPython
from checkout_assets_tests.local_ec2.local_ec2 import LocalEc2
from checkout_assets_tests.orders_place import OrdersPlace


@pytest.fixture
def ec2(forked_python: ForkedPython) -> Iterator[LocalEc2]:
    """A local EC2 whose instances copy by the worker of this version."""
    with LocalEc2(python=forked_python.command).running() as local:
        yield local


@pytest.fixture
def on_ec2(place: OrdersPlace, ec2: LocalEc2, package: Path) -> Ec2Place:
    """Four folders at a source, to be copied on the local EC2."""
    found = Ec2Place(ec2, place, package)
    found.fill()
    return found
