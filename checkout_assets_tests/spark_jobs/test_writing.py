"""Staged files: what is recorded of them, and how they are compressed."""

import hashlib
import random
from datetime import date

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from checkout_assets.sample.documents import Moment, encode, order
from spark_jobs.conforming import Conformer, Row
from spark_jobs.contract.columns import QUARANTINE_COLUMNS
from spark_jobs.contract.keys import staged_key
from spark_jobs.contract.order_types import OrderType, table_of
from spark_jobs.job.writing import (
    BYTES_WORTH_COMPRESSING as LIMIT,
)
from spark_jobs.job.writing import (
    ROWS_WORTH_A_DICTIONARY,
    ROWS_WORTH_COMPRESSED_NULLS,
    FolderWriter,
)
from spark_jobs.stores import Store

FOLDER = "0A_CheckoutOrder"
LONG = "1" * 2 * LIMIT
FOLDERS = {OrderType.CHECKOUT: FOLDER, OrderType.FULFILLMENT: "0A_FulfillmentOrder"}


def test_a_staged_file_is_recorded_with_the_digest_of_its_bytes(lake: Store) -> None:
    row = {name: None for name, _ in QUARANTINE_COLUMNS}
    line = b'{"id": "1", "_source_key": "k"}'
    writer = FolderWriter(lake, FOLDER, "run")
    staged = [writer.write_quarantine((0, 0), [row]), *writer.write_days([("2018-10-31", [line])])]
    for file in staged:
        data = lake.get(staged_key(FOLDER, "run", file.path)).data
        assert (file.size, file.rows) == (len(data), 1)
        assert file.sha256 == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("order_type", OrderType)
@pytest.mark.parametrize("rows", [1, 20, ROWS_WORTH_COMPRESSED_NULLS])
def test_of_a_small_table_file_the_columns_with_bytes_worth_it_are_zstd(
    lake: Store, order_type: OrderType, rows: int
) -> None:
    lines = order_lines(order_type, min(rows, 20))
    data = table_file(lake, order_type, lines * (rows // len(lines)))
    codecs = codecs_of(data)
    compressed = {path for path, codec in codecs.items() if codec == "ZSTD"}
    plain = plain_bytes(data)
    assert set(codecs.values()) <= {"ZSTD", "UNCOMPRESSED"}
    assert compressed <= {path for path, held in plain.items() if held}
    # Arrow's memory is not Parquet's page: far from the limit both say the same.
    assert compressed >= {path for path, held in plain.items() if held > 3 * LIMIT}
    assert not compressed & {path for path, held in plain.items() if held < LIMIT / 4}


def test_the_columns_of_lists_and_maps_have_the_bytes_of_their_elements(lake: Store) -> None:
    full = '{"id":"%s","items":[{"assemblies":[{"inputValues":[{"key":"%s","value":null}]}]}]}'
    lines = [(full % (LONG, LONG)).encode(), b'{"id":"2","items":[{"components":[]}],"totals":[]}']
    codecs = codecs_of(table_file(lake, OrderType.CHECKOUT, lines))
    assert {path for path, codec in codecs.items() if codec == "ZSTD"} == {
        "id",
        "items.list.element.assemblies.list.element.inputValues.key_value.key",
    }


def test_a_column_of_few_bytes_is_not_compressed_but_in_a_file_of_more_rows(lake: Store) -> None:
    line = b'{"id":"12345678"}'
    few, more = (codecs_of(table_file(lake, OrderType.CHECKOUT, [line] * n)) for n in (4, 16))
    assert (few["id"], more["id"]) == ("UNCOMPRESSED", "ZSTD")


def test_a_column_that_is_worth_it_on_average_is_zstd_in_each_file_of_a_table(lake: Store) -> None:
    writer = FolderWriter(lake, FOLDER, "run")
    long = f'{{"id":"1","sequence":"{LONG * 2}"}}'.encode()
    for staged in writer.write_days([("2018-10-31", [long]), ("2018-11-01", [b'{"id":"2"}'])]):
        codecs = codecs_of(lake.get(staged_key(FOLDER, "run", staged.path)).data)
        assert {path for path, codec in codecs.items() if codec == "ZSTD"} == {"sequence"}


@pytest.mark.parametrize("rows", [ROWS_WORTH_COMPRESSED_NULLS + 1, ROWS_WORTH_A_DICTIONARY])
def test_of_a_larger_table_file_all_columns_are_zstd(lake: Store, rows: int) -> None:
    data = table_file(lake, OrderType.CHECKOUT, [b'{"id": "1", "_source_key": "k"}'] * rows)
    assert set(codecs_of(data).values()) == {"ZSTD"}


def order_lines(order_type: OrderType, count: int) -> list[bytes]:
    """Conformed orders like the source's."""
    rng = random.Random(20181031)
    conformer = Conformer(table_of(FOLDERS[order_type]))
    moment = Moment(date(2018, 10, 31), date(2018, 11, 1))
    bodies = (order(rng, order_type, f"v{number}", moment) for number in range(count))
    rows = [conformer.conform(encode(body, rng)) for body in bodies]
    return [row.line for row in rows if isinstance(row, Row)]


def table_file(lake: Store, order_type: OrderType, lines: list[bytes]) -> bytes:
    folder = FOLDERS[order_type]
    (staged,) = FolderWriter(lake, folder, "run").write_days([("2018-10-31", lines)])
    return lake.get(staged_key(folder, "run", staged.path)).data


def codecs_of(data: bytes) -> dict[str, str]:
    """The codec of each leaf column."""
    group = pq.ParquetFile(pa.BufferReader(data)).metadata.row_group(0)
    chunks = (group.column(number) for number in range(group.num_columns))
    return {chunk.path_in_schema: chunk.compression for chunk in chunks}


def plain_bytes(data: bytes) -> dict[str, int]:
    """The bytes of each leaf column's values in Parquet, uncompressed; 0 without a value."""
    table = pq.read_table(pa.BufferReader(data))
    # The page's header would hold the smallest and the largest value once more.
    with_nulls, sizes = (chunks_of(table, statistics) for statistics in (True, False))
    return {
        chunk.path_in_schema: size.total_uncompressed_size
        if chunk.num_values > chunk.statistics.null_count
        else 0
        for chunk, size in zip(with_nulls, sizes, strict=True)
    }


def chunks_of(table: pa.Table, statistics: bool) -> list[pq.ColumnChunkMetaData]:
    """The column chunks of the same rows, without compression."""
    sink = pa.BufferOutputStream()
    pq.write_table(
        table, sink, compression="none", use_dictionary=False, write_statistics=statistics
    )
    group = pq.ParquetFile(pa.BufferReader(sink.getvalue())).metadata.row_group(0)
    return [group.column(number) for number in range(group.num_columns)]
