"""Rows as lines of JSON, and lines as Arrow tables."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Iterable, List, Mapping, Sequence

import orjson

from spark_jobs.schema import arrow_schema

if TYPE_CHECKING:
    import pyarrow as pa


def with_lineage(line: bytes, folder: str, source_key: str, source_etag: str, run_id: str) -> bytes:
    """Return the line with its lineage columns."""
    lineage = {
        "_folder": folder,
        "_source_key": source_key,
        "_source_etag": source_etag,
        "_run_id": run_id,
    }
    return line[:-1] + b"," + orjson.dumps(lineage)[1:]


class LineReader:
    """Reads lines as the rows of an Arrow table.

    Only members that are in the schema ``read`` are read; all else is null.
    """

    def __init__(self, schema: pa.Schema, read: pa.Schema) -> None:
        import pyarrow as pa

        self._schema = schema
        # For pyarrow's JSON reader maps are lists of key and value.
        self._readable = pa.schema([(field.name, _readable(field.type)) for field in read])

    def rows(self, lines: Sequence[bytes]) -> pa.Table:
        """Return the rows of these lines, in their order.

        Raises ArrowInvalid if a line has a member that is not to be read.
        """
        import pyarrow as pa
        from pyarrow import json

        if not lines:
            return self._schema.empty_table()
        joined = b"\n".join(lines)
        read = json.read_json(
            pa.BufferReader(joined),
            # One block: a row may be larger than pyarrow's own block of 1 MiB.
            read_options=json.ReadOptions(use_threads=False, block_size=len(joined) + 1),
            parse_options=json.ParseOptions(
                explicit_schema=self._readable, unexpected_field_behavior="error"
            ),
        ).combine_chunks()
        given = {name: read.column(name).combine_chunks() for name in read.column_names}
        columns = _as_types(given, self._schema, len(lines))
        return pa.Table.from_arrays(columns, schema=self._schema)


def table_from_lines(table: str, lines: Sequence[bytes]) -> pa.Table:
    """Return the rows of these lines with the table's schema, in their order."""
    return _reader(table).rows(lines)


@cache
def _reader(table: str) -> LineReader:
    return LineReader(arrow_schema(table), arrow_schema(table))


def _readable(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    if pa.types.is_map(kind):
        return pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)]))
    if pa.types.is_list(kind):
        return pa.list_(_readable(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([(field.name, _readable(field.type)) for field in kind.fields])
    return kind


def _as_types(
    given: Mapping[str, pa.Array], fields: Iterable[pa.Field], length: int
) -> List[pa.Array]:
    """Return an array for each field: the given one of its name, as its type, or only nulls."""
    import pyarrow as pa

    return [
        _as_type(given[field.name], field.type)
        if field.name in given
        else pa.nulls(length, field.type)
        for field in fields
    ]


def _as_type(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return the values as ``kind``; a map and a list of key and value have the same buffers."""
    import pyarrow as pa

    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.nulls(0, array.type)
    if array.type == kind:
        return array
    if pa.types.is_struct(kind):
        fields = array.type.fields
        given = {field.name: array.field(index) for index, field in enumerate(fields)}
        children = _as_types(given, kind.fields, len(array))
    else:
        child = kind.value_type if pa.types.is_list(kind) else _entries_of(kind)
        children = [_as_type(array.values, child)]
    own_buffers = array.buffers()[: 1 if pa.types.is_struct(kind) else 2]
    return pa.Array.from_buffers(
        kind, len(array), own_buffers, array.null_count, array.offset, children
    )


def _entries_of(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    return pa.struct([kind.key_field, kind.item_field])
