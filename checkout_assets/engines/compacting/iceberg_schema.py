"""The schema of an analysts' table as Iceberg has it, with the columns' meanings as comments."""

from collections.abc import Iterator
from itertools import count
from typing import TYPE_CHECKING

from spark_jobs.compaction.columns import DERIVED, TIMES
from spark_jobs.schema import Column, table_columns
from spark_jobs.schema.types import Array, Struct, TextMap, Type
from spark_jobs.schema.units import CENTS

if TYPE_CHECKING:
    from pyiceberg.schema import Schema
    from pyiceberg.types import IcebergType


def described_columns(table: str) -> Iterator[tuple[str, str, str]]:
    """Yield name, type and meaning of each column, in order."""
    for derived in DERIVED:
        yield derived.name, derived.ddl, derived.meaning
    for column in table_columns(table):
        yield column.name, column.ddl, column_comment(column)


def iceberg_schema(table: str) -> "Schema":
    """Return the schema with field ids that are unique in it; the catalog may give others."""
    from pyiceberg.schema import Schema
    from pyiceberg.types import DateType, NestedField, TimestamptzType

    ids = count(1)
    times = {column.name for column in TIMES}
    derived = [
        NestedField(
            next(ids),
            column.name,
            TimestamptzType() if column.name in times else DateType(),
            required=False,
            doc=column.meaning,
        )
        for column in DERIVED
    ]
    plain = [
        NestedField(
            next(ids),
            column.name,
            _iceberg_type(column.type, ids),
            required=False,
            doc=column_comment(column),
        )
        for column in table_columns(table)
    ]
    return Schema(*derived, *plain)


def column_comment(column: Column) -> str:
    """Return the meaning of a plain table's column as catalogs show it, with its unit."""
    without_unit = column.name in CENTS and "cents" not in column.meaning
    return f"{column.meaning} (cents)" if without_unit else column.meaning


def _iceberg_type(kind: Type, ids: Iterator[int]) -> "IcebergType":
    from pyiceberg import types

    if isinstance(kind, Array):
        element = _iceberg_type(kind.element, ids)
        return types.ListType(next(ids), element, element_required=False)
    if isinstance(kind, TextMap):
        text = types.StringType()
        return types.MapType(next(ids), text, next(ids), text, value_required=False)
    if isinstance(kind, Struct):
        return types.StructType(
            *(
                types.NestedField(next(ids), name, _iceberg_type(field, ids), required=False)
                for name, field in kind.fields
            )
        )
    plain: dict[str, IcebergType] = {
        "string": types.StringType(),
        "bigint": types.LongType(),
        "double": types.DoubleType(),
        "boolean": types.BooleanType(),
    }
    return plain[kind.name]
