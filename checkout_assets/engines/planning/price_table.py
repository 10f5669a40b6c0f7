"""The price table of the program, or the user's own."""

import tomllib
from datetime import date, datetime
from importlib.resources import files
from pathlib import Path

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.planning.prices import Price, PriceTable

_TABLE = "prices.toml"
_HIGHEST_DOLLARS = 1e9
"""A higher price is a mistake, and multiples of it may overflow."""


def load_prices(path: str = "") -> PriceTable:
    """The table in this TOML file, else ours; raises UsageError if the file is invalid."""
    try:
        text = Path(path).read_text() if path else files(__package__).joinpath(_TABLE).read_text()
        told = tomllib.loads(text)
        prices = {name: _price(given) for name, given in told["prices"].items()}
        as_of = told["as_of"]
    except OSError as error:
        raise UsageError(f"{_named(path)} cannot be read: {error.strerror}.") from None
    except RecursionError:
        raise UsageError(f"{_named(path)} nests too deeply to be read.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            f"{_named(path)} is wrong ({displayable(str(error))}): write it like "
            "checkout_assets/engines/planning/prices.toml."
        ) from None
    if not isinstance(as_of, date) or isinstance(as_of, datetime):
        raise UsageError(f"{_named(path)} needs as_of: the day of its prices, such as 2026-11-26.")
    return PriceTable(as_of, prices)


def _named(path: str) -> str:
    return f"The price table {displayable(path)}".rstrip()


def _price(given: dict[str, object]) -> Price:
    dollars = float(str(given["dollars"]))
    if not 0 <= dollars <= _HIGHEST_DOLLARS:
        raise ValueError("a price is negative, too high or not a number")
    return Price(dollars, str(given["unit"]), str(given["source"]))
