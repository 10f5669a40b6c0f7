"""A folder that was structured, then changed at the source and copied again, and its results.

The new rows differ from the old ones in content, day and number, so that nothing that is left of
the old publication, or done twice, can pass for right.
"""

import json
import os
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from checkout_assets.domain.folders import Folder
from checkout_assets.engines.locations import parse_location
from checkout_assets.engines.reconciling.engine import Reconciler
from checkout_assets_tests.orders_place import DEEP, OrdersPlace
from spark_jobs.contract.keys import (
    publication_record_key,
    quarantine_prefix,
    staging_prefix,
    table_prefix,
)
from spark_jobs.contract.order_types import table_of
from spark_jobs.contract.publication import PUBLISHED, PublicationRecord
from spark_jobs.job.publishing import ABANDONED_AFTER, remove_abandoned_staging
from spark_jobs.job.run import structure_folders
from spark_jobs.job.staging import StructureJob
from spark_jobs.stores import Store, open_store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FOLDER, NEIGHBOUR = "0A_CheckoutOrder", "0B_FulfillmentOrder"
LIVE = "consumable_tables/checkout/YEAR=2018/MONTH=10/DAY=07/live.parquet"
OTHER = "consumable_tables/checkout/YEAR=2018/MONTH=10/DAY=07/1A_CheckoutOrder.other.0.parquet"
DAYS = 28
FAR_FUTURE = datetime(2100, 1, 1, tzinfo=UTC)
IN_BOTH = {f"{number}-01" for number in range(DAYS) if number != 3}
"""The orders that are rows before and after the change at the source."""
_WITHOUT_A_COLUMN = range(1, 6)
"""Orders with a rescued value, of those that change and of the others: not too many."""
Rows = list[str]


class ChangedFolder:
    """Raw with both copies' story, a lake with the old rows, and the rows a clean run makes."""

    def __init__(self, spark: "SparkSession", directory: Path) -> None:
        self.spark = spark
        self.place = OrdersPlace(directory)
        self.raw_uri = self.place.raw.uri
        self._old_lake = open_store(str(directory / "old"))
        self._fill()
        self.place.copy(FOLDER, NEIGHBOUR, run_id="first")
        self.structure(self._old_lake, "old", FOLDER, NEIGHBOUR)
        for foreign in (LIVE, OTHER):
            self._old_lake.put(foreign, b"not this folder's")
        self._change()
        self.place.copy(FOLDER, run_id="second", as_of=FAR_FUTURE)
        clean = open_store(str(directory / "clean"))
        self.structure(clean, "clean", FOLDER)
        self.expected = contents(clean)
        self.old = contents(self._old_lake)
        self.foreign = foreign_files(self._old_lake)

    def structure(self, lake: Store, run_id: str, *folders: str, **options: Any) -> None:
        """Run in this process; the run must succeed."""
        job = StructureJob(self.raw_uri, lake.uri, run_id, folders or (FOLDER,), **options)
        told = {each.folder: each.error for each in structure_folders(self.spark, job)}
        assert told == dict.fromkeys(job.folders, "")

    def try_to_structure(self, lake: Store, run_id: str) -> str:
        """Run in this process; returns the error if it fails."""
        job = StructureJob(self.raw_uri, lake.uri, run_id, (FOLDER,))
        (told,) = structure_folders(self.spark, job)
        return told.error

    def rows(self, lake: Store) -> Rows:
        """What is in a lake, to be compared with ``expected`` and ``old``."""
        return contents(lake)

    def new_lake(self, uri: str) -> Store:
        """A lake at ``uri`` that holds the old rows and what else lies there."""
        lake = open_store(uri)
        for entry in self._old_lake.list(""):
            lake.put(entry.key, self._old_lake.get(entry.key).data)
        return lake

    def assert_exact(self, lake: Store) -> PublicationRecord:
        """The folder is in the lake exactly once; nothing else was touched or is left."""
        assert contents(lake) == self.expected
        assert foreign_files(lake) == self.foreign
        record = record_of(lake)
        assert record.state == PUBLISHED
        assert not record.previous
        assert sorted(file.path for file in record.all_files) == sorted(own_files(lake))
        engine = Reconciler(None, self.place.raw, parse_location(lake.uri, "lake"), DEEP)
        (told,) = engine.run([Folder.parse(FOLDER)], "check")
        assert not told.error, told.error
        return record

    def _fill(self) -> None:
        for number in range(DAYS):
            self._put(number, f"2018-10-{number + 1:02d}")
        self.place.put(f"{FOLDER}/AF/id/broken", b'{"Id": "4-01", "secret name')
        self.place.put(f"{FOLDER}/AF/id/5-01/history", b"{}")
        self.place.put(f"{FOLDER}/AF/index/1", b"{}")
        for number in range(3):
            self._put(number, f"2019-01-0{number + 1}", NEIGHBOUR)

    def _change(self) -> None:
        self._put(1, "2018-10-02", value="a new version")
        self._put(2, "2018-12-24")  # to another day
        self._put(DAYS, "2018-10-05")  # a new order on a day of another
        self.place.put(f"{FOLDER}/AF/id/3-01", b"[]")  # no order any more
        self.place.delete(f"{FOLDER}/AF/id/4-01")  # vanished: its row stays

    def _put(self, number: int, day: str, folder: str = FOLDER, value: str = "first") -> None:
        order = {"Id": f"{number}-01", "LastChange": f"{day}T10:00:00Z", "salesChannel": value}
        unknown = {"noSuchColumn": value} if number in _WITHOUT_A_COLUMN else {}
        body = json.dumps({**order, **unknown}).encode()
        self.place.put(f"{folder}/AF/id/{number}-01", body)


