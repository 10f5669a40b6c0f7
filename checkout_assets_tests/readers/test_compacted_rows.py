"""Month by month, other libraries read in the analysts' table exactly the plain table's rows."""

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from checkout_assets.domain.compaction.months import Month
from checkout_assets.engines.compacting.catalogs import open_catalog
from checkout_assets.engines.compacting.choices import CompactionChoices
from checkout_assets.engines.compacting.engine import Compactor
from checkout_assets.engines.compacting.writing import LocalMonthWriter
from checkout_assets.engines.locations import LocalLocation
from checkout_assets_tests.in_process_spark import InProcessSpark
from checkout_assets_tests.readers import compacted_rows
from checkout_assets_tests.readers.compacted_rows import READERS
from checkout_assets_tests.readers.reader_process import told_by
from checkout_assets_tests.spark_jobs.test_lines import rich_lines
from spark_jobs.contract.order_types import OrderType
from spark_jobs.contract.publication import PUBLISHING, SCHEMA_VERSION, PublicationRecord
from spark_jobs.contract.totals import StructureTotals
from spark_jobs.job.publishing import Published, publish
from spark_jobs.job.writing import FolderWriter
from spark_jobs.schema import arrow_schema
from spark_jobs.stores import Store

pytestmark = pytest.mark.slow

ODD = "0C_CheckoutOrder"
EMPTY_FOR_NULL = {"pyiceberg"}
"""Readers that return a null list of structs as an empty one (apache/iceberg-python 3833)."""


@pytest.fixture(scope="session")
def lake(structured: Path, tmp_path_factory: pytest.TempPathFactory) -> LocalLocation:
    """The sample's rows and a folder of odd ones, with both analysts' tables."""
    location = LocalLocation(tmp_path_factory.mktemp("compacted") / "lake")
    shutil.copytree(structured, location.path)
    publish_odd_rows(location.open())
    compactor = compactor_of(location)
    for order_type in OrderType:
        assert [each.error for each in compactor.run({order_type: None}, "run") if each.error] == []
    return location


def compactor_of(location: LocalLocation) -> Compactor:
    catalog = open_catalog("", location)
    return Compactor(
        location, catalog, LocalMonthWriter(location, InProcessSpark, CompactionChoices())
    )


def publish_odd_rows(lake: Store) -> None:
    lines = rich_lines()
    files = FolderWriter(lake, ODD, "odd").write_days([("2018-10-31", lines)])
    totals = StructureTotals(documents=len(lines), rows=len(lines), source_keys=len(lines))
    record = PublicationRecord(
        ODD, "odd", PUBLISHING, "copy", "digest", SCHEMA_VERSION, files, [], [], totals
    )
    publish(lake, record, Published(None, None))


def question(lake: LocalLocation, order_type: OrderType, null_is_empty: bool) -> dict[str, Any]:
    compactor = compactor_of(lake)
    table = compactor.table(order_type).load()
    assert table is not None
    found = compactor.status(order_type)
    schema = arrow_schema(order_type.table)
    return {
        "metadata": table.metadata_location,
        "files": [
            task.file.file_path.removeprefix("file://") for task in table.scan().plan_files()
        ],
        "plain": {
            str(month.first_day): [str(lake.path / file.path) for file in status.contents.files]
            for month, status in found.items()
        },
        "months": {str(month.first_day): str(month.following.first_day) for month in found},
        "columns": schema.names,
        "null_is_empty": [
            field.name for field in schema if null_is_empty and holds_lists_of_structs(field.type)
        ],
    }


def holds_lists_of_structs(kind: pa.DataType) -> bool:
    if pa.types.is_list(kind) and pa.types.is_struct(kind.value_type):
        return True
    return any(holds_lists_of_structs(kind.field(n).type) for n in range(kind.num_fields))


@pytest.mark.parametrize("order_type", OrderType)
@pytest.mark.parametrize("reader", READERS)
def test_a_reader_finds_every_row_of_every_month(
    lake: LocalLocation, reader: str, order_type: OrderType
) -> None:
    asked = question(lake, order_type, reader in EMPTY_FOR_NULL)
    script = compacted_rows.__file__
    months = compactor_of(lake).status(order_type)
    expected = told_by(script, "pyarrow", asked)
    assert {Month.parse(first[:7]): each["rows"] for first, each in expected.items()} == {
        month: status.contents.rows for month, status in months.items()
    }
    assert told_by(script, reader, asked) == expected
