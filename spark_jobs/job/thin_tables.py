"""Arrow tables with few of the columns that have no value.

Four of five leaf columns are null in every row. In a Parquet file such a column has only levels,
which tell where the rows are null, and they are the same for all columns that are null for the same
reason: what is around them has values and they have none. One of these columns stands in for the
others.
"""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    Any,
    Collection,
    Dict,
    Iterable,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

import orjson

from spark_jobs.conforming import LineReader
from spark_jobs.schema import arrow_schema

if TYPE_CHECKING:
    import pyarrow as pa

Names = Dict[str, "Names"]
"""The names of members, and those in each of them; a list has the names of its elements."""


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


class ThinReader:
    """Reads lines as thin tables: what a column costs is paid from its first occurrence on.

    The top-level columns ``kept`` are always read, and stand in for no others.
    """

    def __init__(self, table: str, kept: Collection[str]) -> None:
        self._schema = arrow_schema(table)
        self._seen: Names = {name: {} for name in kept}
        self._thin()

    def read(self, lines: Sequence[bytes]) -> ThinTable:
        """Return the rows of these lines, in their order; raises ArrowInvalid like LineReader."""
        import pyarrow as pa

        try:
            rows = self._reader.rows(lines)
        except pa.ArrowInvalid:  # probably of a member that was not seen before
            for line in lines:
                _see(self._seen, orjson.loads(line))
            self._thin()
            rows = self._reader.rows(lines)
        return ThinTable(rows, self._sources)

    def _thin(self) -> None:
        import pyarrow as pa

        schema, self._sources = thin_schema(self._schema, self._seen)
        # Stand-ins are not read, so that they cannot get a value.
        self._reader = LineReader(schema, pa.schema(_seen_of(self._schema, self._seen)))


def _see(names: Names, value: Any) -> None:
    """Add the names of all members in a value."""
    if isinstance(value, dict):
        for name, member in value.items():
            below = names.setdefault(name, {})
            if isinstance(member, (dict, list)):
                _see(below, member)
    elif isinstance(value, list):
        for element in value:
            _see(names, element)


def _seen_of(fields: Iterable[pa.Field], seen: Names) -> List[pa.Field]:
    """Return the fields that were seen, with what was seen of each."""
    return [
        field.with_type(_seen_in(field.type, seen[field.name]))
        for field in fields
        if field.name in seen
    ]


def _seen_in(kind: pa.DataType, seen: Names) -> pa.DataType:
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return pa.struct(_seen_of(kind.fields, seen))
    if pa.types.is_list(kind):
        element = kind.value_field
        return pa.list_(element.with_type(_seen_in(element.type, seen)))
    return kind


def thin_schema(schema: pa.Schema, seen: Names) -> Tuple[pa.Schema, Tuple[int, ...]]:
    """Return the schema of a thin table, and its ``sources``.

    ``seen`` are the columns that may have values.
    """
    import pyarrow as pa

    thinning = _Thinning()
    fields = thinning.fields(list(schema), seen)
    return pa.schema(fields, schema.metadata), tuple(thinning.sources)


class _Reason(NamedTuple):
    """Why something has no value, as far as the levels of its leaf columns depend on it.

    ``optional`` and ``repeated`` count the levels below what may have values.
    """

    optional: int
    repeated: int
    columns: int


_StandIns = Dict[_Reason, int]
"""The number of the leaf column that stands in for all that are null for this reason."""


class _Thinning:
    """Thins a schema, field by field, and notes each leaf column's source."""

    def __init__(self) -> None:
        self.sources: List[int] = []
        self._columns = 0

    def fields(self, fields: Sequence[pa.Field], seen: Names) -> List[pa.Field]:
        """Return what stays of the fields of something that may have values."""
        stand_ins: _StandIns = {}
        thin = [(field, self._field(field, seen, stand_ins)) for field in fields]
        return [field.with_type(kind) for field, kind in thin if kind is not None]

    def _field(self, field: pa.Field, seen: Names, stand_ins: _StandIns) -> Optional[pa.DataType]:
        if field.name in seen:
            return self._with_values(field.type, seen[field.name])
        return self._without_values(field.type, stand_ins, 0, 0)

    def _with_values(self, kind: pa.DataType, seen: Names) -> pa.DataType:
        import pyarrow as pa

        if pa.types.is_struct(kind):
            return pa.struct(self.fields(kind.fields, seen))
        if pa.types.is_list(kind):
            element = kind.value_field
            return pa.list_(element.with_type(self._with_values(element.type, seen)))
        self._stay(kind)
        return kind

    def _without_values(
        self, kind: pa.DataType, stand_ins: _StandIns, optional: int, repeated: int
    ) -> Optional[pa.DataType]:
        import pyarrow as pa

        if pa.types.is_struct(kind):
            found = [
                (field, self._without_values(field.type, stand_ins, optional + 1, repeated))
                for field in kind.fields
            ]
            stay = [field.with_type(stays) for field, stays in found if stays is not None]
            return pa.struct(stay) if stay else None
        if pa.types.is_list(kind):
            field = kind.value_field
            stays = self._without_values(field.type, stand_ins, optional + 2, repeated + 1)
            return None if stays is None else pa.list_(field.with_type(stays))
        return self._stand_in(kind, stand_ins, _Reason(optional, repeated, _columns(kind)))

    def _stand_in(
        self, kind: pa.DataType, stand_ins: _StandIns, reason: _Reason
    ) -> Optional[pa.DataType]:
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


def _columns(kind: pa.DataType) -> int:
    """Return the number of leaf columns; a map stays whole."""
    import pyarrow as pa

    return 2 if pa.types.is_map(kind) else 1
