"""Months of order dates: the unit in which the analysts' tables are replaced."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError
from spark_jobs.contract.keys import month_unit_name

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)
_RANGE = ".."
_FIRST_YEAR, _LAST_YEAR = 1900, 2199
"""Orders have no other years: the rule of the plain tables' dates."""

_MONTHS_PER_YEAR = 12


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month of a year, such as October 2018."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> "Month":
        """Return the month written as ``2018-10``; raises UsageError for anything else."""
        match = _MONTH.fullmatch(text)
        if match is None or not _FIRST_YEAR <= int(match[1]) <= _LAST_YEAR:
            raise UsageError(
                f'"{displayable(text)}" is not a month: write the year from {_FIRST_YEAR} to '
                f"{_LAST_YEAR} and the number of the month, such as 2018-10."
            )
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def after_1970(cls, months: int) -> "Month":
        """Return the month so many months after January 1970, as Iceberg counts them."""
        years, index = divmod(months, _MONTHS_PER_YEAR)
        return cls(1970 + years, index + 1)

    @property
    def since_year_0(self) -> int:
        """The number of months since the year 0."""
        return self.year * _MONTHS_PER_YEAR + self.number - 1

    @property
    def first_day(self) -> date:
        """The first day of the month."""
        return date(self.year, self.number, 1)

    @property
    def following(self) -> "Month":
        """The next month."""
        years, index = divmod(self.number, _MONTHS_PER_YEAR)
        return Month(self.year + years, index + 1)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"


@dataclass(frozen=True, slots=True, order=True)
class TableMonth:
    """A month of an analysts' table: what one step of a cluster compacts."""

    table: str
    month: Month

    @property
    def name(self) -> str:
        """For example ``checkout-2018-10``."""
        return month_unit_name(self.table, str(self.month))

    def __str__(self) -> str:
        return f"{self.table}, {self.month}"


def months_between(first: Month, last: Month) -> Iterator[Month]:
    """Yield the months from ``first`` to ``last``, both included."""
    month = first
    while month <= last:
        yield month
        month = month.following


def months_of_year(year: int) -> Iterator[Month]:
    """Yield the twelve months of a year."""
    return months_between(Month(year, 1), Month(year, _MONTHS_PER_YEAR))


def month_ranges(months: Iterable[Month]) -> Iterator[tuple[Month, Month]]:
    """Yield the first and last months of the ranges without a gap, in order."""
    ordered = enumerate(sorted(set(months)))
    for _, range_of in groupby(ordered, lambda each: each[1].since_year_0 - each[0]):
        found = [month for _, month in range_of]
        yield found[0], found[-1]


def words_for_months(months: Iterable[Month]) -> tuple[str, ...]:
    """Return the fewest words that ``select_months`` takes for these months."""
    ranges = month_ranges(months)
    return tuple(str(first) if first == last else f"{first}..{last}" for first, last in ranges)


def select_months(words: Iterable[str]) -> tuple[Month, ...]:
    """Return the months for words such as ``2018-10`` and ``2018-01..2018-12``, once, in order.

    Raises UsageError for an invalid word and for a range that runs backwards.
    """
    return tuple(sorted({month for word in words for month in _expanded(word)}))


def _expanded(word: str) -> Iterator[Month]:
    first_word, is_range, last_word = word.partition(_RANGE)
    first = Month.parse(first_word)
    last = Month.parse(last_word) if is_range else first
    if last < first:
        raise UsageError(f"The range {first}..{last} runs backwards: write {last}..{first}.")
    return months_between(first, last)
