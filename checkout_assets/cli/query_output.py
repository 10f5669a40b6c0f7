"""How the rows of a query are printed: as a table, CSV, JSON or Parquet."""

import csv
import json
import math
import sys
from collections.abc import Iterator
from datetime import date, datetime, time
from itertools import islice
from typing import TYPE_CHECKING, Any

from checkout_assets.cli.console import say, table_console
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from checkout_assets.engines.querying.orders_query import OrdersQuery

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Text that begins so is a formula for a spreadsheet (OWASP, "CSV Injection")."""


class Answer:
    """The rows of one SELECT, read a batch at a time."""

    def __init__(self, orders: "OrdersQuery", sql: str) -> None:
        self._orders = orders
        self._reader = orders.run(sql)

    @property
    def schema(self) -> "pa.Schema":
        """The columns."""
        return self._reader.schema

    @property
    def names(self) -> list[str]:
        """The columns' names; two columns may share one."""
        return list(self.schema.names)

    def batches(self) -> "Iterator[pa.RecordBatch]":
        """Yield the batches."""
        while (batch := self._orders.read(self._reader)) is not None:
            yield batch

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield the rows."""
        for batch in self.batches():
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def print_as_table(answer: Answer, limit: int) -> None:
    """Print the first ``limit`` rows; a message says if there are more."""
    from rich.table import Table

    table = Table(*map(displayable, answer.names))
    rows = answer.rows()
    for row in islice(rows, limit):
        table.add_row(*(displayable(_cell(value)) for value in row))
    table_console().print(table)
    if next(rows, None) is not None:
        say(f"More rows than {limit:,} were found: use --limit, or another --format.")


def print_as_csv(answer: Answer) -> None:
    """Print a line of names, then a line per row; nested values are JSON."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(map(_harmless, answer.names))
    for row in answer.rows():
        writer.writerow(
            _harmless(value) if isinstance(value, str) else _cell(value) for value in row
        )


def print_as_json(answer: Answer) -> None:
    """Print one document: the envelope of all commands, the columns, and each row as a list."""
    out = sys.stdout
    envelope = {"command": "query", "complete": True, "error": None, "columns": answer.names}
    rows = [[_plain(value) for value in row] for row in answer.rows()]
    out.write(json.dumps({**envelope, "rows": rows}, indent=1) + "\n")


def print_as_parquet(answer: Answer) -> None:
    """Write a Parquet file to standard output; raises UsageError if that is a terminal."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if sys.stdout.isatty():
        raise UsageError("Parquet is not for a terminal: redirect it to a file.")
    sink = pa.PythonFile(sys.stdout.buffer, mode="w")
    with pq.ParquetWriter(sink, answer.schema, compression="zstd") as writer:
        for batch in answer.batches():
            writer.write_batch(batch)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    plain = _plain(value)
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def _harmless(text: str) -> str:
    """Text that a spreadsheet does not take for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _plain(value: Any) -> Any:
    """The value as JSON has it: times in ISO 8601, other kinds as text, no NaN."""
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)
