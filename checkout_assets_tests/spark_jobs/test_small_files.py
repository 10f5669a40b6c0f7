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
from spark_jobs.job import thin_tables
from spark_jobs.job.small_files import SmallFiles
from spark_jobs.job.thin_tables import ThinReader
from spark_jobs.job.writing import parquet_writer
from spark_jobs.schema import arrow_schema

KEPT = ("id", "orderid", "_source_key")
COLUMNS = 716
"""The leaf columns of ``checkout``."""
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


def small_files(write: Any, table: str = "checkout") -> SmallFiles:
    return SmallFiles(table, KEPT, write)


def expected(lines: list[bytes], codec: Any = "zstd", table: str = "checkout") -> bytes:
    return written(table_from_lines(table, lines), codec)


def conformed(kind: Kind, count: int) -> list[bytes]:
    conformer, orders = Conformer("checkout"), Orders.made(count, 3, kind)
    rows = [conformer.conform(orders.body(number)) for number in range(count)]
    return [row.line for row in rows if isinstance(row, Row)]


def tried() -> tuple[SmallFiles, Writer]:
    """What has written its first file, and its pyarrow from then on."""
    writer = Writer()
    files = small_files(writer)
    assert files.file_of([PLAIN], files.read([PLAIN]), "zstd") == expected([PLAIN])
    whole, thin = writer.columns
    assert whole == COLUMNS
    assert thin < whole / 4
    writer.columns.clear()
    return files, writer


@pytest.mark.parametrize("kind", ["clean", "dirty", "drifted", "short"])
def test_files_of_orders_have_the_bytes_that_pyarrow_writes(kind: Kind) -> None:
    files, writer = tried()
    lines = conformed(kind, 40)
    rows = files.read(lines)
    for first, count in ((0, 1), (2, 5), (0, 40)):
        some = lines[first : first + count]
        for codec in ("zstd", {"id": "zstd", "totals.list.element.id": "zstd"}):
            file = files.file_of(some, rows.slice(first, count), codec)
            assert file == expected(some, codec)
    assert max(writer.columns) < COLUMNS / 2


def test_files_of_fulfillment_orders_too() -> None:
    writer = Writer()
    files = small_files(writer, "fulfillment")
    lines = order_lines(OrderType.FULFILLMENT, 12)
    for first in range(0, 12, 3):
        some = lines[first : first + 3]
        file = files.file_of(some, files.read(some), "zstd")
        assert file == expected(some, table="fulfillment")
    assert max(writer.columns[1:]) < writer.columns[0] / 2


ROWS: list[dict[str, object]] = [
    {},
    {"id": None, "items": None},
    {"items": []},
    {"items": [{"uniqueId": "1"}], "instanceid": "2"},
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
        lines = list(map(orjson.dumps, rows))
        assert files.file_of(lines, files.read(lines), "zstd") == expected(lines)
    assert max(writer.columns) < COLUMNS / 2


@pytest.mark.parametrize("number", range(len(ROWS)))
def test_a_thin_table_has_the_rows_of_the_whole_one(number: int) -> None:
    reader = ThinReader("checkout", KEPT)
    for rows in ([ROWS[number]], ROWS, [ROWS[number], ROWS[-1]]):
        lines = list(map(orjson.dumps, rows))
        thin, whole = reader.read(lines).rows, table_from_lines("checkout", lines)
        assert thin.schema.metadata == whole.schema.metadata
        assert list(map(with_values, thin.to_pylist())) == list(map(with_values, whole.to_pylist()))


def with_values(value: Any) -> Any:
    """A value without the members that have none."""
    if isinstance(value, dict):
        members = {name: with_values(member) for name, member in value.items()}
        return {name: member for name, member in members.items() if member is not None}
    return list(map(with_values, value)) if isinstance(value, list) else value


def test_a_line_with_a_member_that_no_column_has_is_an_error_each_time() -> None:
    reader = ThinReader("checkout", KEPT)
    for _ in range(2):
        with pytest.raises(pa.ArrowInvalid, match="unexpected field"):
            reader.read([b'{"id":"1","surprise":1}'])
    assert reader.read([PLAIN]).rows.column("id").to_pylist() == ["1"]


def test_columns_are_read_from_their_first_occurrence_on(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[int] = []
    thin_schema = thin_tables.thin_schema

    def counted(*asked: Any) -> Any:
        found.append(1)
        return thin_schema(*asked)

    monkeypatch.setattr(thin_tables, "thin_schema", counted)
    reader = ThinReader("checkout", KEPT)
    for line in (PLAIN, b'{"totals":[{"id":null}]}', b'{"totals":[{"id":"1"},null]}', PLAIN):
        reader.read([line])
    assert len(found) == 2


def test_a_file_that_cannot_be_taken_apart_is_written_whole() -> None:
    files, writer = tried()
    long = orjson.dumps({"id": "1" * 128})
    assert files.file_of([long], files.read([long]), "zstd") == expected([long])
    thin, whole = writer.columns
    assert thin < whole
    assert files.file_of([PLAIN], files.read([PLAIN]), "zstd") == expected([PLAIN])
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
    files = small_files(write)
    item = b'{"id":"2","items":[{"id":"3"}]}'
    for lines in ([PLAIN], [PLAIN, item], [item]):
        whole = write(table_from_lines("checkout", lines), "zstd")
        assert files.file_of(lines, files.read(lines), "zstd") == whole
