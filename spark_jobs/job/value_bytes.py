"""Count the bytes of values in the leaf columns of an Arrow table."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Iterator, Tuple

if TYPE_CHECKING:
    import pyarrow as pa


def value_bytes(table: pa.Table) -> Counter[str]:
    """Return the bytes in memory of each leaf column that is not null in every row.

    The columns are named by their Parquet paths, with Parquet's own names for nested columns:
    ``items.list.element.id``.
    """
    counted: Counter[str] = Counter()
    for name, column in zip(table.column_names, table.columns):
        for chunk in column.chunks:
            for path, length in _leaves(chunk, name):
                counted[path] += length
    return counted


def _leaves(array: pa.Array, path: str) -> Iterator[Tuple[str, int]]:
    """Yield the leaves below an array; skips what has only nulls, which most columns do."""
    import pyarrow as pa

    if array.null_count == len(array):
        return
    kind = array.type
    if pa.types.is_struct(kind):
        for index in range(kind.num_fields):
            yield from _leaves(array.field(index), f"{path}.{kind.field(index).name}")
    elif pa.types.is_map(kind):
        yield from _leaves(array.keys, f"{path}.key_value.key")
        yield from _leaves(array.items, f"{path}.key_value.value")
    elif pa.types.is_list(kind):
        yield from _leaves(array.values, f"{path}.list.element")
    else:
        yield path, array.nbytes
