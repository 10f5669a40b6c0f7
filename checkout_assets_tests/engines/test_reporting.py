"""The report's page and what the lake keeps of it."""

import base64
import hashlib
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest

from checkout_assets.domain.folders import ALL_FOLDERS, Folder
from checkout_assets.domain.reconciliation import (
    CopyEvidence,
    FolderReason,
    FolderReconciled,
    LakeEvidence,
    Reason,
    Summary,
    judge,
)
from checkout_assets.domain.reporting.outcome import ReconciliationOutcome, outcome_of
from checkout_assets.engines.locations import LocalLocation, S3Location
from checkout_assets.engines.reporting.keeping import KeptReports
from checkout_assets.engines.reporting.leaving import (
    console_url,
    earlier_outcomes,
    leave_report,
    newest_report,
)
from checkout_assets.engines.reporting.page import Report, render
from checkout_assets_tests.orders_place import OrdersPlace
from spark_jobs.contract.keys import REPORTS
from spark_jobs.stores import LocalStore

NOW = datetime(2026, 11, 27, 5, tzinfo=UTC)
HOSTILE = (
    "<script>alert(1)</script>",
    "](javascript:alert(1))",
    "=cmd|' /C calc'!A0",
    "\x1b[2J\x1b]0;x\x07",
    "a\u202eb",
    "</style><style>*{display:none}",
    '" onmouseover="alert(1)',
    "{{ 7 * 7 }}{% raw %}",
)
FETCHING = {"src", "srcset", "background", "poster", "data", "action", "formaction", "xlink:href"}


