"""Every number and every time of the schema says what it is."""

import re
from collections.abc import Iterator

import duckdb
import pytest

from spark_jobs.schema import data_columns, units
from spark_jobs.schema.docs import markdown
from spark_jobs.schema.types import Array, Primitive, Struct, Type

TABLES = ("checkout", "fulfillment")
COUNTS_AND_NUMBERS: frozenset[str] = frozenset(
    (
        "currencyDecimalDigits", "currencyGroupSize", "currencyLocale", "dayOfWeek", "id",
        "installments", "itemIndex", "minimumQuantity", "parentItemIndex", "quantity",
        "stockBalance",
    )
)  # fmt: skip
"""``bigint`` fields that are no amounts."""
NUMBERS = (units.CENTS, units.UNIT_UNKNOWN, COUNTS_AND_NUMBERS)
LOOKS_LIKE_A_TIME = re.compile(r"date$|dateutc$|time$|until$|ttl$|estimate$|lastchange$", re.I)


def leaves(table: str) -> Iterator[tuple[str, str]]:
    """The path and primitive type of every leaf of a table: ``items.price``, ``bigint``."""
    for column in data_columns(table):
        yield from _leaves(column.name, column.type)


def _leaves(path: str, kind: Type) -> Iterator[tuple[str, str]]:
    if isinstance(kind, Array):
        yield from _leaves(path, kind.element)
    elif isinstance(kind, Struct):
        for name, field in kind.fields:
            yield from _leaves(f"{path}.{name}", field)
    elif isinstance(kind, Primitive):
        yield path, kind.name


def names(table: str, kind: str) -> set[str]:
    return {path.rpartition(".")[2] for path, found in leaves(table) if found == kind}


@pytest.mark.parametrize("table", TABLES)
def test_every_whole_number_is_an_amount_or_a_count_or_said_to_be_unknown(table: str) -> None:
    for name in names(table, "bigint"):
        assert sum(name in group for group in NUMBERS) == 1, name


@pytest.mark.parametrize("table", TABLES)
def test_every_text_that_looks_like_a_time_has_its_shape_told(table: str) -> None:
    looking = {name for name in names(table, "string") if LOOKS_LIKE_A_TIME.search(name)}
    assert looking <= {*units.TIMES, *units.DURATIONS}


def test_nothing_is_told_of_what_the_schema_does_not_have() -> None:
    assert set().union(*NUMBERS) == names("fulfillment", "bigint")
    assert {*units.TIMES, *units.DURATIONS} <= names("fulfillment", "string")


def test_the_query_for_the_newest_version_keeps_one_row_of_each_order() -> None:
    (query,) = re.findall(r"```sql\n(.*?)```", markdown(), re.DOTALL)
    versions = [
        # account, id, last change, creation, object
        ("A", "1", "2018-10-31T10:00:00Z", "2018-10-01T10:00:00Z", "a"),
        ("A", "1", "2018-11-02T10:00:00Z", "2018-10-01T10:00:00Z", "b"),
        ("B", "1", None, "2017-01-01T10:00:00Z", "c"),
        ("A", "2", "", "2018-10-01T10:00:00Z", "d"),
        ("A", "2", "", "2018-10-01T10:00:00Z", "e"),
    ]
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE checkout (instanceid TEXT, id TEXT, lastchange TEXT, creationdate TEXT,"
        " _source_key TEXT)"
    )
    connection.executemany("INSERT INTO checkout VALUES (?, ?, ?, ?, ?)", versions)

    found = connection.execute(query).fetchall()

    assert {row[4] for row in found} == {"b", "c", "e"}
