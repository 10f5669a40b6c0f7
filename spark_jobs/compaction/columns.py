"""The columns of the analysts' tables: three that are derived, then those of the plain table."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Dict, List, NamedTuple, Sequence, Tuple

from spark_jobs.compaction.instants import utc_instant
from spark_jobs.schema import arrow_schema

if TYPE_CHECKING:
    from datetime import date

    import pyarrow as pa

DERIVED_VERSION = "1"
"""Of the derived columns: raise it with every change of them, and all months become stale."""

ORDER_DATE = "order_date"


class DerivedColumn(NamedTuple):
    """A column that only the analysts' tables have; ``source`` is the column it is made from."""

    name: str
    ddl: str
    source: str
    meaning: str


TIMES = (
    DerivedColumn(
        "created_at",
        "timestamp",
        "creationdate",
        "creationdate in UTC; null if its text has no time zone",
    ),
    DerivedColumn(
        "changed_at",
        "timestamp",
        "lastchange",
        "lastchange in UTC; null if its text has no time zone",
    ),
)
DERIVED: Tuple[DerivedColumn, ...] = (
    DerivedColumn(
        ORDER_DATE,
        "date",
        "",
        "the day of the last change, or else of the creation: YEAR, MONTH and DAY of the plain "
        "table, without time-zone conversion",
    ),
    *TIMES,
)


@cache
def compacted_schema(table: str) -> pa.Schema:
    """The schema of every data file of an analysts' table."""
    import pyarrow as pa

    types = {"date": pa.date32(), "timestamp": pa.timestamp("us", tz="UTC")}
    derived = [pa.field(column.name, types[column.ddl]) for column in DERIVED]
    plain = arrow_schema(table)
    return pa.schema([*derived, *plain], metadata=plain.metadata)


class DerivedRows(NamedTuple):
    """Rows with their derived columns; ``unstated`` counts texts without an instant, by column."""

    rows: pa.Table
    unstated: Dict[str, int]


def with_derived(rows: pa.Table, days: Sequence[date], table: str) -> DerivedRows:
    """Return rows of a plain table, each with its day, as rows of the analysts' table."""
    import pyarrow as pa

    schema = compacted_schema(table)
    arrays: List[pa.Array] = [pa.array(days, pa.date32())]
    unstated: Dict[str, int] = {}
    for column in TIMES:
        texts = rows.column(column.source).to_pylist()
        instants = [utc_instant(text) if text else None for text in texts]
        unstated[column.name] = sum(map(bool, texts)) - sum(map(bool, instants))
        arrays.append(pa.array(instants, schema.field(column.name).type))
    plain = [rows.column(name) for name in schema.names[len(DERIVED) :]]
    return DerivedRows(pa.table([*arrays, *plain], schema=schema), unstated)
