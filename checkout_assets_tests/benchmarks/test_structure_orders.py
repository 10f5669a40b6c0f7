"""The benchmark measures what it says: documents that conform, with the dirt it claims."""

import io
from collections import Counter

import pyarrow.parquet as pq
import pytest

from benchmarks.structure.orders import Kind, Orders
from benchmarks.structure.stub import RawBucket
from spark_jobs.conforming import Conformer, Row
from spark_jobs.contract.completion import CompletionRecord
from spark_jobs.contract.keys import completion_record_key, manifest_part_key

COUNT = 300


@pytest.mark.parametrize(
    ("kind", "fewest", "most"), [("clean", 0, 0), ("dirty", 0.06, 0.12), ("short", 0, 0)]
)
def test_the_share_of_dirt_is_as_said(kind: Kind, fewest: float, most: float) -> None:
    orders = Orders.made(COUNT, 30, kind)
    conformer = Conformer("checkout")
    rows = [conformer.conform(orders.body(number)) for number in range(len(orders.templates))]
    assert all(isinstance(row, Row) for row in rows)
    rescued = sum(isinstance(row, Row) and row.rescued > 0 for row in rows) / len(rows)
    assert fewest <= rescued <= most


def test_every_drifted_document_leaves_the_fast_path_for_the_exact_one() -> None:
    drifted = Orders.made(COUNT, 30, "drifted").body(1)
    clean = Orders.made(COUNT, 30, "clean").body(1)
    assert b'"items"' in drifted and b'"Items"' in clean  # noqa: PT018 - one statement
    assert isinstance(Conformer("checkout").conform(drifted), Row)


def test_documents_spread_evenly_over_the_days() -> None:
    orders = Orders.made(COUNT, 30, "clean")
    conformer = Conformer("checkout")
    days = Counter()
    ids = set()
    for number in range(COUNT):
        row = conformer.conform(orders.body(number))
        assert isinstance(row, Row)
        days[row.day] += 1
        ids.add(row.line[:40])
    assert len(ids) == COUNT
    assert set(days.values()) == {COUNT // 30}


def test_the_manifest_has_the_sizes_of_the_bodies_that_are_served() -> None:
    """Structuring refuses a body of another length."""
    folder = "0A_CheckoutOrder"
    bucket = RawBucket(Orders.made(COUNT, 30, "dirty"), [folder])
    record = CompletionRecord.from_json(served(bucket, completion_record_key(folder)))
    part = manifest_part_key(folder, record.copy_id, record.parts[0].name)
    rows = pq.read_table(io.BytesIO(served(bucket, part))).to_pylist()
    assert len(rows) == COUNT
    assert all(len(served(bucket, row["raw_key"])) == row["size"] for row in rows)
    assert record.total_bytes == sum(row["size"] for row in rows)


def served(bucket: RawBucket, key: str) -> bytes:
    found = bucket.get(key)
    assert found is not None
    return found[0]
