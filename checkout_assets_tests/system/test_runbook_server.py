"""Reports are served beside the runbook: those files only, as pages that load nothing."""

import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkout_assets.demo.runbook_server import serve

NAME = "2026-11-27T05-18-46Z.html"


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A lake with one report, a secret beside the reports and one among them."""
    docs, reports = tmp_path / "docs", tmp_path / "lake" / "_reports"
    docs.mkdir()
    reports.mkdir(parents=True)
    (docs / "runbook.md").write_text("# Runbook")
    (reports / NAME).write_text("<!doctype html><p>the report", encoding="utf-8")
    for secret in (tmp_path / "secret.html", reports.parent / NAME, reports / "secret.html"):
        secret.write_text("secret")
    (reports / NAME.replace("html", "json")).write_text("secret")
    with serve(docs, reports=reports) as served:
        yield served


def get(url: str, path: str) -> tuple[int, dict[str, str], str]:
    """The path is sent as it is: urllib would put ``..`` in order first."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


def test_a_report_is_a_page_that_loads_nothing_and_is_shown_in_no_other(url: str) -> None:
    status, headers, body = get(url, f"/reports/{NAME}")
    assert (status, body) == (200, "<!doctype html><p>the report")
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["X-Content-Type-Options"] == "nosniff"
    policy = headers["Content-Security-Policy"].split("; ")
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


def test_the_runbook_runs_no_script(url: str) -> None:
    status, headers, body = get(url, "/runbook.html")
    assert status == 200
    assert "Runbook" in body
    assert "script-src" not in headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "path",
    [
        "/reports/",
        "/reports/secret.html",
        "/reports/2026-11-27T05-18-47Z.html",
        f"/reports/../{NAME}",
        f"/reports/..%2f{NAME}",
        "/reports/../../secret.html",
        "/reports/%2e%2e/%2e%2e/secret.html",
        "//reports/./../../secret.html",
        f"/reports/x/../../{NAME}",
        f"/reports/{NAME.replace('html', 'json')}",
        f"/reports/{NAME}%00.html",
        f"/{NAME}",
    ],
)
def test_nothing_else_is_served(url: str, path: str) -> None:
    status, _, body = get(url, path)
    assert status == 404
    assert "secret" not in body


def test_without_reports_there_are_none(tmp_path: Path) -> None:
    with serve(tmp_path) as url:
        assert get(url, f"/reports/{NAME}")[0] == 404
