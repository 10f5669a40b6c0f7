"""Arrow tables without most of the columns that have no value.

Four of five leaf columns are null in every row. In a Parquet file such a column has only levels,
which tell where the rows are null, and they are the same for all columns that are null for the same
reason: because what is around them has values and they have none. One of these columns stands in
for the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Collection, Dict, List, NamedTuple, Optional, Tuple

if TYPE_CHECKING:
    import pyarrow as pa


class ThinTable(NamedTuple):
    """A table's rows without the columns for which another one stands in.

    ``sources`` has, for each leaf column of the whole table, the number of the leaf column here
    whose pages are the same.
    """

    rows: pa.Table
    sources: Tuple[int, ...]

    def slice(self, first: int, count: int) -> ThinTable:
        """Return some of the rows."""
        return ThinTable(self.rows.slice(first, count), self.sources)


class _Reason(NamedTuple):
    """Why a column has no value, as far as its levels and statistics depend on it.

    ``optional`` and ``repeated`` count the levels below what has values.
    """

    optional: int
    repeated: int
    kind: str


_StandIns = Dict[_Reason, int]
"""The number of the leaf column that stands in for all that are null for this reason."""


def thinned(table: pa.Table, kept: Collection[str]) -> ThinTable:
    """Return the rows without the columns for which another one stands in.

    The top-level columns ``kept`` stay and stand in for none. Each column of the table must be one
    chunk, and no slice.
    """
    import pyarrow as pa

    thinning = _Thinning()
    fields, arrays = [], []
    stand_ins: _StandIns = {}
    for field, column in zip(table.schema, table.columns):
        whole = column.chunk(0)
        array = thinning.own(whole) if field.name in kept else thinning.thin(whole, stand_ins)
        if array is not None:
            fields.append(field.with_type(array.type))
            arrays.append(array)
    rows = pa.Table.from_arrays(arrays, schema=pa.schema(fields, table.schema.metadata))
    return ThinTable(rows, tuple(thinning.sources))


class _Thinning:
    """Thins one table's columns, in their order, and notes each leaf column's source."""

    def __init__(self) -> None:
        self.sources: List[int] = []
        self._columns = 0

    def thin(self, array: pa.Array, stand_ins: _StandIns) -> Optional[pa.Array]:
        """Return what stays of an array; None if others stand in for all of it."""
        import pyarrow as pa

        kind = array.type
        if array.null_count == len(array):
            stays = self._without_values(kind, stand_ins, 0, 0)
            return None if stays is None else pa.nulls(len(array), stays)
        if pa.types.is_struct(kind):
            return self._struct(array)
        return self._list(array) if _is_plain_list(kind) else self.own(array)

    def own(self, array: pa.Array) -> pa.Array:
        """Return the array, which stays whole."""
        self._stay(array.type)
        return array

    def _struct(self, array: pa.Array) -> pa.Array:
        import pyarrow as pa

        fields, children = [], []
        stand_ins: _StandIns = {}
        for index, field in enumerate(_fields(array.type)):
            child = self.thin(array.field(index), stand_ins)
            if child is not None:
                fields.append(field.with_type(child.type))
                children.append(child)
        return pa.Array.from_buffers(
            pa.struct(fields), len(array), array.buffers()[:1], array.null_count, 0, children
        )

    def _list(self, array: pa.Array) -> pa.Array:
        import pyarrow as pa

        values = self.thin(array.values, {})
        assert values is not None  # its first column stands in for the others
        kind = pa.list_(array.type.value_field.with_type(values.type))
        return pa.Array.from_buffers(
            kind, len(array), array.buffers()[:2], array.null_count, 0, [values]
        )

    def _without_values(
        self, kind: pa.DataType, stand_ins: _StandIns, optional: int, repeated: int
    ) -> Optional[pa.DataType]:
        import pyarrow as pa

        if pa.types.is_struct(kind):
            found = [
                (field, self._without_values(field.type, stand_ins, optional + 1, repeated))
                for field in _fields(kind)
            ]
            stay = [field.with_type(stays) for field, stays in found if stays is not None]
            return pa.struct(stay) if stay else None
        if _is_plain_list(kind):
            field = kind.value_field
            stays = self._without_values(field.type, stand_ins, optional + 2, repeated + 1)
            return None if stays is None else pa.list_(field.with_type(stays))
        return self._stand_in(kind, stand_ins, optional, repeated)

    def _stand_in(
        self, kind: pa.DataType, stand_ins: _StandIns, optional: int, repeated: int
    ) -> Optional[pa.DataType]:
        reason = _Reason(optional, repeated, _kind(kind))
        first = stand_ins.get(reason)
        if first is None:
            stand_ins[reason] = self._columns
            self._stay(kind)
            return kind
        self.sources.extend(range(first, first + _columns(kind)))
        return None

    def _stay(self, kind: pa.DataType) -> None:
        count = _columns(kind)
        self.sources.extend(range(self._columns, self._columns + count))
        self._columns += count


def _fields(kind: pa.DataType) -> List[pa.Field]:
    return [kind.field(index) for index in range(kind.num_fields)]


def _is_plain_list(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_list(kind) and not pa.types.is_map(kind))


def _columns(kind: pa.DataType) -> int:
    """Return the number of leaf columns; a map stays whole."""
    import pyarrow as pa

    return 2 if pa.types.is_map(kind) else 1


def _kind(kind: pa.DataType) -> str:
    """Return what differs in the statistics: those of texts have the length of all of them."""
    import pyarrow as pa

    if pa.types.is_map(kind):
        return str(kind)
    return "text" if pa.types.is_string(kind) else "other"
