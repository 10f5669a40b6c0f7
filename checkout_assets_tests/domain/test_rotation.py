"""Every folder and month has its turn once in so many days, by the date alone."""

from datetime import date, timedelta

import pytest

from checkout_assets.domain.compaction.months import select_months
from checkout_assets.domain.folders import ALL_FOLDERS, select_folders, words_for
from checkout_assets.domain.rotation import due_on, is_month_due_on

START = date(2026, 12, 27)


@pytest.mark.parametrize("days", [1, 7, 32, 100, 511, 512, 600])
def test_every_folder_is_due_once_in_so_many_days(days: int) -> None:
    parts = [due_on(START + timedelta(n), days) for n in range(days)]
    assert sorted(folder for part in parts for folder in part) == list(ALL_FOLDERS)
    sizes = {len(part) for part in parts}
    assert max(sizes) - min(sizes) <= 1
    assert due_on(START + timedelta(days), days) == parts[0]


@pytest.mark.parametrize("days", [1, 7, 32, 100])
def test_every_month_is_due_once_in_so_many_days(days: int) -> None:
    months = select_months(["2018-01..2024-12"])
    turns = [
        [month for month in months if is_month_due_on(month, START + timedelta(n), days)]
        for n in range(days)
    ]
    assert sorted(month for turn in turns for month in turn) == list(months)
    sizes = {len(turn) for turn in turns}
    assert max(sizes) - min(sizes) <= 1


def test_the_folders_of_a_day_are_told_as_a_range() -> None:
    (told,) = words_for(due_on(START, 32))
    assert select_folders([told]) == due_on(START, 32)


@pytest.mark.parametrize(
    "words",
    [
        ["00_CheckoutOrder"],
        ["FE_CheckoutOrder..01_FulfillmentOrder"],
        ["02_CheckoutOrder", "04_CheckoutOrder..06_CheckoutOrder", "FF_FulfillmentOrder"],
    ],
)
def test_folders_are_named_in_few_words_that_mean_them_again(words: list[str]) -> None:
    assert list(words_for(reversed(select_folders(words)))) == words
