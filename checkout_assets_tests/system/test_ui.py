"""The UI of the demo, in a real browser: it shows what the demo left and ends with Ctrl-C."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

START_SECONDS = 120
PAGE_SECONDS = 90
RUN_SECONDS = 300
ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def ui_url() -> Iterator[str]:
    """``make ui`` on the demo of this checkout."""
    if not (ROOT / ".demo").exists():
        subprocess.run(
            [sys.executable, "-m", "checkout_assets.cli.main", "demo"], cwd=ROOT, check=True
        )
    port = free_port()
    ui = subprocess.Popen(
        [sys.executable, "-m", "checkout_assets.demo.ui", "-p", str(port), "-h", "127.0.0.1"],
        cwd=ROOT,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{url}/server_info")
        yield url
    finally:
        ui.send_signal(signal.SIGINT)
        assert ui.wait(60) == 0
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0, "the webserver is still running"


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(url).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)
        else:
            return


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
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
        "--window-size=1500,1300",
    ):
        options.add_argument(flag)
    # Both as the system has them: selenium would else download its own.
    options.binary_location = shutil.which("chromium") or shutil.which("google-chrome") or ""
    service = webdriver.ChromeService(executable_path=shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


def page_with(browser: Any, url: str, *words: str) -> str:
    """The text of a page once all the words stand in it."""
    from selenium.webdriver.common.by import By

    browser.get(url)
    deadline = time.monotonic() + PAGE_SECONDS
    while True:
        text = str(browser.find_element(By.TAG_NAME, "body").text)
        missing = [word for word in words if word not in text]
        if not missing:
            return text
        assert time.monotonic() < deadline, f"{url} never showed {missing}; it shows: {text[:2000]}"
        time.sleep(1)


def test_the_group_shows_the_assets_from_the_source_to_the_tables_all_filled(
    browser: Any, ui_url: str
) -> None:
    page_with(
        browser,
        f"{ui_url}/asset-groups/",
        "source_orders",
        "raw_orders",
        "structured_orders",
        "checkout",
        "fulfillment",
        "reconciliation",
        "Materialize all (3)",
    )
    page_with(browser, f"{ui_url}/assets/raw_orders?view=partitions", "Materialized", "512")


def test_reconciliation_is_the_page_to_open_first(browser: Any, ui_url: str) -> None:
    page_with(browser, f"{ui_url}/assets/reconciliation", "folders_red", "🟩", "🟨")


def test_the_page_of_folder_86_tells_its_counts(browser: Any, ui_url: str) -> None:
    page_with(
        browser,
        f"{ui_url}/assets/structured_orders?view=partitions&partition=86_FulfillmentOrder",
        "86_FulfillmentOrder",
        "Materialized",
        "nested",
    )


def test_the_checks_name_folder_86_and_only_it(browser: Any, ui_url: str) -> None:
    from selenium.webdriver.common.by import By

    check = "view=checks&checkDetail=no_documents_nested_under_id"
    page_with(browser, f"{ui_url}/assets/raw_orders?{check}", "Latest execution")
    tabs = browser.find_elements(By.XPATH, "//*[normalize-space(text())='Partitions']")
    tabs[-1].click()
    deadline = time.monotonic() + PAGE_SECONDS
    text = ""
    while "(511)" not in text and time.monotonic() < deadline:
        time.sleep(1)
        text = str(browser.find_element(By.TAG_NAME, "body").text)
    assert "Failed (1)" in text, text
    assert "Passed (511)" in text, text


def test_materialize_all_of_one_folder_is_one_green_run(browser: Any, ui_url: str) -> None:
    """The most natural button: all three assets, one of 512 folders."""
    before = newest_run(ui_url)
    browser.get(f"{ui_url}/asset-groups/")
    click(browser, "//button[contains(., 'Materialize all')]")
    click(browser, "//*[contains(text(), 'Select a partition')]")
    box = click(browser, "//input[@placeholder='Filter partitions']")
    box.send_keys("05_CheckoutOrder")
    click(browser, "//*[normalize-space(text())='05_CheckoutOrder']")
    box.send_keys("\ue00c")  # escape closes the list
    click(browser, "//button[contains(., 'Launch 1 run')]")
    deadline = time.monotonic() + RUN_SECONDS
    run = before
    while run == before or run["status"] not in {"SUCCESS", "FAILURE", "CANCELED"}:
        assert time.monotonic() < deadline, run
        time.sleep(1)
        run = newest_run(ui_url)
    assert run["status"] == "SUCCESS"
    steps = {step["stepKey"]: step["status"] for step in run["stepStats"]}
    assert steps == {"migrate_folders": "SUCCESS", "reconciliation": "SUCCESS"}


def click(browser: Any, path: str) -> Any:
    """Click what is found by XPath as soon as it can be clicked."""
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.common.by import By

    deadline = time.monotonic() + PAGE_SECONDS
    while True:
        with suppress(WebDriverException):
            found = [each for each in browser.find_elements(By.XPATH, path) if each.is_displayed()]
            if found:
                found[-1].click()
                return found[-1]
        assert time.monotonic() < deadline, f"nothing to click: {path}"
        time.sleep(0.5)


def newest_run(url: str) -> dict[str, Any]:
    query = (
        "{runsOrError(limit: 1) {... on Runs {results {runId status stepStats {stepKey status}}}}}"
    )
    request = urllib.request.Request(
        f"{url}/graphql",
        json.dumps({"query": query}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        (run,) = json.loads(answer.read())["data"]["runsOrError"]["results"]
    return dict(run)


def test_what_dagster_keeps_holds_no_content_and_no_object_name(ui_url: str) -> None:
    """Metadata, events, logs: searched for what the sample planted in documents and names."""
    from checkout_assets.sample.documents import ATTACHMENT_MARKER, CARD_MARKER

    planted = [CARD_MARKER, ATTACHMENT_MARKER, "comprador@example.com", "XYZ-PED", "february-31"]
    kept = [path for path in (ROOT / ".demo" / "dagster").rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in kept)
    for path in [*kept, ROOT / ".demo" / "s3.log"]:
        data = path.read_bytes()
        assert not [word for word in planted if word.encode() in data], path
