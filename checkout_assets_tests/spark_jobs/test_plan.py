"""The slices of a manifest: every row once, and never more bytes in one than a task can hold."""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from checkout_assets.engines.copying import manifest
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from spark_jobs.job import plan as planning
from spark_jobs.job.packing import WEIGHT_OF_A_FILE
from spark_jobs.job.plan import FolderError, plan_folder, read_slice

SIZES = (10, 40, 40, 200, 10, 10, 10)


def test_slices_hold_every_row_once_and_few_bytes(
    place: OrdersPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, size in enumerate(SIZES):
        place.put(f"{FOLDER}/AF/id/{number}-01", b"x" * size)
    monkeypatch.setattr(manifest, "ROWS_PER_GROUP", 6)
    place.copy()
    monkeypatch.setattr(planning, "SLICE_BYTES", 90)
    raw = place.raw.open()
    plan = plan_folder(raw, FOLDER)
    read = [read_slice(raw, piece).to_pylist() for piece in plan.slices]
    assert [[row["size"] for row in rows] for rows in read] == [[10, 40, 40], [200], [10, 10], [10]]
    assert [piece.total_bytes for piece in plan.slices] == [90, 200, 20, 10]
    assert [row["source_key"] for rows in read for row in rows] == [
        f"{FOLDER}/AF/id/{number}-01" for number in range(len(SIZES))
    ]


def cut(data: bytes) -> bytes:
    return data[:-1]


def changed(data: bytes) -> bytes:
    return data[:8] + bytes([data[8] ^ 1]) + data[9:]


def of_other_rows(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pq.read_table(pa.BufferReader(data)).slice(1), sink)
    return bytes(sink.getvalue())


@pytest.mark.parametrize("spoil", [cut, changed, of_other_rows])
def test_a_part_that_changed_after_the_plan_is_not_read(
    place: OrdersPlace, spoil: Callable[[bytes], bytes]
) -> None:
    place.put(f"{FOLDER}/AF/id/1-01", b"x")
    place.put(f"{FOLDER}/AF/id/2-01", b"x")
    place.copy()
    raw = place.raw.open()
    (piece,) = plan_folder(raw, FOLDER).slices
    place.put(piece.part_key, spoil(raw.get(piece.part_key).data), place.raw)
    with pytest.raises(
        FolderError, match=r"is not the one its record names. Copy the folder again"
    ):
        read_slice(raw, piece)


def test_a_part_that_went_after_the_plan_is_missing(place: OrdersPlace) -> None:
    place.put(f"{FOLDER}/AF/id/1-01", b"x")
    place.copy()
    raw = place.raw.open()
    (piece,) = plan_folder(raw, FOLDER).slices
    place.delete(piece.part_key, place.raw)
    with pytest.raises(FolderError, match=r"part-00000.parquet is missing. Copy the folder again"):
        read_slice(raw, piece)


def test_an_object_above_the_limit_weighs_what_is_read_of_it(
    place: OrdersPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, size in enumerate(SIZES):
        place.put(f"{FOLDER}/AF/id/{number}-01", b"x" * size)
    place.copy()
    monkeypatch.setattr(planning, "KEPT_BYTES", 20)
    monkeypatch.setattr(planning, "SLICE_BYTES", 90)
    plan = plan_folder(place.raw.open(), FOLDER, largest=50)
    assert plan.total_bytes == sum(SIZES) - 200 + 20
    assert [piece.total_bytes for piece in plan.slices] == [90, 50]


def test_a_plan_weighs_bytes_and_the_days_its_objects_were_written(place: OrdersPlace) -> None:
    place.put(f"{FOLDER}/AF/id/1-01", b"x" * 30)
    place.put(f"{FOLDER}/AF/id/2-01", b"x" * 12)
    place.copy()
    plan = plan_folder(place.raw.open(), FOLDER)
    assert (plan.rows, plan.total_bytes) == (2, 42)
    assert plan.weight == 42 + plan.days * WEIGHT_OF_A_FILE
    assert plan.days in {1, 2}
