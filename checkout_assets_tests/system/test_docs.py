"""The docs say what is there: every anchor that is linked to, every file that is named."""

import re
from pathlib import Path
from urllib.parse import urljoin

import pytest

from checkout_assets.assets.order_table_checks import TABLE_CHECKS
from checkout_assets.assets.reconciliation_checks import COMPLETE, EXPECTED
from checkout_assets.assets.scheduled_repairs import GIVEN_UP
from checkout_assets.demo.runbook_server import anchor_of, render_markdown, serve
from checkout_assets.domain.alerts.found import FAILED_RUN, LATE, ORPHANED_MACHINE
from checkout_assets.domain.anomalies import RAW_RULES, STRUCTURED_RULES
from checkout_assets.domain.reconciliation import Reason

ROOT = Path(__file__).resolve().parents[2]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
DOCS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def headings(text: str) -> set[str]:
    return {anchor_of(line.lstrip("# ")) for line in text.splitlines() if line.startswith("#")}


@pytest.mark.parametrize(
    "anchor",
    [
        *(rule.name for rule in RAW_RULES),
        *(rule.name for rule in STRUCTURED_RULES),
        *(reason.code for reason in Reason),
        *TABLE_CHECKS,
        COMPLETE,
        EXPECTED,
        GIVEN_UP,
        FAILED_RUN,
        LATE,
        ORPHANED_MACHINE,
        "unreadable-record",
    ],
)
def test_the_runbook_has_a_line_for_everything_that_can_be_red(anchor: str) -> None:
    assert anchor in headings(RUNBOOK)


@pytest.mark.parametrize("document", DOCS, ids=lambda path: path.name)
def test_every_link_and_every_named_file_is_there(document: Path) -> None:
    text = document.read_text()
    for target in re.findall(r"\]\(([^)#\s]*)#?[^)]*\)", text):
        if target and not target.startswith("http"):
            assert (document.parent / target).exists(), target
    for name in re.findall(r"`((?:checkout_assets|spark_jobs)/[\w./]+\.py)`", text):
        assert (ROOT / name).exists(), name


def test_the_docs_never_name_a_make_target_that_is_not_there() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for document in DOCS:
        for named in re.findall(r"`make ([a-z0-9-]+)`", document.read_text()):
            assert named in targets, f"{document.name} names make {named}"


def test_the_runbook_is_served_with_anchors_to_link_to() -> None:
    import urllib.request

    with serve(ROOT / "docs") as url:
        with urllib.request.urlopen(f"{url}/runbook.html") as answer:
            page = answer.read().decode()
        assert url.startswith("http://127.0.0.1:")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{url}/../README")
    assert 'id="no_documents_nested_under_id"' in page


@pytest.mark.parametrize("document", DOCS[2:], ids=lambda path: path.name)
def test_every_link_of_a_served_page_opens(document: Path) -> None:
    import urllib.request

    docs = ROOT / "docs"
    with serve(docs) as url:
        page = f"{url}/{document.relative_to(docs).with_suffix('.html')}"
        for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
            if not target.startswith("http"):
                with urllib.request.urlopen(urljoin(page, target)) as answer:
                    anchor = target.partition("#")[2]
                    assert not anchor or f'id="{anchor}"' in answer.read().decode(), target


def test_a_page_shows_markup_in_names_as_text() -> None:
    assert "<script>" not in render_markdown("# <script>alert(1)</script>", "<script>")
