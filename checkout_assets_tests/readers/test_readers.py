"""Every library that analysts use reads every file of the tables, and finds the same in them."""

from pathlib import Path

import pyarrow as pa
import pytest

from checkout_assets_tests.readers import summaries
from checkout_assets_tests.readers.reader_process import told_by
from checkout_assets_tests.readers.summaries import READERS, Asked, Summary
from checkout_assets_tests.spark_jobs.test_lines import rich_lines
from spark_jobs.job.writing import ROWS_WORTH_A_DICTIONARY, FolderWriter
from spark_jobs.schema import arrow_schema
from spark_jobs.stores import open_store

pytestmark = pytest.mark.slow

DICTIONARIES = "dictionaries"
NO_LISTS_OF_STRUCTS = {"fastparquet"}


@pytest.fixture(scope="session")
def asked(structured: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Asked]:
    """What to look for in two folders of the sample by the real job, and in a file of odd rows."""
    directory = tmp_path_factory.mktemp("odd_rows")
    rich = rich_lines() + rich_lines()[1:] * ROWS_WORTH_A_DICTIONARY
    writer = FolderWriter(open_store(str(directory)), "0C_CheckoutOrder", "run")
    writer.write_days([("2018-10-31", rich)])
    tables = {name: structured / "consumable_tables" / name for name in ("checkout", "fulfillment")}
    return {
        **{name: question(name, table) for name, table in tables.items()},
        DICTIONARIES: question("checkout", directory),
    }


def question(table: str, directory: Path) -> Asked:
    schema = arrow_schema(table)
    return {
        "files": sorted(map(str, directory.rglob("*.parquet"))),
        "counted": [field.name for field in schema if not field.type.num_fields],
        "summed": [field.name for field in schema if pa.types.is_integer(field.type)],
        "flags": [field.name for field in schema if pa.types.is_boolean(field.type)],
    }


@pytest.fixture(scope="session")
def expected(asked: dict[str, Asked]) -> dict[str, Summary]:
    found = told_by(summaries.__file__, "pyarrow", asked)
    assert all(each["rows"] and each["items"] and each["prices"] for each in found.values())
    assert found["checkout"]["rows"] == found["checkout"]["counts"]["_source_key"]
    return found


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_finds_the_same(
    asked: dict[str, Asked], expected: dict[str, Summary], reader: str
) -> None:
    reached: Summary = {}
    if reader in NO_LISTS_OF_STRUCTS:
        reached = {"items": None, "prices": None}
    assert told_by(summaries.__file__, reader, asked) == {
        name: each | reached for name, each in expected.items()
    }
