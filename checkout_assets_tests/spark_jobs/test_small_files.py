"""Small files are written with few of their columns, and have the bytes that pyarrow writes."""

from dataclasses import dataclass, field
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.structure.orders import Kind, Orders
from checkout_assets_tests.spark_jobs.test_writing import order_lines
from spark_jobs.conforming import Conformer, Row, table_from_lines
from spark_jobs.contract.order_types import OrderType
from spark_jobs.footers import put_together, taken_apart
from spark_jobs.job.small_files import SmallFiles
from spark_jobs.job.thin_tables import thinned
from spark_jobs.job.writing import parquet_writer
from spark_jobs.schema import arrow_schema

KEPT = ("id", "orderid", "_source_key")
PLAIN = b'{"id":"1","_source_key":"k"}'


@dataclass
class Writer:
    """pyarrow, as small files are written; it notes how many columns each file had."""

    columns: list[int] = field(default_factory=list)

    def __call__(self, table: pa.Table, codec: str | dict[str, str]) -> bytes:
        data = written(table, codec)
        self.columns.append(pq.ParquetFile(pa.BufferReader(data)).metadata.num_columns)
        return data


def written(table: pa.Table, codec: str | dict[str, str]) -> bytes:
    sink = pa.BufferOutputStream()
    kept = [name for name in KEPT if name in table.column_names]
    with parquet_writer(sink, table.schema, table.num_rows, kept, codec) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def file_of(files: SmallFiles, table: pa.Table, first: int, count: int, codec: Any) -> bytes:
    thin = thinned(table, KEPT).slice(first, count)
    return files.file_of(table.slice(first, count), thin, codec)


def conformed(kind: Kind, count: int) -> list[bytes]:
    conformer, orders = Conformer("checkout"), Orders.made(count, 3, kind)
    rows = [conformer.conform(orders.body(number)) for number in range(count)]
    return [row.line for row in rows if isinstance(row, Row)]


def tried() -> tuple[SmallFiles, Writer]:
    """What has written its first file, and its pyarrow from then on."""
    writer = Writer()
    files = SmallFiles(writer)
    table = table_from_lines("checkout", [PLAIN])
    assert file_of(files, table, 0, 1, "zstd") == written(table, "zstd")
    whole, thin = writer.columns
    assert thin < whole / 4
    writer.columns.clear()
    return files, writer


@pytest.mark.parametrize("kind", ["clean", "dirty", "drifted", "short"])
def test_files_of_orders_have_the_bytes_that_pyarrow_writes(kind: Kind) -> None:
    files, writer = tried()
    table = table_from_lines("checkout", conformed(kind, 40))
    for first, count in ((0, 1), (2, 5), (0, len(table))):
        for codec in ("zstd", {"id": "zstd", "totals.list.element.id": "zstd"}):
            rows = table.slice(first, count)
            assert file_of(files, table, first, count, codec) == written(rows, codec)
    assert max(writer.columns) < len(thinned(table, KEPT).sources) / 2


def test_files_of_fulfillment_orders_too() -> None:
    writer = Writer()
    files = SmallFiles(writer)
    table = table_from_lines("fulfillment", order_lines(OrderType.FULFILLMENT, 12))
    for first in range(0, 12, 3):
        rows = table.slice(first, 3)
        assert file_of(files, table, first, 3, "zstd") == written(rows, "zstd")
    assert max(writer.columns[1:]) < writer.columns[0] / 2


ROWS: list[dict[str, object]] = [
    {},
    {"id": None, "items": None},
    {"items": []},
    {"items": [None, {}]},
    {"items": [{"assemblies": []}, {"assemblies": [None]}]},
    {"items": [{"assemblies": [{"inputValues": []}, {"inputValues": None}]}]},
    {"items": [{"assemblies": [{"inputValues": [{"key": "k", "value": None}]}]}]},
    {"items": [{"components": [{"id": "1"}]}, {"priceTags": [{"rawValue": 1.5}]}]},
    {"totals": [{}], "value": 7, "iscompleted": False},
    {"shippingdata": {}, "clientprofiledata": {"email": None}},
    {"shippingdata": {"address": {}, "logisticsInfo": [{"slas": [{"deliveryIds": []}]}]}},
    {"shippingdata": {"address": {"geoCoordinates": [None, 1.0]}}, "sellers": [{}, None]},
]
"""Of each kind of column: absent, null, empty, with nulls or empty ones in it, with a value."""


@pytest.mark.parametrize("number", range(len(ROWS)))
def test_files_of_rows_with_nulls_at_any_level_have_the_bytes_that_pyarrow_writes(
    number: int,
) -> None:
    files, writer = tried()
    for rows in ([ROWS[number]], [ROWS[number], *ROWS] * 9):
        table = table_from_lines("checkout", [orjson.dumps(row) for row in rows])
        assert file_of(files, table, 0, len(table), "zstd") == written(table, "zstd")
    assert max(writer.columns) < len(thinned(table, KEPT).sources) / 2


def test_a_file_that_cannot_be_taken_apart_is_written_whole() -> None:
    files, writer = tried()
    table = table_from_lines("checkout", [orjson.dumps({"id": "1" * 128}), PLAIN])
    assert file_of(files, table, 0, 1, "zstd") == written(table.slice(0, 1), "zstd")
    thin, whole = writer.columns
    assert thin < whole
    assert file_of(files, table, 1, 1, "zstd") == written(table.slice(1, 1), "zstd")
    assert writer.columns[2:] == [thin]


def other_if_thin(table: pa.Table, codec: str | dict[str, str]) -> bytes:
    """A file whose pages depend on how many columns there are."""
    return written(table, codec if table.schema.equals(arrow_schema("checkout")) else "snappy")


def stating_a_place(table: pa.Table, codec: str | dict[str, str]) -> bytes:
    """A file of which each column's description begins with a place, as in old versions."""
    small = taken_apart(written(table, codec))
    assert small is not None
    begin = bytes([0x26, 2 * table.num_rows])
    placed = [each._replace(path=begin + each.path[2:]) for each in small.columns]
    return put_together([small._replace(columns=placed)])


@pytest.mark.parametrize("write", [other_if_thin, stating_a_place])
def test_if_pyarrow_writes_other_files_than_expected_all_are_written_whole(write: Any) -> None:
    files = SmallFiles(write)
    table = table_from_lines("checkout", [PLAIN, b'{"id":"2","items":[{"id":"3"}]}'])
    for first, count in ((0, 1), (0, 2), (1, 1)):
        rows = table.slice(first, count)
        assert file_of(files, table, first, count, "zstd") == write(rows, "zstd")
