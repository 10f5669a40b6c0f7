"""Manifest parts are read only if they are as a copy writes them."""

import io
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spark_jobs.contract.manifest_parts import manifest_schema, open_part
from spark_jobs.contract.record_format import RecordError

ROW = {
    "folder": "0A_CheckoutOrder",
    "source_key": "0A_CheckoutOrder/A/id/1",
    "raw_key": "0A_CheckoutOrder/A/id/1",
    "kind": "document",
    "size": 2,
    "source_etag": "a",
    "raw_etag": "a",
    "last_modified": datetime(2018, 10, 31, tzinfo=UTC),
    "storage_class": "STANDARD",
    "status": "copied",
    "attempts": 1,
    "error": "",
}


def part(*rows: dict[str, object]) -> bytes:
    body = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), schema=manifest_schema()), body)
    return body.getvalue()


def test_a_part_with_all_values_is_opened() -> None:
    assert open_part(part(ROW, ROW), "p").metadata.num_rows == 2


@pytest.mark.parametrize("column", ROW)
def test_a_part_with_a_row_that_lacks_a_value_is_refused(column: str) -> None:
    with pytest.raises(RecordError, match="manifest part p has a row that lacks a value"):
        open_part(part(ROW, {**ROW, column: None}), "p")
