"""The tables' columns, read from the text in ``orders``."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, FrozenSet, Iterator, Tuple

from spark_jobs.contract.order_types import OrderType
from spark_jobs.contract.publication import SCHEMA_VERSION
from spark_jobs.schema.orders import COLUMNS, ONLY_IN_FULFILLMENT, STRUCTS
from spark_jobs.schema.removals import CLEANED_NAMES
from spark_jobs.schema.types import (
    Array,
    Column,
    Primitive,
    Struct,
    Type,
    arrow_type,
    read_columns,
    read_structs,
)

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "LINEAGE",
    "RESCUED",
    "Column",
    "arrow_schema",
    "data_columns",
    "known_names",
    "table_columns",
]

_TEXT = Primitive("string")

RESCUED = Column(
    "_rescued",
    "",
    Array(Struct((("path", _TEXT), ("value", _TEXT)))),
    "certain",
    "every value that no column holds: JSON Pointer and JSON text",
)
LINEAGE = (
    Column("_folder", "", _TEXT, "certain", "the folder it came from"),
    Column("_source_key", "", _TEXT, "certain", "the object it came from"),
    Column("_source_etag", "", _TEXT, "certain", "the version of that object"),
    Column("_run_id", "", _TEXT, "certain", "the run that wrote the row"),
)


@cache
def data_columns(table: str) -> Tuple[Column, ...]:
    """The columns filled from documents; ``table`` is ``checkout`` or ``fulfillment``."""
    columns = read_columns(COLUMNS, read_structs(STRUCTS))
    if table == OrderType.FULFILLMENT.table:
        return columns
    return tuple(column for column in columns if column.source_field not in ONLY_IN_FULFILLMENT)


def table_columns(table: str) -> Tuple[Column, ...]:
    """All columns of a table in order: data, ``_rescued``, lineage."""
    return (*data_columns(table), RESCUED, *LINEAGE)


@cache
def arrow_schema(table: str) -> pa.Schema:
    """The Arrow schema of every file of a table; its metadata has the schema's version."""
    import pyarrow as pa

    return pa.schema(
        [(column.name, arrow_type(column.type)) for column in table_columns(table)],
        metadata={"checkout_assets.schema_version": SCHEMA_VERSION},
    )


@cache
def known_names() -> FrozenSet[str]:
    """All field names of the schema, in lower case; any other name may be personal."""
    columns = read_columns(COLUMNS, read_structs(STRUCTS))
    names = {column.source_field for column in columns}
    names.update(name for column in columns for name in _names_within(column.type))
    return frozenset(name.lower() for name in names) | CLEANED_NAMES


def _names_within(kind: Type) -> Iterator[str]:
    if isinstance(kind, Array):
        yield from _names_within(kind.element)
    elif isinstance(kind, Struct):
        for name, field in kind.fields:
            yield name
            yield from _names_within(field)
