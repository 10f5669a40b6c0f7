"""The benchmark measures what it says: documents that conform, with the dirt it claims."""

from collections import Counter

import pytest

from benchmarks.structure.orders import Kind, Orders
from spark_jobs.conforming import Conformer, Row

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
