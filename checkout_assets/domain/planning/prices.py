"""Prices as of a day, each with its source."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError

LONGEST_AGE_DAYS = 90
"""Older prices are used with a warning."""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per ``unit``, and the page with this price."""

    dollars: float
    unit: str
    source: str


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Prices by name, as they were on the day ``as_of``."""

    as_of: date
    prices: Mapping[str, Price]

    def dollars(self, name: str) -> float:
        """The price of one unit; raises UsageError if the table does not have it."""
        if name not in self.prices:
            raise UsageError(
                f"The price table has no price for {displayable(name)}: add it to a copy of the "
                "table, with its source, and give that file with --prices or CHECKOUT_PRICES."
            )
        return self.prices[name].dollars

    def warning(self, today: date) -> str:
        """A sentence if the prices are old; empty if they are not."""
        age = (today - self.as_of).days
        if age <= LONGEST_AGE_DAYS:
            return ""
        return f"The prices are {age:,} days old: compare them with their sources."
