"""Rows as lines of JSON, and lines as Arrow tables."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Sequence

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


def table_from_lines(table: str, lines: Sequence[bytes]) -> pa.Table:
    """Return the rows of these lines with the table's schema, in their order."""
    import pyarrow as pa
    from pyarrow import json

    if not lines:
        return arrow_schema(table).empty_table()
    joined = b"\n".join(lines)
    read = json.read_json(
        pa.BufferReader(joined),
        # One block: a row may be larger than pyarrow's own block of 1 MiB.
        read_options=json.ReadOptions(use_threads=False, block_size=len(joined) + 1),
        parse_options=json.ParseOptions(
            explicit_schema=_readable_schema(table), unexpected_field_behavior="error"
        ),
    ).combine_chunks()
    schema = arrow_schema(table)
    columns = [_as_type(read.column(field.name).combine_chunks(), field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


@cache
def _readable_schema(table: str) -> pa.Schema:
    """Return the table's schema for pyarrow's JSON reader: maps are lists of key and value."""
    import pyarrow as pa

    return pa.schema([(field.name, _readable(field.type)) for field in arrow_schema(table)])


def _readable(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    if pa.types.is_map(kind):
        return pa.list_(pa.struct([("key", kind.key_type), ("value", kind.item_type)]))
    if pa.types.is_list(kind):
        return pa.list_(_readable(kind.value_type))
    if pa.types.is_struct(kind):
        fields = (kind.field(index) for index in range(kind.num_fields))
        return pa.struct([(field.name, _readable(field.type)) for field in fields])
    return kind


def _as_type(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Return the values as ``kind``; a map and a list of key and value have the same buffers."""
    import pyarrow as pa

    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.nulls(0, array.type)
    if array.type == kind:
        return array
    if pa.types.is_struct(kind):
        children = [
            _as_type(array.field(index), kind.field(index).type) for index in range(kind.num_fields)
        ]
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
