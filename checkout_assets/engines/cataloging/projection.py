"""The partitions of a plain table, as Athena computes them from properties of the table.

Amazon Athena User Guide, "Set up partition projection" and "Supported types for partition
projection". Athena lists every partition that the properties give, also an empty one.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from checkout_assets.engines.locations import S3Location
from spark_jobs.contract.keys import day_prefix, table_prefix
from spark_jobs.stores.listing import list_directory

if TYPE_CHECKING:
    from spark_jobs.stores import S3Store

PARTITION_COLUMNS = ("year", "month", "day")
"""In lower case, as Glue wants names; the folders' names are in the template of locations."""

PROJECTED = "projection."
"""Begins every property of projection but the template of locations."""

LOCATION_TEMPLATE = "storage.location.template"

_YEAR = re.compile(r"YEAR=(\d{4})/", re.ASCII)
_NUMBERS = {"month": "1,12", "day": "1,31"}
_DIGITS = "2"


@dataclass(frozen=True, slots=True)
class YearFolders:
    """The folders directly below a table: years, and names that hold no year.

    Queries do not find the objects below the latter.
    """

    years: tuple[str, ...]
    others: tuple[str, ...] = ()

    @classmethod
    def of(cls, names: Iterable[str]) -> "YearFolders":
        """Divide the names that are directly below a table; names of objects are left out."""
        folders = sorted(name for name in names if name.endswith("/"))
        years = [match[1] for name in folders if (match := _YEAR.fullmatch(name))]
        return cls(tuple(years), tuple(name for name in folders if not _YEAR.fullmatch(name)))


def year_folders(store: "S3Store", table: str) -> YearFolders:
    """List the folders directly below a table; raises StoreError."""
    prefix = f"{store.prefix}{table_prefix(table)}"
    return YearFolders.of(list_directory(store.crt(), store.bucket, prefix, store.terms.headers()))


def projection(lake: S3Location, table: str, years: Iterable[str], now: datetime) -> dict[str, str]:
    """Return the properties with which Athena finds the table's partitions.

    The years are those that the table has, this year and the next one. They are listed one by one:
    a range from 1900, a date that programs write if they know none, would make every query without
    a filter list 100,000 empty partitions. All values are text, so ``month = '08'`` is a filter.
    """
    known = sorted({*years, f"{now.year:04}", f"{now.year + 1:04}"})
    numbers = {
        f"{PROJECTED}{column}.{name}": value
        for column, between in _NUMBERS.items()
        for name, value in (("type", "integer"), ("range", between), ("digits", _DIGITS))
    }
    day = day_prefix(table, *(f"${{{column}}}" for column in PARTITION_COLUMNS))
    return {
        f"{PROJECTED}enabled": "true",
        f"{PROJECTED}year.type": "enum",
        f"{PROJECTED}year.values": ",".join(known),
        **numbers,
        LOCATION_TEMPLATE: f"{lake.uri}/{day}",
    }
