"""The report in a real browser: it sorts and filters, and no name that it shows does anything."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from checkout_assets.demo.runbook_server import serve
from checkout_assets.domain.reconciliation import Reason
from checkout_assets.engines.reporting.page import Report, render
from checkout_assets_tests.browsing import click, resources
from checkout_assets_tests.domain.test_reporting import flagged, folder, outcome

pytestmark = pytest.mark.browser

NAME = "2026-11-27T05-00-00Z.html"
HOSTILE = [
    "<script>window.fired = 1</script>/",
    "<img src=x onerror='window.fired = 1'>/",
    "</code><a href='javascript:window.fired=1'>x</a>/",
    "](javascript:window.fired=1)/",
    "=cmd|' /C calc'!A0/",
    "a\u202eb\x1b[31mc/",
]


@pytest.fixture
def page(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """A report of three folders and hostile names, open in the browser."""
    folders = [
        folder("00_CheckoutOrder"),
        flagged("86_FulfillmentOrder"),
        folder("FF_FulfillmentOrder", Reason.NOT_STRUCTURED),
    ]
    report = Report(outcome(*folders, unexpected=HOSTILE), folders)
    (tmp_path / NAME).write_text(render(report), encoding="utf-8")
    with serve(tmp_path, reports=tmp_path) as url:
        browser.get(f"{url}/reports/{NAME}")
        yield browser


def shown(page: Any) -> list[str]:
    script = "return [...document.querySelectorAll('#all tbody tr')]"
    return list(page.execute_script(f"{script}.filter(row => !row.hidden).map(row => row.id)"))


def test_a_click_on_a_heading_sorts(page: Any) -> None:
    assert [name[:2] for name in shown(page)] == ["00", "86", "FF"]
    click(page, "//th[@data-sort='state']")
    assert [name[:2] for name in shown(page)] == ["FF", "86", "00"]
    click(page, "//th[@data-sort='state']")
    assert [name[:2] for name in shown(page)] == ["00", "86", "FF"]


def test_words_and_choices_filter(page: Any) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.select import Select

    find = click(page, "//input[@id='find']")
    find.send_keys("nested")
    assert shown(page) == ["86_FulfillmentOrder"]
    find.send_keys(Keys.CONTROL, "a", Keys.DELETE)
    assert len(shown(page)) == 3
    Select(page.find_element(By.ID, "only-state")).select_by_visible_text("red")
    assert shown(page) == ["FF_FulfillmentOrder"]
    Select(page.find_element(By.ID, "only-type")).select_by_visible_text("CheckoutOrder")
    assert shown(page) == []


def test_hostile_names_are_text_and_nothing_is_loaded(page: Any) -> None:
    assert page.execute_script("return window.fired") is None
    assert resources(page) == []
    count = "return document.querySelectorAll(arguments[0]).length"
    assert page.execute_script(count, "img, iframe, object, embed, [onerror]") == 0
    assert page.execute_script(count, "script") == 1
    links = "return [...document.links].map(link => link.protocol)"
    assert set(page.execute_script(links)) == {"http:"}
    text = page.execute_script("return document.body.textContent")
    assert "<script>window.fired = 1</script>" in text
    assert not {"\u202e", "\x1b"} & set(text)
