"""What one task of a compaction does: instants, parts, and a data file within bounded memory."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from checkout_assets.domain.folders import ALL_FOLDERS
from checkout_assets_tests.published_lake import comparable, order_row, plain_rows, publish_rows
from spark_jobs.compaction import writing
from spark_jobs.compaction.columns import compacted_schema
from spark_jobs.compaction.instants import utc_instant
from spark_jobs.compaction.parts import (
    BYTES_BESIDE_VALUES,
    CompactionJob,
    PartCompacted,
    in_parts,
)
from spark_jobs.compaction.writing import compact_part
from spark_jobs.contract.keys import table_file_key
from spark_jobs.contract.order_types import OrderType
from spark_jobs.contract.publication import PublishedFile
from spark_jobs.job.writing import FolderWriter
from spark_jobs.stores import Store, open_store

FOLDER = "0A_CheckoutOrder"


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2015-07-17T17:57:42.1911258Z", "2015-07-17T17:57:42.191125+00:00"),
        ("2015-07-17T17:57:42Z", "2015-07-17T17:57:42+00:00"),
        ("2015-07-17 17:57:42z", "2015-07-17T17:57:42+00:00"),
        ("2015-07-17T23:57:42.5-03:00", "2015-07-18T02:57:42.500000+00:00"),
        ("2015-07-17T00:30:00+0530", "2015-07-16T19:00:00+00:00"),
        ("2016-02-29T00:00:00+14:00", "2016-02-28T10:00:00+00:00"),
    ],
)
def test_an_instant_is_resolved_to_utc(text: str, instant: str) -> None:
    assert utc_instant(text) == datetime.fromisoformat(instant)


@pytest.mark.parametrize(
    "text",
    ["2015-07-17T17:57:42", "2015-07-17", "2015-02-29T00:00:00Z", "2015-07-17T24:00:00Z",
     "2015-07-17T17:57:60Z", "2015-07-17T17:57:42+15:00", "2015-07-17T17:57:42-00:60",
     "0001-01-01T00:00:00+01:00", "\uff19015-07-17T17:57:42Z", "2015-07-17T17:57:42Z ", "now"],
)  # fmt: skip
def test_what_states_no_instant_is_none(text: str) -> None:
    assert utc_instant(text) is None


def file_of(day: str, number: int, size: int) -> PublishedFile:
    return PublishedFile(table_file_key(FOLDER, day, "run1", number), size, 1)


def test_parts_hold_whole_files_in_the_order_of_days() -> None:
    size = 1_000_000 + BYTES_BESIDE_VALUES
    files = [file_of(day, n, size) for day in ("2018-10-31", "2018-10-02") for n in (0, 1)]
    parts = list(in_parts("2018-10", files, 2_000_000))
    assert [part.number for part in parts] == [0, 1]
    assert [file for part in parts for file in part.files] == sorted(files, key=lambda f: f.path)
    assert [len(part.files) for part in parts] == [2, 2]


@pytest.fixture(scope="module", params=OrderType)
def size_without_values(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> int:
    """The bytes of a file of one empty row, as the job writes it."""
    lake = open_store(str(tmp_path_factory.mktemp("one") / "lake"))
    folder = next(each.name for each in ALL_FOLDERS if each.order_type is request.param)
    (file,) = FolderWriter(lake, folder, "run1").write_days([("2018-10-31", [b"{}"])])
    return file.size


def test_what_a_file_holds_beside_its_values_is_as_the_job_writes_it(
    size_without_values: int,
) -> None:
    assert size_without_values == pytest.approx(BYTES_BESIDE_VALUES, rel=0.03)


def test_a_file_of_one_row_a_day_in_each_folder_is_one_part(size_without_values: int) -> None:
    """A row of 5 KB in each file, compressed alone."""
    size = size_without_values + 5_000
    files = [file_of("2018-10-31", number, size) for number in range(256 * 31)]
    (part,) = in_parts("2018-10", files, 128_000_000)
    assert part.rows == len(files)


def test_a_file_above_the_target_is_a_part_of_its_own() -> None:
    files = [file_of("2018-10-31", number, 30_000_000) for number in range(3)]
    assert [len(part.files) for part in in_parts("2018-10", files, 1_000_000)] == [1, 1, 1]


@pytest.fixture
def local_lake(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "lake"))


def path_of(part: PartCompacted) -> str:
    assert part.file is not None, part.error
    return part.file.path


def data_file(lake: Store, path: str) -> pq.ParquetFile:
    return pq.ParquetFile(pa.BufferReader(lake.get(path).data))


def test_memory_is_bounded_by_row_groups(
    local_lake: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "ROW_GROUP_BYTES", 1)
    rows = [order_row("2", "2018-10-01T00:00:00Z"), order_row("1")]
    record = publish_rows(local_lake, FOLDER, "run1", rows)
    (part,) = in_parts("2018-10", record.files, 10**9)
    written = compact_part(CompactionJob(local_lake.uri, "run-a", "checkout"), part)
    file = data_file(local_lake, path_of(written))
    assert written.file is not None
    assert (written.error, written.file.rows, file.metadata.num_row_groups) == ("", 2, 2)
    assert file.schema_arrow.equals(compacted_schema("checkout").remove_metadata())
    assert comparable(file.read().to_pylist(), "checkout") == comparable(
        plain_rows(local_lake, "checkout"), "checkout"
    )


def test_many_small_files_are_combined_early(
    local_lake: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_FILES_COMBINED", 2)
    rows = [order_row(str(day), f"2018-10-{day:02}T00:00:00Z") for day in range(9, 2, -1)]
    record = publish_rows(local_lake, FOLDER, "run1", rows)
    (part,) = in_parts("2018-10", record.files, 10**9)
    written = compact_part(CompactionJob(local_lake.uri, "run-a", "checkout"), part)
    found = data_file(local_lake, path_of(written)).read().to_pylist()
    assert [row["id"] for row in found] == ["3", "4", "5", "6", "7", "8", "9"]


def test_versions_of_an_order_stand_in_the_order_of_their_change(local_lake: Store) -> None:
    times = ["2018-10-31T10:00:00Z", "2018-10-31T11:30:00+02:00", "2018-10-31T01:00:00"]
    record = publish_rows(local_lake, FOLDER, "run1", [order_row("1", time) for time in times])
    (part,) = in_parts("2018-10", record.files, 10**9)
    written = compact_part(CompactionJob(local_lake.uri, "run-a", "checkout"), part)
    found = data_file(local_lake, path_of(written)).read().to_pylist()
    assert [row["changed_at"] for row in found] == [
        datetime(2018, 10, 31, 9, 30, tzinfo=UTC),
        datetime(2018, 10, 31, 10, 0, tzinfo=UTC),
        None,
    ]
    assert written.file is not None
    assert written.file.unstated == {"created_at": 0, "changed_at": 1}


def test_a_file_of_an_earlier_schema_gets_nulls_and_one_of_a_later_is_refused(
    local_lake: Store,
) -> None:
    record = publish_rows(local_lake, FOLDER, "run1", [order_row("1")])
    (file,) = record.files
    plain = pq.read_table(pa.BufferReader(local_lake.get(file.path).data))
    for name, table, error in (
        ("earlier", plain.drop_columns(["value"]), ""),
        ("later", plain.append_column("tomorrow", pa.array(["x"])), "columns that this version"),
    ):
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, store_schema=False)
        data = bytes(sink.getvalue())
        local_lake.put(file.path, data)
        (part,) = in_parts("2018-10", [PublishedFile(file.path, len(data), 1)], 10**9)
        written = compact_part(CompactionJob(local_lake.uri, name, "checkout"), part)
        assert error in written.error
        assert bool(written.error) is bool(error)
        if not error:
            (row,) = data_file(local_lake, path_of(written)).read().to_pylist()
            assert (row["value"], row["id"]) == (None, "1")
