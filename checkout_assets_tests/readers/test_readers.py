"""Every library that analysts use reads every file of the tables, and finds the same in them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from checkout_assets.domain.folders import Folder
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets.sample.source import SampleOptions, folder_objects
from checkout_assets_tests.orders_place import OrdersPlace
from checkout_assets_tests.readers import summaries
from checkout_assets_tests.readers.summaries import READERS, Asked, Summary
from checkout_assets_tests.spark_jobs.test_lines import rich_lines
from checkout_assets_tests.spark_sessions import local_session
from spark_jobs.job.run import structure_folders
from spark_jobs.job.staging import StructureJob
from spark_jobs.job.writing import ROWS_WORTH_A_DICTIONARY, FolderWriter
from spark_jobs.schema import arrow_schema
from spark_jobs.stores import open_store

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow

FOLDERS = {"checkout": "0A_CheckoutOrder", "fulfillment": "0B_FulfillmentOrder"}
DICTIONARIES = "dictionaries"
NO_LISTS_OF_STRUCTS = {"fastparquet"}
OF_THIS_PROJECT = {"pyarrow", "duckdb", "spark"}
"""These run in the tests' own Python; the others have requirements of their own."""


@pytest.fixture(scope="session")
def asked(
    s3_server: EmbeddedS3Server, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Asked]:
    """What to look for in two folders of the sample by the real job, and in a file of odd rows."""
    directory = tmp_path_factory.mktemp("readers")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3_server.environment().items():
            patch.setenv(name, value)
        structure_sample(directory)
    rich = rich_lines() + rich_lines()[1:] * ROWS_WORTH_A_DICTIONARY
    writer = FolderWriter(open_store(str(directory / DICTIONARIES)), "0C_CheckoutOrder", "run")
    writer.write_days([("2018-10-31", rich)])
    return {
        **{name: question(name, directory / "lake/consumable_tables" / name) for name in FOLDERS},
        DICTIONARIES: question("checkout", directory / DICTIONARIES),
    }


def structure_sample(directory: Path) -> None:
    place = OrdersPlace(directory)
    for folder in FOLDERS.values():
        for found in folder_objects(SampleOptions(documents=25_000), Folder.parse(folder)):
            place.put(found.key, found.body)
    place.copy(*FOLDERS.values())
    job = StructureJob(place.raw.uri, place.lake.uri, "run", tuple(FOLDERS.values()))
    with local_session("local[2]") as session:
        assert [told.error for told in structure_folders(session, job)] == ["", ""]


def question(table: str, directory: Path) -> Asked:
    schema = arrow_schema(table)
    return {
        "files": sorted(map(str, directory.rglob("*.parquet"))),
        "counted": [field.name for field in schema if not field.type.num_fields],
        "summed": [field.name for field in schema if pa.types.is_integer(field.type)],
        "flags": [field.name for field in schema if pa.types.is_boolean(field.type)],
    }


def python_of(reader: str) -> str:
    """The interpreter that has this reader; make test-readers names that of the foreign ones."""
    if reader in OF_THIS_PROJECT:
        return sys.executable
    python = os.environ["READERS_PYTHON"]
    probe = subprocess.run([python, "-c", f"import {reader}"], capture_output=True, check=False)
    if probe.returncode:
        pytest.skip(f"{reader} cannot be installed for this Python: make test-readers says why")
    return python


def told_by(reader: str, asked: dict[str, Asked]) -> dict[str, Summary]:
    ended = subprocess.run(
        [python_of(reader), summaries.__file__, reader],
        env={**os.environ, "PYTHONPATH": str(ROOT)},  # a script finds only its own directory
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Summary] = json.loads(ended.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="session")
def expected(asked: dict[str, Asked]) -> dict[str, Summary]:
    found = told_by("pyarrow", asked)
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
    assert told_by(reader, asked) == {name: each | reached for name, each in expected.items()}
