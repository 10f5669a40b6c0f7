"""Find the leaf columns of an Arrow table that have values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterator

if TYPE_CHECKING:
    import pyarrow as pa


def valued_columns(table: pa.Table) -> Iterator[str]:
    """Yield the Parquet paths of the leaf columns that are not null in every row.

    The paths are those of Parquet's own names for nested columns, ``items.list.element.id``. A
    path is repeated for each chunk of the table that has values in it.
    """
    for name, column in zip(table.column_names, table.columns):
        for chunk in column.chunks:
            yield from _valued(chunk, name)


def _valued(array: pa.Array, path: str) -> Iterator[str]:
    """Yield the paths below an array; skips what has only nulls, which most columns do."""
    import pyarrow as pa

    if array.null_count == len(array):
        return
    kind = array.type
    if pa.types.is_struct(kind):
        for index in range(kind.num_fields):
            yield from _valued(array.field(index), f"{path}.{kind.field(index).name}")
    elif pa.types.is_map(kind):
        yield from _valued(array.keys, f"{path}.key_value.key")
        yield from _valued(array.items, f"{path}.key_value.value")
    elif pa.types.is_list(kind):
        yield from _valued(array.values, f"{path}.list.element")
    else:
        yield path
