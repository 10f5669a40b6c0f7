"""The accounting identity."""

from dataclasses import replace

import pytest

from checkout_assets.domain.accounting import CopyAccount, broken_equations, broken_files
from checkout_assets.domain.copying import CopyFacts
from spark_jobs.contract.publication import PublicationRecord, PublishedFile
from spark_jobs.contract.totals import StructureTotals

COPY = CopyAccount(listed=10, copied=6, present=4, failed=0, documents=7, nested=2, side=1)
TOTALS = StructureTotals(documents=7, nested=2, side=1, rows=5, quarantined={"no_id": 2})


def test_sums_that_hold_say_nothing() -> None:
    assert broken_equations(COPY, TOTALS) == []
    assert broken_equations() == []


@pytest.mark.parametrize("field", ["listed", "copied", "present", "failed"])
def test_each_side_of_what_was_listed_counts(field: str) -> None:
    broken = replace(COPY, **{field: getattr(COPY, field) + 1})
    assert "objects were listed" in broken_equations(broken)[0]


@pytest.mark.parametrize("field", ["documents", "nested", "side"])
def test_each_kind_counts(field: str) -> None:
    broken = replace(COPY, **{field: getattr(COPY, field) + 1})
    in_raw, between = broken_equations(broken, TOTALS)
    assert "10 objects are in raw" in in_raw
    assert "The copy counted" in between


@pytest.mark.parametrize(
    "totals", [replace(TOTALS, rows=4), replace(TOTALS, quarantined={"no_id": 1, "no_date": 2})]
)
def test_documents_are_rows_or_quarantined(totals: StructureTotals) -> None:
    (sentence,) = broken_equations(structured=totals)
    assert sentence.startswith("7 documents became")


def test_failed_objects_are_listed_and_in_no_kind() -> None:
    assert broken_equations(replace(COPY, listed=11, failed=1)) == []


def test_the_account_of_a_copy_leaves_vanished_objects_out() -> None:
    facts = CopyFacts(
        listed=3,
        by_status={"copied": 1, "present": 1, "failed": 1, "vanished": 5},
        by_kind={"document": 2},
    )
    assert broken_equations(CopyAccount.of(facts)) == []


def test_files_hold_what_the_totals_explain() -> None:
    totals = replace(TOTALS, vanished_rows=1, vanished_quarantined=1)
    record = PublicationRecord(
        folder="0A_CheckoutOrder",
        run_id="r",
        state="published",
        copy_id="c",
        digest="d",
        schema_version="1",
        files=[PublishedFile("a", 1, 4), PublishedFile("b", 1, 2)],
        quarantine=[PublishedFile("c", 1, 5)],
        previous=[],
        totals=totals,
    )
    assert broken_files(record) == []
    (fewer,) = broken_files(replace(record, files=record.files[:1]))
    assert "table files hold 4 rows, but 6" in fewer
    (none,) = broken_files(replace(record, quarantine=[]))
    assert "quarantine files hold 0 rows, but 5" in none