def contents(lake: Store, folder: str = FOLDER) -> Rows:
    """Every row and quarantined object of the folder with its day, without who wrote it."""
    rows = []
    for path in own_files(lake, folder):
        where = path.rpartition("/")[0]
        table = pq.read_table(pa.BufferReader(lake.get(path).data))
        rows += [str((where, {**row, "_run_id": ""})) for row in table.to_pylist()]
    return sorted(rows)


def ids(lake: Store) -> set[str]:
    """The orders a reader of the table sees."""
    seen = set()
    for path in own_files(lake):
        if path.startswith("consumable_tables/"):
            table = pq.read_table(pa.BufferReader(lake.get(path).data), columns=["id"])
            seen.update(table.column("id").to_pylist())
    return seen


def own_files(lake: Store, folder: str = FOLDER) -> list[str]:
    """All of the folder's files that a reader of tables or quarantine sees."""
    table = table_prefix(table_of(folder))
    quarantine = quarantine_prefix(folder)
    own = [entry.key for entry in lake.list(table) if f"/{folder}." in entry.key]
    return own + [entry.key for entry in lake.list(quarantine)]


def rows_of_neighbour(lake: Store) -> Rows:
    """What is in a lake of the folder beside."""
    return contents(lake, NEIGHBOUR)


def foreign_files(lake: Store) -> Mapping[str, bytes]:
    """Everything in tables, quarantine and records that is not the folder's."""
    prefixes = ("consumable_tables/", "quarantine/", "_published/")
    own = {*own_files(lake), publication_record_key(FOLDER)}
    keys = [entry.key for prefix in prefixes for entry in lake.list(prefix)]
    return {key: lake.get(key).data for key in keys if key not in own}


def record_of(lake: Store, folder: str = FOLDER) -> PublicationRecord:
    """The folder's publication record."""
    return PublicationRecord.from_json(lake.get(publication_record_key(folder)).data)


def staged(lake: Store, run_id: str) -> list[str]:
    """What a run has staged for the folder."""
    return [entry.key for entry in lake.list(staging_prefix(FOLDER, run_id))]


def assert_staging_is_recognised(lake: Store, *killed: str) -> None:
    """Only killed runs left something staged, and a run in a week removes all of it."""
    prefix = f"_staging/{FOLDER}/"
    assert {entry.key.split("/")[2] for entry in lake.list(prefix)} <= set(killed)
    assert not [e.key for e in lake.list("_staging/") if not e.key.startswith(prefix)]
    next_week = datetime.now(UTC) + ABANDONED_AFTER + ABANDONED_AFTER
    for torn in Path(lake.uri).rglob(".tmp-*"):  # on disk: a write that was killed
        os.utime(torn, (0, 0))
    remove_abandoned_staging(lake, FOLDER, next_week)
    assert not list(lake.list(prefix))
    if "://" not in lake.uri:
        left = Path(lake.uri, "_staging")
        assert not [path for path in left.rglob("*") if path.is_file()]


def new_run_id() -> str:
    """A run id that no other test uses."""
    return f"run-{uuid.uuid4().hex[:8]}"
