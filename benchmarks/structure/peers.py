"""Other tools, on clean documents in one file on disk: the easiest case.

The peers only parse all columns of the schema and write Parquet by day; they neither rescue,
redact, quarantine, count nor publish.

python -m benchmarks.structure.peers floor|duckdb|polars ORDERS.ndjson DIRECTORY
"""

import json
import sys
from pathlib import Path
from typing import Any

import orjson

from spark_jobs.schema import data_columns
from spark_jobs.schema.types import Array, Struct, TextMap

_DUCKDB_TYPES = {"string": "VARCHAR", "bigint": "BIGINT", "double": "DOUBLE", "boolean": "BOOLEAN"}


def floor(orders: Path, _: Path) -> None:
    """Only parse the documents and their nested texts, with the fastest parser."""
    for line in orders.read_bytes().splitlines():
        for value in orjson.loads(line).values():
            if type(value) is str and value[:1] in "{[" and value:
                orjson.loads(value)


def duckdb(orders: Path, directory: Path) -> None:
    """DuckDB: outer fields as text, nested ones by ``json_transform`` with the schema."""
    import duckdb as engine

    columns = data_columns("checkout")
    fields = ", ".join(f"'{column.source_field}': 'VARCHAR'" for column in columns)
    selected = ", ".join(_duckdb_column(column) for column in columns)
    day = "coalesce(nullif(LastChange, ''), CreationDate)"
    parts = ", ".join(
        f"substr({day}, {start}, {length}) AS {name}"
        for name, start, length in (("YEAR", 1, 4), ("MONTH", 6, 2), ("DAY", 9, 2))
    )
    connection = engine.connect()
    connection.execute("SET threads = 2")
    connection.execute(
        f"COPY (SELECT {selected}, {parts} FROM read_json('{orders}', format = "
        f"'newline_delimited', columns = {{{fields}}}, maximum_object_size = 50000000)) "
        f"TO '{directory}' (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (YEAR, MONTH, DAY))"
    )


def _duckdb_column(column: Any) -> str:
    field, kind = f'"{column.source_field}"', column.type
    if isinstance(kind, Struct | Array | TextMap):
        shape = json.dumps(_duckdb_shape(kind))
        return f"json_transform(try_cast({field} AS JSON), '{shape}') AS \"{column.name}\""
    return f'try_cast({field} AS {_DUCKDB_TYPES[kind.name]}) AS "{column.name}"'


def _duckdb_shape(kind: Any) -> Any:
    if isinstance(kind, Struct):
        return {name: _duckdb_shape(field) for name, field in kind.fields}
    if isinstance(kind, Array):
        return [_duckdb_shape(kind.element)]
    return "JSON" if isinstance(kind, TextMap) else _DUCKDB_TYPES[kind.name]


def polars(orders: Path, directory: Path) -> None:
    """Polars: outer fields as text, nested ones with the types it infers from the documents.

    Its decoder rejects a number written as text, so it cannot use the schema; its columns are those
    that the documents have.
    """
    import polars as pl

    columns = data_columns("checkout")
    frame = pl.read_ndjson(orders, schema={column.source_field: pl.String for column in columns})
    day = pl.when(pl.col("LastChange") != "").then("LastChange").otherwise("CreationDate")
    parts = [
        day.str.slice(start, length).alias(name)
        for name, start, length in (("YEAR", 0, 4), ("MONTH", 5, 2), ("DAY", 8, 2))
    ]
    read = [
        _polars_nested(frame[column.source_field])
        if isinstance(column.type, Struct | Array | TextMap)
        else frame[column.source_field]
        for column in columns
    ]
    frame.select(*parts).hstack(read).write_parquet(
        directory, compression="zstd", partition_by=["YEAR", "MONTH", "DAY"], mkdir=True
    )


def _polars_nested(texts: Any) -> Any:
    import polars as pl

    usable = texts.set(texts == "", None).fill_null("null")
    lines = "\n".join(f'{{"{texts.name}":{text}}}' for text in usable)
    read = pl.read_ndjson(lines.encode(), infer_schema_length=None)[texts.name]
    return texts if _is_unwritable(read.dtype) else read


def _is_unwritable(kind: Any) -> bool:
    """Whether Parquet cannot hold it: a struct without fields somewhere within."""
    inner = getattr(kind, "inner", None)
    if inner is not None:
        return _is_unwritable(inner)
    fields = getattr(kind, "fields", None)
    return fields is not None and (
        not fields or any(_is_unwritable(field.dtype) for field in fields)
    )


if __name__ == "__main__":
    {"floor": floor, "duckdb": duckdb, "polars": polars}[sys.argv[1]](
        Path(sys.argv[2]), Path(sys.argv[3])
    )
