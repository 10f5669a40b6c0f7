"""Fixtures of the tests of the whole system."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from checkout_assets_tests.browsing import HEIGHT, WIDTH
from checkout_assets_tests.fault_proxy import FaultProxy
from checkout_assets_tests.held_documents import HeldS3
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace


@pytest.fixture
def held(place: OrdersPlace) -> Iterator[HeldS3]:
    """A copied folder, and an S3 through which its documents cannot be read."""
    place.put(f"{FOLDER}/A/id/1", b'{"Id":"1","LastChange":"2018-10-31"}')
    place.copy_one()
    with FaultProxy(os.environ["AWS_ENDPOINT_URL_S3"]).serving() as proxy:
        held = HeldS3(proxy)
        yield held
        held.release.set()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a window, on a desktop's screen."""
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    for flag in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        f"--window-size={WIDTH},{HEIGHT}",
    ):
        options.add_argument(flag)
    # Both as the system has them: selenium would else download its own.
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()
