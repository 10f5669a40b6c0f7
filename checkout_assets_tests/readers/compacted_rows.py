"""Reads an analysts' table with one library, and prints a digest of each month's rows.

Run in that library's Python. Standard input is JSON: the ``metadata`` file of the table, the data
``files`` of its current snapshot, the first days of its ``months`` and of those that follow them,
and the names of the ``columns`` to compare. The answer has, by month, the number of rows and a
digest of their multiset: the same for every library that reads the same values. Daft is not among
them: it refuses tables whose files have no field ids.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

Asked = dict[str, Any]
Row = Mapping[str, Any]
Digest = dict[str, Any]


def pyiceberg(asked: Asked, first: str, following: str) -> Iterator[Row]:
    from pyiceberg.table import StaticTable

    rows = StaticTable.from_metadata(asked["metadata"]).scan(
        row_filter=f"order_date >= '{first}' and order_date < '{following}'",
        selected_fields=tuple(asked["columns"]),
    )
    yield from rows.to_arrow().to_pylist()


def polars(asked: Asked, first: str, following: str) -> Iterator[Row]:
    import polars as library

    day = library.col("order_date")
    rows = library.scan_iceberg(asked["metadata"]).filter(
        (day >= date.fromisoformat(first)) & (day < date.fromisoformat(following))
    )
    yield from rows.select(asked["columns"]).collect().to_arrow().to_pylist()


def duckdb(asked: Asked, first: str, following: str) -> Iterator[Row]:
    import duckdb as library

    names = ", ".join(f'"{name}"' for name in asked["columns"])
    query = f"SELECT {names} FROM read_parquet(?) WHERE order_date >= ? AND order_date < ?"
    found = library.execute(query, [asked["files"], first, following])
    yield from found.to_arrow_table().to_pylist()


def pyarrow(asked: Asked, first: str, _: str) -> Iterator[Row]:
    """Not the analysts' table, but the plain one that it has to equal: its months' files."""
    from pyarrow import parquet

    for file in asked["plain"][first]:
        yield from parquet.ParquetFile(file).read(columns=asked["columns"]).to_pylist()


def digest(rows: Iterator[Row], columns: Sequence[str], null_is_empty: Sequence[str]) -> Digest:
    """Return the number and the digest of the rows, whatever their order.

    ``null_is_empty`` names columns that hold lists of structs, at any depth: PyIceberg reads such a
    list that is null as an empty one (apache/iceberg-python 3833).
    """
    told = sorted(
        json.dumps([_canonical(row[name], name in null_is_empty) for name in columns])
        for row in rows
    )
    return {"rows": len(told), "sha256": hashlib.sha256("\n".join(told).encode()).hexdigest()}


def _canonical(value: Any, null_is_empty: bool) -> Any:
    """The value as JSON; a map, which libraries return in three forms, as a list of pairs."""
    if isinstance(value, Mapping):
        if set(value) == {"key", "value"}:
            return [value["key"], _canonical(value["value"], null_is_empty)]
        return {name: _canonical(each, null_is_empty) for name, each in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [_canonical(each, null_is_empty) for each in value] or _none_if(null_is_empty)
    return value


def _none_if(null_is_empty: bool) -> list[Any] | None:
    return None if null_is_empty else []


READERS: dict[str, Callable[[Asked, str, str], Iterator[Row]]] = {
    reader.__name__: reader for reader in (pyiceberg, polars, duckdb)
}

if __name__ == "__main__":
    question = json.load(sys.stdin)
    read = {**READERS, "pyarrow": pyarrow}[sys.argv[1]]
    answer = {
        first: digest(
            read(question, first, following), question["columns"], question["null_is_empty"]
        )
        for first, following in question["months"].items()
    }
    sys.stdout.write("\n" + json.dumps(answer) + "\n")