class Page(HTMLParser):
    """A page's tags, attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.inline: dict[str, str] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] in {"script", "style"}:
            self.inline.setdefault(self.tags[-1], data)
        self.text += data

    def values(self, name: str) -> list[str]:
        return [value for _, found, value in self.attributes if found == name]


def compared(*hostile: str) -> list[FolderReconciled]:
    """All 512: the first few red for hostile reasons, one of nothing, the others green."""
    red = {
        ALL_FOLDERS[place]: FolderReconciled(
            ALL_FOLDERS[place], (FolderReason(Reason.OTHER_SOURCE, detail=detail),)
        )
        for place, detail in enumerate(hostile)
    }
    nothing = judge(ALL_FOLDERS[511], CopyEvidence(listed=4), LakeEvidence())
    return [red.get(each, FolderReconciled(each)) for each in ALL_FOLDERS[:511]] + [nothing]


def outcome(
    folders: list[FolderReconciled], at: datetime = NOW, *unexpected: str
) -> ReconciliationOutcome:
    return outcome_of(
        folders, Summary.of(folders), unexpected, at=at, run_id="run", with_source=True
    )


@cache
def page(*hostile: str, runbook_url: str = "http://127.0.0.1:3001/runbook.html") -> str:
    folders = compared(*hostile)
    made = outcome(folders, NOW, *(f"{name}/" for name in hostile), *hostile)
    places = {"source": "s3://source", "raw": "s3://raw", "lake": "/tmp/lake"}
    return render(Report(made, folders, [made], places, runbook_url))


def test_every_folder_has_a_row_and_a_cell_of_its_heat_map() -> None:
    made = Page(page())
    for folder in ALL_FOLDERS:
        assert folder.name in made.values("id")
        assert made.values("href").count(f"#{folder.name}") >= 1
    assert len(made.values("data-state")) == 512
    assert made.tags.count("td") >= 2 * 256
    assert "511 of 512 folders complete, 1 red, 0 flagged." in made.text
    assert "No completion record proves that it was copied." in made.text


def test_hostile_names_change_neither_the_tags_nor_what_runs() -> None:
    harmless, hostile = Page(page(*("x" for _ in HOSTILE))), Page(page(*HOSTILE))
    assert hostile.tags == harmless.tags
    names = [(tag, name) for tag, name, _ in harmless.attributes]
    assert [(tag, name) for tag, name, _ in hostile.attributes] == names
    assert hostile.inline == harmless.inline
    assert not [name for _, name, _ in hostile.attributes if name.startswith("on")]


def test_hostile_names_are_shown_as_text_and_nothing_unprintable_is() -> None:
    text = page(*HOSTILE)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text)
    shown = Page(text).text
    for each in ("<script>alert(1)</script>", "=cmd|", "\\u{1B}[2J", "a\\u{202E}b", "{{ 7 * 7 }}"):
        assert each in shown


def test_the_page_asks_for_nothing() -> None:
    made = Page(page(*HOSTILE))
    assert not [name for _, name, _ in made.attributes if name in FETCHING]
    assert not {"link", "img", "iframe", "object", "embed", "base", "video", "audio"} & set(
        made.tags
    )
    for target in made.values("href"):
        assert target.startswith(("#", "http://127.0.0.1:3001/runbook.html#")) or re.fullmatch(
            r"[0-9TZ-]+\.html", target
        ), target
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest", page())


def test_only_the_pages_own_style_and_script_are_allowed() -> None:
    made = Page(page())
    (policy,) = [value for value in made.values("content") if "default-src" in value]
    for tag in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(made.inline[tag].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
        assert made.tags.count(tag) == 1
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert not made.values("style"), "the policy ignores style attributes"


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "docs/runbook.md"])
def test_a_runbook_that_cannot_be_linked_to_is_named(url: str) -> None:
    made = Page(page(runbook_url=url))
    assert not [target for target in made.values("href") if "runbook" in target or ":" in target]
    assert "docs/runbook.md#not_copied" in made.text


def test_the_controls_are_hidden_until_the_script_runs() -> None:
    made = Page(page())
    assert ("form", "hidden", "") in made.attributes
    assert made.values("data-sort") == [
        "folder",
        "state",
        "objects",
        "rows",
        "reasons",
    ]


def test_the_repair_is_there_to_copy() -> None:
    text = Page(page()).text
    assert "checkout-assets copy --source s3://source --raw s3://raw FF_FulfillmentOrder" in text
    assert "folders: [FF_FulfillmentOrder]" in text


def leave(lake: LocalLocation | S3Location, at: datetime, *reds: str) -> str:
    folders = compared(*reds)
    report = Report(outcome(folders, at), folders, history=earlier_outcomes(lake))
    left = leave_report(lake, report, at)
    assert left.problem == ""
    return left.page


def test_a_reconciliation_leaves_a_page_with_what_changed_and_the_history(tmp_path: Path) -> None:
    lake = LocalLocation(tmp_path / "lake")
    assert "No earlier reconciliation is kept." in leave(lake, NOW, "one", "two")
    second = leave(lake, NOW + timedelta(days=1), "one")
    assert "1 folder changed, 0 became worse" in second
    assert "2 reconciliations" in second
    names = sorted(entry.key for entry in lake.open().list(REPORTS))
    assert names == [
        *(
            f"{REPORTS}2026-11-{day}T05-00-00Z.{ending}"
            for day in (27, 28)
            for ending in ("html", "json")
        ),
        f"{REPORTS}listings.json",
    ]
    found = newest_report(lake)
    assert found is not None
    assert found[1].page == second
    assert found[1].uri == f"{lake.uri}/{REPORTS}2026-11-28T05-00-00Z.html"


def test_the_lake_may_be_in_s3_and_browsers_are_told_what_it_is(place: OrdersPlace) -> None:
    lake = replace(place.raw, prefix="lake/")
    text = leave(lake, NOW)
    found = place.get(f"{REPORTS}2026-11-27T05-00-00Z.html", lake)
    assert found["bytes"].decode() == text
    assert found["ContentType"] == "text/html; charset=utf-8"


def test_what_is_kept_has_an_end(tmp_path: Path) -> None:
    lake = LocalStore(tmp_path)
    kept = KeptReports(lake)
    for days in range(120):
        kept.keep(outcome([], NOW + timedelta(days=days)), "page", NOW + timedelta(days=days))
    assert len(kept.history()) == 91
    assert len(list(lake.list(REPORTS))) == 2 * 91


def test_a_record_that_cannot_be_read_is_no_history_and_stops_nothing(tmp_path: Path) -> None:
    lake = LocalLocation(tmp_path)
    for name, data in (("2026-11-01", b"{}"), ("2026-11-02", b"\xff"), ("2026-11-03", b"[]")):
        lake.open().put(f"{REPORTS}{name}T05-00-00Z.json", data)
    lake.open().put(f"{REPORTS}notes.txt", b"mine")
    assert "No earlier reconciliation is kept." in leave(lake, NOW)
    assert lake.open().get(f"{REPORTS}notes.txt").data == b"mine"


def test_a_lake_that_refuses_is_told_and_the_page_is_made_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("a file")
    folders = compared()
    assert earlier_outcomes(LocalLocation(tmp_path / "lake")) == []
    left = leave_report(LocalLocation(tmp_path / "lake"), Report(outcome(folders), folders), NOW)
    assert left.problem.startswith("The report was not kept in the lake: ")
    assert (left.key, left.uri) == ("", "")
    assert "511 of 512 folders complete" in left.page


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("us-east-2", "us-east-2.console.aws.amazon.com"),
        ("cn-north-1", "cn-north-1.console.amazonaws.cn"),
        ("us-gov-west-1", "us-gov-west-1.console.amazonaws-us-gov.com"),
    ],
)
def test_the_console_is_that_of_the_regions_partition(region: str, host: str) -> None:
    assert console_url(region, "lake", "a b/_reports/x.html") == (
        f"https://{host}/s3/object/lake?region={region}&prefix=a%20b/_reports/x.html"
    )


def test_a_folder_that_was_not_compared_is_neither_green_nor_red() -> None:
    folders = [FolderReconciled(Folder.parse("00_CheckoutOrder"))]
    made = Page(render(Report(outcome(folders), folders)))
    titles = made.values("title")
    assert "01_CheckoutOrder: not compared" in titles
    assert "00_CheckoutOrder: green" in titles
    assert "1 of 512 folders complete" in made.text
