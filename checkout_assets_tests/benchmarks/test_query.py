"""The benchmark of the analysts' tables asks the same of both tables, on a lake of real folders."""

import hashlib
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.query.asking import QUESTIONS
from benchmarks.query.bench import (
    Compacted,
    Compared,
    compare,
    months_apart,
    show,
    show_queries,
    targets,
)
from benchmarks.query.lake import LakeSize, publish_lake
from benchmarks.query.measured import Measurements, TimeIsUpError
from checkout_assets.engines.compacting.catalogs import open_catalog
from checkout_assets.engines.compacting.choices import CompactionChoices
from checkout_assets.engines.compacting.engine import Compactor
from checkout_assets.engines.compacting.writing import LocalMonthWriter
from checkout_assets.engines.locations import LocalLocation
from checkout_assets_tests.in_process_spark import InProcessSpark
from spark_jobs.contract.keys import day_of_table_file
from spark_jobs.contract.order_types import OrderType
from spark_jobs.contract.publication import PublishedFile
from spark_jobs.job.publishing import read_published
from spark_jobs.stores import open_store

SIZE = LakeSize(folders=2, days=62, rows=1)
COMPACTED = Compacted(
    files_before=100,
    bytes_before=1000,
    files=5,
    bytes=200,
    rows=1,
    cpu_seconds=3.0,
    idle_cpu_seconds=1.0,
)
MONTH = Compared("a query", True, 10.0, 1.0, 10.0, 1.0)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    location = LocalLocation(tmp_path_factory.mktemp("bench") / "lake")
    publish_lake(location.uri, SIZE, 1)
    catalog = open_catalog("", location)
    compactor = Compactor(
        location, catalog, LocalMonthWriter(location, InProcessSpark, CompactionChoices())
    )
    ended = list(compactor.run({OrderType.CHECKOUT: None}, "run"))
    assert [each.error for each in ended] == ["", "", ""]
    assert sum(len(each.contents.files) for each in ended) == SIZE.files / 2
    return location.path


def test_both_tables_answer_every_question_alike(lake: Path, tmp_path: Path) -> None:
    measured = Measurements(tmp_path / "measured.json", {})
    assert [each.what for each in compare(lake, 1, measured)] == [each.what for each in QUESTIONS]


def test_what_was_measured_is_not_measured_again_unless_it_is_of_another_lake(
    tmp_path: Path,
) -> None:
    kept, asked = tmp_path / "measured.json", Counter[str]()

    def measure() -> dict[str, int]:
        asked["query"] += 1
        return {"seconds": asked["query"]}

    for of, seconds, expected in (("a", 60, 1), ("a", -1, 1), ("b", 60, 2)):
        found = Measurements(kept, {"lake": of}, seconds).take("query", measure)
        assert found == {"seconds": expected}
    with pytest.raises(TimeIsUpError, match="another query"):
        Measurements(kept, {"lake": "b"}, -1).take("another query", measure)


def test_months_are_parts_from_the_lake_s_first_one() -> None:
    assert months_apart(60) == [("2018-01",), ("2018-02",), ("2018-03",)]


def test_a_lake_that_is_there_is_taken(lake: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in lake.rglob("*.parquet")}
    publish_lake(str(lake), SIZE, 1)
    assert {path: path.stat().st_mtime_ns for path in lake.rglob("*.parquet")} == before


def test_a_lake_is_made_in_parts_and_of_fewer_documents(tmp_path: Path) -> None:
    """Folders without documents of their own have those of other days."""
    uri, size = str(tmp_path / "lake"), LakeSize(folders=3, days=6, rows=1, distinct=1)
    assert publish_lake(uri, size, 1, seconds=-1) == 2
    assert publish_lake(uri, size, 1) == 0
    lake, files = open_store(uri), list[PublishedFile]()
    for name in [name for kind in OrderType for name in size.names(kind)]:
        record = read_published(lake, name).record
        assert record is not None
        assert record.folder == name
        files += record.files
    data = {file.path: lake.get(file.path).data for file in files}
    assert len(data) == size.files
    assert all(hashlib.sha256(data[file.path]).hexdigest() == file.sha256 for file in files)
    assert len(set(data.values())) == 2 * size.days
    by_day = Counter((day_of_table_file(path), content) for path, content in data.items())
    assert set(by_day.values()) == {1}, "no day has a file twice"


def test_the_folders_are_spread_over_the_table() -> None:
    assert list(LakeSize(4, 1, 1).names(OrderType.FULFILLMENT)) == [
        "00_FulfillmentOrder", "40_FulfillmentOrder",
        "80_FulfillmentOrder", "C0_FulfillmentOrder",
    ]  # fmt: skip


def test_the_aims_are_20_times_fewer_files_5_times_fewer_bytes_and_10_times_faster() -> None:
    assert [(each.value, each.met) for each in targets(COMPACTED, [MONTH])] == [
        (20.0, True), (5.0, True), (10.0, True),
    ]  # fmt: skip
    all_months = Compared("of all", False, 1.0, 1.0, 1.0, 1.0)
    assert targets(COMPACTED, [MONTH, all_months])[2].met, "only a month's queries are judged"


def test_the_tables_have_a_row_for_each_figure() -> None:
    assert show(COMPACTED).row_count == 6
    assert show_queries([MONTH, MONTH]).row_count == 2
