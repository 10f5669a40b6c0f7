"""Actions of tests in a browser: wait for text, click, find, take a picture."""

import time
from contextlib import suppress
from typing import Any

PAGE_SECONDS = 180
WIDTH, HEIGHT = 1500, 1300


def page_with(browser: Any, url: str, *words: str) -> str:
    """The text of a page when it contains all the words."""
    browser.get(url)
    return page_shows(browser, *words)


def page_shows(browser: Any, *words: str) -> str:
    """The text of the current page when it contains all the words."""
    from selenium.webdriver.common.by import By

    deadline = time.monotonic() + PAGE_SECONDS
    while True:
        text = str(browser.find_element(By.TAG_NAME, "body").text)
        missing = [word for word in words if word not in text]
        if not missing:
            return text
        assert time.monotonic() < deadline, _never(browser, missing, text)
        time.sleep(1)


def _never(browser: Any, missing: list[str], text: str) -> str:
    return f"{browser.current_url} never showed {missing}; it shows: {text[:2000]}"


def click(browser: Any, path: str) -> Any:
    """Click the element at an XPath as soon as it can be clicked."""
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


def resources(browser: Any) -> list[str]:
    """The URLs of everything that the current page loaded."""
    script = "return performance.getEntriesByType('resource').map(each => each.name)"
    return list(browser.execute_script(script))
