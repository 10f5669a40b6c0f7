"""The partitions of a plain table, as Athena computes them from properties of the table.

Amazon Athena User Guide, "Set up partition projection" and "Supported types for partition
projection". Athena lists every partition that the properties give, also an empty one.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
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
_NUMBERED = (
    re.compile(r"MONTH=(0[1-9]|1[0-2])/", re.ASCII),
    re.compile(r"DAY=(0[1-9]|[12]\d|3[01])/", re.ASCII),
)
_NUMBERS = {"month": "1,12", "day": "1,31"}
_DIGITS = "2"


@dataclass(frozen=True, slots=True)
class YearFolders:
    """The years that are directly below a table, and the folders that hold no partition.

    Queries do not find the objects below ``others``: names that hold no year, and in the years
    those that hold no month or day with two digits. They are relative to the table.
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
    """List the folders of a table's years, months and days; raises StoreError.

    It takes a request per month of the table.
    """
    found = YearFolders.of(_directly_below(store, table_prefix(table)))
    years = [f"YEAR={year}/" for year in found.years]
    return replace(found, others=(*found.others, *_others_below(store, table, years, _NUMBERED)))


def _others_below(
    store: "S3Store", table: str, parents: Iterable[str], levels: Sequence[re.Pattern[str]]
) -> Iterator[str]:
    """Yield the folders at these levels below the parents that do not have their level's name."""
    for parent in parents:
        names = _directly_below(store, f"{table_prefix(table)}{parent}")
        folders = [name for name in names if name.endswith("/")]
        named = [f"{parent}{name}" for name in folders if levels[0].fullmatch(name)]
        yield from (f"{parent}{name}" for name in folders if not levels[0].fullmatch(name))
        if levels[1:]:
            yield from _others_below(store, table, named, levels[1:])


def _directly_below(store: "S3Store", prefix: str) -> list[str]:
    here = f"{store.prefix}{prefix}"
    return list_directory(store.crt(), store.bucket, here, store.terms.headers())


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
