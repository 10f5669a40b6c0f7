"""Small files that are read as one give the rows that each of them gives when it is read alone."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.query.lake import LakeSize, publish_lake
from spark_jobs.compaction import reading
from spark_jobs.compaction.parts import CompactionJob, MonthPart, in_parts
from spark_jobs.compaction.reading import rows_of_part
from spark_jobs.compaction.writing import compact_part
from spark_jobs.contract.order_types import OrderType
from spark_jobs.contract.publication import PublishedFile
from spark_jobs.footers import SmallFile, put_together, taken_apart
from spark_jobs.job.publishing import read_published
from spark_jobs.job.writing import parquet_writer
from spark_jobs.schema import arrow_schema
from spark_jobs.stores import Store, open_store

_SCHEMA = pa.schema(
    [("id", pa.string()), ("is_new", pa.bool_()), ("items", pa.list_(pa.int64()))]
    + [(f"c{number}", pa.float64()) for number in range(13)]
)
_ROWS: list[dict[str, object]] = [
    {"id": "1", "is_new": True, "items": [1, None]},
    {"id": "2", "c0": 0.5, "items": []},
    {"id": None},
]


def file_of(
    rows: Sequence[dict[str, object]], codec: str | dict[str, str] = "zstd", groups: int = 1
) -> bytes:
    """A file as structuring writes small ones, but of few columns."""
    sink = pa.BufferOutputStream()
    with parquet_writer(sink, _SCHEMA, len(rows), ["id"], codec) as writer:
        for _ in range(groups):
            writer.write_table(pa.Table.from_pylist(list(rows), schema=_SCHEMA))
    return bytes(sink.getvalue())


def read(data: bytes) -> pa.Table:
    return pq.ParquetFile(pa.BufferReader(data)).read()


def apart(data: bytes, other: SmallFile | None = None) -> SmallFile:
    taken = taken_apart(data, other)
    assert taken is not None
    return taken


def test_unlike_files_are_put_together_row_for_row() -> None:
    files = [
        file_of(_ROWS),
        file_of(_ROWS[:1]),
        file_of(_ROWS[2:], {"id": "zstd"}),
        file_of(_ROWS * 40, {"items": "zstd", "c0": "snappy"}),
        file_of([{"id": "x" * 127, "c12": 1.0}]),
        file_of(_ROWS),
    ]
    small: list[SmallFile] = []
    for data in files:
        small.append(apart(data, small[-1] if small else None))
    assert all(each.is_like(small[0]) for each in small)
    joined = read(put_together(small))
    assert joined.to_pylist() == [row for data in files for row in read(data).to_pylist()]
    assert [each.rows for each in small] == [3, 1, 1, 120, 1, 3]


def with_dictionary() -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(_ROWS, schema=_SCHEMA), sink, store_schema=False)
    return bytes(sink.getvalue())


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(with_dictionary(), id="dictionaries"),
        pytest.param(file_of(_ROWS, groups=2), id="two row groups"),
        pytest.param(file_of([{"id": "x" * 128}]), id="long statistics"),
        pytest.param(file_of(_ROWS)[:-1], id="cut off"),
        pytest.param(b"PAR1", id="only the magic number"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_a_file_with_another_footer_is_not_taken_apart(data: bytes) -> None:
    assert taken_apart(data) is None


def test_whatever_a_footer_says_a_file_is_read_as_alone_or_not_at_all() -> None:
    data = file_of(_ROWS)
    first = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    known, joined = apart(data), 0
    for place in range(first, len(data) - 8):
        changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
        small = taken_apart(changed, known)
        if small is not None:
            joined += 1
            assert rows_or_error(put_together([small])) == rows_or_error(changed)
    assert joined > 0


def rows_or_error(data: bytes) -> object:
    try:
        return repr(read(data).to_pylist())
    except (pa.ArrowException, OSError, ValueError):
        return "an error"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Two folders with a file of two documents of the sample on each of three days."""
    uri = str(tmp_path_factory.mktemp("joined") / "lake")
    publish_lake(uri, LakeSize(2, 3, 2), 1)
    return open_store(uri)


@pytest.fixture(scope="module")
def part(lake: Store) -> MonthPart:
    names = LakeSize(2, 3, 2).names(OrderType.CHECKOUT)
    records = [read_published(lake, name).record for name in names]
    files = [file for record in records if record is not None for file in record.files]
    (part,) = in_parts("2018-01", files, 10**9)
    return part


def test_published_files_are_read_at_once_with_the_day_of_each_row(
    lake: Store, part: MonthPart
) -> None:
    (dated,) = rows_of_part(lake, "checkout", part)
    alone = pa.concat_tables([read(lake.get(file.path).data) for file in part.files])
    assert dated.rows.equals(alone)
    assert dated.rows.schema.equals(arrow_schema("checkout"))
    assert [f"{day}" for day in dated.days] == [
        day for day in ("2018-01-01", "2018-01-02", "2018-01-03") for _ in range(4)
    ]


def test_so_many_files_are_read_at_once_and_no_more(
    lake: Store, part: MonthPart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "FILES_AT_ONCE", 4)
    assert [len(each.days) for each in rows_of_part(lake, "checkout", part)] == [8, 4]


def test_a_large_file_is_read_alone(
    lake: Store, part: MonthPart, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = sorted(file.size for file in part.files)
    monkeypatch.setattr(reading, "_SMALL_BYTES", sizes[-2])
    found = list(rows_of_part(lake, "checkout", part))
    assert len(found) in {2, 3}
    assert sum(len(each.days) for each in found) == part.rows


def test_a_file_with_other_rows_than_recorded_fails_its_month(lake: Store, part: MonthPart) -> None:
    one, other, *rest = part.files
    swapped = [
        PublishedFile(one.path, one.size, one.rows + 1, one.sha256),
        PublishedFile(other.path, other.size, other.rows - 1, other.sha256),
    ]
    job = CompactionJob(lake.uri, "run-a", "checkout")
    compacted = compact_part(job, MonthPart("2018-01", 0, (*swapped, *rest)))
    assert "is not what its publication record states" in compacted.error
