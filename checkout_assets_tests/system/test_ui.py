"""The UI of the demo, in a real browser: it shows what the demo left and ends with Ctrl-C."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from checkout_assets_tests.browsing import (
    HEIGHT,
    PAGE_SECONDS,
    WIDTH,
    click,
    page_shows,
    page_with,
    resources,
)

pytestmark = pytest.mark.browser

START_SECONDS = 300
MOST_BYTES = 200_000
SENTENCE_OF_86 = "3 objects lie nested under id/; they are copied and go to quarantine."
Picture = Callable[[str], None]
PREPARE_PICTURE = """
arguments[0].scrollIntoView();
for (const each of document.querySelectorAll('*'))
  if (!each.children.length && each.textContent.startsWith('file:'))
    each.textContent = each.textContent.replace(/.*[.]demo/, 'file:///srv/demo');
"""
"""The metadata at the top, and no path of the machine that made the picture."""

RUN_SECONDS = 600
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


@pytest.fixture
def picture(browser: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Picture]:
    """Keeps a picture of the present page in the directory of --pictures, if that is given."""
    directory = request.config.getoption("--pictures", None) or tmp_path

    def keep(name: str) -> None:
        browser.save_screenshot(str(directory / name))
        assert (directory / name).stat().st_size < MOST_BYTES

    browser.set_window_size(1500, 1000)
    yield keep
    browser.set_window_size(WIDTH, HEIGHT)


def test_the_groups_show_the_assets_from_the_source_to_the_tables_all_filled(
    browser: Any, ui_url: str
) -> None:
    groups = f"{ui_url}/locations/checkout_assets/asset-groups"
    page_with(
        browser,
        f"{groups}/migration",
        "source_orders",
        "raw_orders",
        "structured_orders",
        "checkout",
        "fulfillment",
        "reconciliation",
        "Materialize all (3)",
    )
    page_with(browser, f"{groups}/analysts", "checkout_orders", "fulfillment_orders")
    page_with(browser, f"{ui_url}/asset-groups/", "migration", "analysts", "Materialize all (5)")
    page_with(browser, f"{ui_url}/assets/raw_orders?view=partitions", "Materialized", "512")


def test_reconciliation_is_the_page_to_open_first(browser: Any, ui_url: str) -> None:
    page_with(browser, f"{ui_url}/assets/reconciliation", "folders_red", "🟩", "🟨")


def test_the_sentence_of_folder_86_is_two_clicks_from_the_start_page(
    browser: Any, ui_url: str, picture: Picture
) -> None:
    browser.get(ui_url)
    clicks = [
        click(browser, "//a[normalize-space()='Catalog']"),
        click(browser, "//a[contains(@href, '/assets/reconciliation')]"),
    ]
    page_shows(browser, "86_FulfillmentOrder", SENTENCE_OF_86, "what to do")
    assert len(clicks) <= 2
    browser.set_window_size(1900, 950)  # the page's table is wide
    browser.execute_script(PREPARE_PICTURE, browser.find_element("xpath", "//*[text()='Metadata']"))
    picture("reconciliation.png")


def test_the_report_opens_from_the_page_of_reconciliation(
    browser: Any, ui_url: str, picture: Picture
) -> None:
    page_with(browser, f"{ui_url}/assets/reconciliation", "report_file")
    here = browser.current_window_handle
    click(browser, "//a[contains(@href, '/reports/') and contains(text(), '/reports/')]")
    try:
        browser.switch_to.window(browser.window_handles[-1])
        page_shows(browser, "86_FulfillmentOrder", SENTENCE_OF_86, "of 512 folders complete")
        assert "/reports/" in browser.current_url
        assert resources(browser) == []
        picture("report.png")
    finally:
        browser.close()
        browser.switch_to.window(here)


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


def test_materialize_all_of_one_folder_is_one_green_run(
    browser: Any, ui_url: str, picture: Picture
) -> None:
    """The most natural button of the migration's group: all three assets, one of 512 folders."""
    before = newest_run(ui_url)["runId"]
    browser.get(f"{ui_url}/locations/checkout_assets/asset-groups/migration")
    choose_folder(browser, "05_CheckoutOrder")
    page_shows(browser, "Launch 1 run")
    picture("materialize.png")
    click(browser, "//button[contains(., 'Launch 1 run')]")
    run = ended_run_after(ui_url, before)
    assert run["status"] == "SUCCESS"
    assert steps_of(run) == {"migrate_folders": "SUCCESS", "reconciliation": "SUCCESS"}


