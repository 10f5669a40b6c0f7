"""Months of the analysts' tables, and the one rule that says whether a month is up to date."""

from dataclasses import replace
from datetime import date

import pytest

from checkout_assets.domain.compaction.contents import (
    MonthContents,
    MonthState,
    contents_by_month,
)
from checkout_assets.domain.compaction.months import Month, select_months
from checkout_assets.domain.errors import UsageError
from spark_jobs.contract.keys import table_file_key
from spark_jobs.contract.months import WrittenFile
from spark_jobs.contract.publication import (
    PUBLISHED,
    SCHEMA_VERSION,
    PublicationRecord,
    PublishedFile,
)
from spark_jobs.contract.totals import StructureTotals

FOLDER = "0A_CheckoutOrder"
OCTOBER = Month(2018, 10)


def record(folder: str = FOLDER, run_id: str = "run1", **days: int) -> PublicationRecord:
    """A record with a file per day, named like ``d2018_10_31``, of so many rows."""
    files = [
        PublishedFile(table_file_key(folder, day[1:].replace("_", "-"), run_id, 0), 100, rows)
        for day, rows in days.items()
    ]
    totals = StructureTotals()
    return PublicationRecord(
        folder, run_id, PUBLISHED, "copy", "digest", SCHEMA_VERSION, files, [], [], totals
    )


@pytest.mark.parametrize(
    ("words", "months"),
    [
        (["2018-10"], ["2018-10"]),
        (["2018-11..2019-02"], ["2018-11", "2018-12", "2019-01", "2019-02"]),
        (["2018-10", "2018-09..2018-10"], ["2018-09", "2018-10"]),
        (["1900-01"], ["1900-01"]),
        (["2199-12"], ["2199-12"]),
    ],
)
def test_words_select_months_once_and_in_order(words: list[str], months: list[str]) -> None:
    assert list(map(str, select_months(words))) == months


@pytest.mark.parametrize(
    "word",
    ["", "2018", "2018-13", "2018-00", "2018-1", "1899-12", "2200-01", "2018-10-01", "2018-10..",
     "..2018-10", "all", "\uff12018-10", "2018-12..2018-10", "2018-10\n"],
)  # fmt: skip
def test_other_words_are_refused_in_one_sentence(word: str) -> None:
    with pytest.raises(UsageError, match=r"is not a month|runs backwards") as refused:
        select_months([word])
    assert "\n" not in str(refused.value)


def test_a_month_ends_where_the_next_begins() -> None:
    assert (OCTOBER.first_day, OCTOBER.following) == (date(2018, 10, 1), Month(2018, 11))
    assert Month(2018, 12).following == Month(2019, 1)


def test_contents_are_the_files_of_all_folders_by_month() -> None:
    found = contents_by_month(
        "checkout",
        [
            record(d2018_10_30=2, d2018_10_31=3, d2018_11_01=1),
            record("0B_CheckoutOrder", "run2", d2018_10_31=4),
        ],
    )
    assert {str(month): contents.rows for month, contents in found.items()} == {
        "2018-10": 9,
        "2018-11": 1,
    }
    file = WrittenFile("orders/checkout/data/one.parquet", 100, 9, sha256="ab")
    told = found[OCTOBER].record("1", [file])
    assert [(each.folder, each.run_id, each.files, each.rows) for each in told.folders] == [
        (FOLDER, "run1", 2, 5),
        ("0B_CheckoutOrder", "run2", 1, 4),
    ]
    assert (told.digest, told.files) == (found[OCTOBER].digest("1"), [file])


def test_a_month_is_up_to_date_only_with_the_digest_of_its_files() -> None:
    contents = contents_by_month("checkout", [record(d2018_10_31=3)])[OCTOBER]
    assert contents.state(contents.digest("1"), "1") is MonthState.UP_TO_DATE
    assert contents.state(contents.digest("1"), "2") is MonthState.STALE, "derived otherwise"
    assert contents.state("another", "1") is MonthState.STALE
    assert contents.state("", "1") is MonthState.MISSING
    empty = MonthContents("checkout", OCTOBER)
    assert empty.state("", "1") is MonthState.EMPTY
    assert empty.state("another", "1") is MonthState.STALE, "all its rows are gone"
    assert [state.value for state in MonthState if state.is_due] == ["stale", "missing"]


def test_the_digest_depends_on_each_file_and_not_on_their_order() -> None:
    contents = contents_by_month("checkout", [record(d2018_10_30=1, d2018_10_31=3)])[OCTOBER]
    backwards = replace(contents, files=contents.files[::-1])
    assert backwards.digest("1") == contents.digest("1")
    first, second = contents.files
    others = [
        (first,),
        (first, replace(second, rows=4)),
        (first, replace(second, size=101)),
        (first, replace(second, path=second.path.replace("run1", "run2"))),
    ]
    assert contents.digest("1") not in {replace(contents, files=o).digest("1") for o in others}
