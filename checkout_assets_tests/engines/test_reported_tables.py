"""The analysts' tables on the report's page."""

import re
from dataclasses import replace
from functools import cache
from itertools import pairwise

from checkout_assets.domain.compaction.comparing import TableCompared
from checkout_assets.domain.compaction.contents import MonthState
from checkout_assets.domain.reconciliation import Summary
from checkout_assets.domain.reporting.outcome import outcome_of
from checkout_assets.engines.reporting.page import Report, render
from checkout_assets_tests.domain.test_reported_tables import PLACES, month, table
from checkout_assets_tests.engines.test_reporting import HOSTILE, NOW, Page, compared

RUNBOOK = "http://127.0.0.1:3001/runbook.html"
EXACT = table(month("2018-01"), month("2018-03"), name="fulfillment")
DUE = table(month("2017-12", MonthState.STALE), month("2018-01", MonthState.MISSING, held=0))
WRONG = table(month("2018-01", held=1), month("2018-02"))


@cache
def page(*tables: TableCompared, earlier: TableCompared | None = None) -> Page:
    folders = compared()
    made, before = (
        outcome_of(
            folders, Summary.of(folders), [], tables=each, at=NOW, run_id="r", with_source=True
        )
        for each in (tables, (earlier,) if earlier else ())
    )
    return Page(render(Report(made, folders, [before], PLACES, RUNBOOK, tables)))


def test_each_table_has_its_sentence_and_its_figures() -> None:
    text = re.sub(r"\s+", " ", page(DUE, EXACT).text)
    assert DUE.sentence in text
    assert EXACT.sentence in text
    for figure in (
        "months up to date2",
        "stale1",
        "missing1",
        "without rows between the first and the last1",
        "rows in the publication records4",
        "files, published and compacted6 → 1",
        "their bytes600 B → 40 B",
    ):
        assert figure in text
    assert f"{RUNBOOK}#analysts_tables_exact" in page(DUE, EXACT).values("href")


def test_each_month_of_a_year_has_a_cell_in_its_color() -> None:
    cells = [
        (dict(attributes)["class"], dict(attributes)["title"])
        for attributes in _cells(page(DUE, replace(WRONG, table="fulfillment")))
    ]
    assert len(cells) == 12 * 3
    assert ("yellow", "2017-12: stale, 2 rows") in cells
    assert ("yellow", "2018-01: missing, 0 rows") in cells
    assert ("none", "2018-03: no rows") in cells
    assert ("red", "2018-01: wrong, 1 row") in cells
    assert ("green", "2018-02: up to date, 2 rows") in cells


def _cells(made: Page) -> list[list[tuple[str, str]]]:
    found = [(name, value) for tag, name, value in made.attributes if tag == "td"]
    return [list(pair) for pair in pairwise(found) if pair[1][0] == "title"]


def test_what_repairs_a_wrong_month_is_there_to_copy() -> None:
    text = page(WRONG, EXACT).text
    command = "checkout-assets tables compact --lake 's3://analytics/my lake' --catalog glue"
    assert f"{command} --rewrite 2018-01" in text
    assert "rewrite: true" in text
    assert "compact_analysts_tables" in text
    assert "rewrite" not in page(DUE, EXACT).text
    assert command in page(DUE, EXACT).text
    assert "tables compact" not in page(EXACT).text


def test_a_red_table_is_told_at_the_top() -> None:
    assert "The analysts' table checkout is red." in page(WRONG).text
    assert "verdict red" in page(WRONG).values("class")
    assert "is red." not in page(DUE).text


def test_a_table_that_nobody_made_is_told_and_has_no_months() -> None:
    made = page(TableCompared("checkout"))
    assert "no analysts' table was made, which is optional." in made.text
    assert "map months" not in made.values("class")


def test_a_table_that_changed_its_state_is_told() -> None:
    text = re.sub(r"\s+", " ", page(WRONG, earlier=table(month("2018-01"))).text)
    assert "The analysts' table checkout: green → red" in text


def test_a_page_without_tables_says_nothing_of_them() -> None:
    assert "Analysts' tables" not in page().text


def test_hostile_texts_are_shown_as_text() -> None:
    harmless, hostile = (
        page(TableCompared("checkout", problem=text)) for text in ("x", " ".join(HOSTILE))
    )
    assert hostile.tags == harmless.tags
    assert hostile.inline == harmless.inline
    assert "<script>alert(1)</script>" in hostile.text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]", hostile.text)
