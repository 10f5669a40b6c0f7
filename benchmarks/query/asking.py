"""Three queries of analysts, over the plain table's files and over the analysts' table."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from checkout_assets.engines.compacting.catalogs import open_catalog
from checkout_assets.engines.compacting.orders_table import OrdersTable
from checkout_assets.engines.locations import LocalLocation
from checkout_assets.engines.querying.orders_query import OrdersQuery
from spark_jobs.contract.order_types import OrderType

_CHECKOUT = OrderType.CHECKOUT.table
_PLAIN_MONTH = "FROM checkout WHERE YEAR = '2018' AND MONTH = '03'"
_MONTH = "FROM checkout WHERE order_date >= DATE '2018-03-01' AND order_date < DATE '2018-04-01'"


@dataclass(frozen=True, slots=True)
class Question:
    """A query in both dialects: the plain table is partitioned by text columns for the day."""

    what: str
    of_one_month: bool
    plain: str
    compacted: str


_PER_DAY = (
    "SELECT {day} AS day, hostname, count(*) AS orders, sum(value) AS value {rows} GROUP BY ALL"
)
_PER_SELLER = (
    "SELECT item.seller AS seller, sum(item.price * item.quantity) AS revenue "
    "FROM (SELECT unnest(items) AS item {rows}) GROUP BY ALL"
)
_PER_MONTH = (
    "SELECT {month} AS month, count(*) AS orders, sum(value) AS value FROM checkout GROUP BY ALL"
)
QUESTIONS = (
    Question(
        "orders per day and account, one month",
        True,
        _PER_DAY.format(day="CAST(DAY AS INT)", rows=_PLAIN_MONTH),
        _PER_DAY.format(day="CAST(day(order_date) AS INT)", rows=_MONTH),
    ),
    Question(
        "revenue per seller, one month",
        True,
        _PER_SELLER.format(rows=_PLAIN_MONTH),
        _PER_SELLER.format(rows=_MONTH),
    ),
    Question(
        "orders per month, all months",
        False,
        _PER_MONTH.format(month="CAST(MONTH AS INT)"),
        _PER_MONTH.format(month="CAST(month(order_date) AS INT)"),
    ),
)


@dataclass(frozen=True, slots=True)
class Answered:
    """Wall and CPU seconds of a query, from opening the table to the last row; its rows."""

    seconds: float
    cpu_seconds: float
    rows: list[tuple[Any, ...]]


def ask_plain(lake: Path, question: Question) -> Answered:
    """DuckDB reads the plain table's files, those of the month by its directories."""
    started, cpu = time.perf_counter(), time.process_time()
    files = lake / "consumable_tables" / _CHECKOUT / "**" / "*.parquet"
    with duckdb.connect(":memory:") as connection:
        connection.execute(
            "CREATE VIEW checkout AS SELECT * FROM read_parquet("
            f"'{files}', hive_partitioning = true, hive_types_autocast = false)"
        )
        rows = connection.execute(question.plain).fetchall()
    return _answered(started, cpu, rows)


def ask_compacted(lake: Path, question: Question) -> Answered:
    """Ask as ``checkout-assets query`` does, with the catalog opened anew."""
    started, cpu = time.perf_counter(), time.process_time()
    location = LocalLocation(lake)
    query = OrdersQuery([OrdersTable(open_catalog("", location), location, _CHECKOUT)])
    reader = query.run(question.compacted)
    rows = []
    while (batch := query.read(reader)) is not None:
        rows += [tuple(row.values()) for row in batch.to_pylist()]
    return _answered(started, cpu, rows)


def _answered(started: float, cpu: float, rows: list[tuple[Any, ...]]) -> Answered:
    seconds, cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    return Answered(seconds, cpu_seconds, sorted(rows, key=repr))
