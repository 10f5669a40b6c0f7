"""Which rows lie in days that no order can have."""

import pytest

from spark_jobs.contract.completion import CompletionRecord
from spark_jobs.contract.keys import day_of_table_file, table_file_key
from spark_jobs.contract.publication import PublishedFile
from spark_jobs.job.plausible_days import implausible_dates

FOLDER = "0A_CheckoutOrder"


def copied(as_of: str, listed_at: str) -> CompletionRecord:
    return CompletionRecord(FOLDER, "c1", as_of, listed_at, [], {}, {}, 0, "")


def files(*days: str) -> list[PublishedFile]:
    keys = [table_file_key(FOLDER, day, "r1", number) for number, day in enumerate(days)]
    return [PublishedFile(key, 1, rows=10 + number) for number, key in enumerate(keys)]


def test_a_table_file_tells_its_day() -> None:
    assert day_of_table_file(table_file_key(FOLDER, "2026-01-31", "r1", 7)) == "2026-01-31"


@pytest.mark.parametrize(
    ("day", "found"),
    [
        ("0001-01-01", {"too_early": 10}),
        ("1970-01-01", {"too_early": 10}),
        ("1999-12-31", {"too_early": 10}),
        ("2000-01-01", {}),
        ("2026-02-01", {}),
        ("2026-02-02", {"too_late": 10}),
        ("9999-12-31", {"too_late": 10}),
    ],
)
@pytest.mark.parametrize(
    ("as_of", "listed_at"),
    [
        ("2026-01-31T23:59:59+00:00", "2026-03-01T00:00:00+00:00"),
        ("9999-12-31T23:59:59+00:00", "2026-01-31T00:00:00+00:00"),
    ],
    ids=["up to the cut-off", "up to the listing"],
)
def test_a_day_is_plausible_from_2000_to_the_day_after_the_copy(
    day: str, found: dict[str, int], as_of: str, listed_at: str
) -> None:
    assert implausible_dates(files(day), copied(as_of, listed_at)) == found


def test_rows_are_counted_over_files() -> None:
    found = implausible_dates(
        files("1970-01-01", "2024-05-06", "1970-01-01", "2999-01-01"),
        copied("2026-01-31T00:00:00+00:00", "2026-01-31T00:00:00+00:00"),
    )
    assert found == {"too_early": 10 + 12, "too_late": 13}