def test_materialize_all_of_the_whole_graph_is_a_green_backfill(browser: Any, ui_url: str) -> None:
    """The months have partitions of their own, so Dagster makes a run per kind of partition."""
    earlier = {run["runId"] for run in newest_runs(ui_url, 100)}
    browser.get(f"{ui_url}/asset-groups/")
    choose_folder(browser, "06_CheckoutOrder")
    click(browser, "//button[contains(., 'Launch backfill')]")
    backfill = wait_for(lambda: ended_backfill(ui_url, earlier))
    assert backfill["status"] == "COMPLETED_SUCCESS"
    runs = [run for run in newest_runs(ui_url, 10) if run["runId"] not in earlier]
    first, *others = [steps_of(run) for run in reversed(runs)]
    assert first == {"migrate_folders": "SUCCESS"}
    assert sorted(map(str, others)) == [
        "{'compact_months': 'SUCCESS'}",
        "{'reconciliation': 'SUCCESS'}",
    ]


def test_a_range_of_months_is_one_run(browser: Any, ui_url: str) -> None:
    before = newest_run(ui_url)["runId"]
    browser.get(f"{ui_url}/assets/checkout_orders")
    click(browser, "//button[contains(., 'Materialize')]")
    click(browser, "//button[normalize-space()='All']")
    click(browser, "//button[starts-with(normalize-space(), 'Launch')]")
    run = ended_run_after(ui_url, before)
    assert run["status"] == "SUCCESS"
    assert steps_of(run) == {"compact_months": "SUCCESS"}


def choose_folder(browser: Any, folder: str) -> None:
    """Press Materialize all, and choose the folder in the dialog."""
    click(browser, "//button[contains(., 'Materialize all')]")
    click(browser, "//*[contains(text(), 'Select a partition')]")
    box = click(browser, "//input[@placeholder='Filter partitions']")
    box.send_keys(folder)
    click(browser, f"//*[normalize-space(text())='{folder}']")
    box.send_keys("\ue00c")  # escape closes the list


def steps_of(run: dict[str, Any]) -> dict[str, str]:
    """How each step of a run ended."""
    return {step["stepKey"]: step["status"] for step in run["stepStats"]}


def ended_run_after(url: str, before: str) -> dict[str, Any]:
    """The newest run, other than the one before, when it has ended."""

    def ended() -> dict[str, Any] | None:
        run = newest_run(url)
        over = run["status"] in {"SUCCESS", "FAILURE", "CANCELED"}
        return run if over and run["runId"] != before else None

    return wait_for(ended)


def wait_for(look: Callable[[], dict[str, Any] | None]) -> dict[str, Any]:
    """Look once per second until there is something."""
    deadline = time.monotonic() + RUN_SECONDS
    while (found := look()) is None:
        assert time.monotonic() < deadline
        time.sleep(1)
    return found


def ended_backfill(url: str, earlier: set[str]) -> dict[str, Any] | None:
    """The newest backfill, if it has runs that are not among the earlier ones, and has ended."""
    query = (
        "{partitionBackfillsOrError(limit: 1) {... on PartitionBackfills {results {status "
        "runs(limit: 100) {runId}}}}}"
    )
    for backfill in asked(url, query)["partitionBackfillsOrError"]["results"]:
        own = {run["runId"] for run in backfill["runs"]}
        if own and not own & earlier and backfill["status"] not in {"REQUESTED", "CANCELING"}:
            return dict(backfill)
    return None


def newest_run(url: str) -> dict[str, Any]:
    """The newest run."""
    return newest_runs(url, 1)[0]


def newest_runs(url: str, most: int) -> list[dict[str, Any]]:
    """The newest runs, the newest first."""
    query = (
        f"{{runsOrError(limit: {most}) {{... on Runs {{results "
        "{runId status stepStats {stepKey status}}}}}"
    )
    return list(asked(url, query)["runsOrError"]["results"])


def asked(url: str, query: str) -> dict[str, Any]:
    """The answer of the webserver's GraphQL."""
    request = urllib.request.Request(
        f"{url}/graphql",
        json.dumps({"query": query}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return dict(json.loads(answer.read())["data"])


def test_what_dagster_keeps_holds_no_content_and_no_object_name(ui_url: str) -> None:
    """Metadata, events, logs: searched for what the sample planted in documents and names."""
    from checkout_assets.sample.documents import ATTACHMENT_MARKER, CARD_MARKER

    planted = [CARD_MARKER, ATTACHMENT_MARKER, "comprador@example.com", "XYZ-PED", "february-31"]
    kept = [path for path in (ROOT / ".demo" / "dagster").rglob("*") if path.is_file()]
    assert any(path.suffix == ".db" for path in kept)
    for path in [*kept, ROOT / ".demo" / "s3.log"]:
        data = path.read_bytes()
        assert not [word for word in planted if word.encode() in data], path
