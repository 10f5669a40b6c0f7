"""Structuring with real Spark: every document accounted for, exactly once, in S3 and on disk."""

import json
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from checkout_assets.cli.main import run as command_line
from checkout_assets.domain.anomalies import no_unknown_fields
from checkout_assets.domain.copying import CutOff
from checkout_assets.engines.copying import manifest
from checkout_assets.sample.documents import ATTACHMENT_MARKER, CARD_MARKER
from checkout_assets_tests.orders_place import OrdersPlace
from spark_jobs import structure_orders
from spark_jobs.contract.keys import (
    completion_record_key,
    manifest_part_key,
    publication_record_key,
    result_key,
)
from spark_jobs.contract.publication import PublicationRecord
from spark_jobs.contract.results import FolderStructured
from spark_jobs.job import run as job_run
from spark_jobs.job.plan import plan_folder
from spark_jobs.job.run import structure_folders
from spark_jobs.job.staging import StructureJob
from spark_jobs.stores import NotFoundError, Store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FOLDER, NEIGHBOUR = "0A_CheckoutOrder", "0B_FulfillmentOrder"
LIVE = "consumable_tables/checkout/YEAR=2018/MONTH=10/DAY=31/live.parquet"


def order(number: int, day: str = "2018-10-31", **more: object) -> bytes:
    payments = {"payments": [{"id": "1", "cardNumber": CARD_MARKER}]}
    items = [{"id": f"{number:04d}", "price": "100", "attachments": [ATTACHMENT_MARKER]}]
    document = {
        "Id": f"{number}-01",
        "LastChange": f"{day}T10:00:00Z",
        "Items": json.dumps(items),
        "PaymentData": json.dumps(payments),
        **more,
    }
    return json.dumps(document).encode()


def fill(place: OrdersPlace, folder: str = FOLDER) -> None:
    """Three orders on two days, one that is none, one nested object, one side object."""
    for number, day in ((1, "2018-10-30"), (2, "2018-10-31"), (3, "2018-10-31")):
        place.put(f"{folder}/AF/id/{number}-01", order(number, day))
    place.put(f"{folder}/AF/id/broken", b'{"Id": "4-01", "secret name')
    place.put(f"{folder}/AF/id/5-01/history", order(5))
    place.put(f"{folder}/AF/index/1", b"{}")


class Structuring:
    """Copies and structures folders of a place into one of the two kinds of lake."""

    def __init__(self, place: OrdersPlace, spark: "SparkSession", lake: Store) -> None:
        self.place, self.spark, self.lake = place, spark, lake

    def run(self, *folders: str, run_id: str = "", **options: Any) -> dict[str, FolderStructured]:
        job = StructureJob(
            raw_uri=self.place.raw.uri,
            lake_uri=self.lake.uri,
            run_id=run_id or uuid.uuid4().hex[:8],
            folders=folders or (FOLDER,),
            **options,
        )
        return {told.folder: told for told in structure_folders(self.spark, job)}

    def table(self, name: str = "checkout") -> list[dict[str, Any]]:
        """Every row below the table, with its day taken from the path."""
        return self._rows(f"consumable_tables/{name}/")

    def quarantine(self, name: str = "checkout") -> list[dict[str, Any]]:
        return self._rows(f"quarantine/{name}/")

    def ids(self) -> list[tuple[str, str]]:
        return sorted((row["id"], row["path"].split("/")[4]) for row in self.table())

    def record(self, folder: str = FOLDER) -> PublicationRecord:
        return PublicationRecord.from_json(self.lake.get(publication_record_key(folder)).data)

    def _rows(self, prefix: str) -> list[dict[str, Any]]:
        rows = []
        for entry in self.lake.list(prefix):
            if entry.key != LIVE:
                table = pq.read_table(pa.BufferReader(self.lake.get(entry.key).data))
                rows += [{**row, "path": entry.key} for row in table.to_pylist()]
        return rows


@pytest.fixture
def structuring(place: OrdersPlace, spark: "SparkSession", lake: Store) -> Structuring:
    return Structuring(place, spark, lake)


THREE = [("1-01", "DAY=30"), ("2-01", "DAY=31"), ("3-01", "DAY=31")]


def test_every_object_is_a_row_in_quarantine_or_counted(structuring: Structuring) -> None:
    fill(structuring.place)
    structuring.place.copy(FOLDER)
    told = structuring.run(run_id="run1")[FOLDER]
    assert told.error == ""
    totals = told.totals
    assert (totals.documents, totals.rows, totals.nested, totals.side) == (4, 3, 1, 1)
    assert totals.quarantined == {"not_json": 1}
    assert totals.redacted == {"/PaymentData/payments/*/cardNumber": 4 - 1}
    assert structuring.ids() == THREE
    row = next(row for row in structuring.table() if row["id"] == "1-01")
    assert (row["_folder"], row["_run_id"]) == (FOLDER, "run1")
    assert row["_source_key"] == f"{FOLDER}/AF/id/1-01"
    assert row["items"][0]["price"] == 100
    kept = {row["source_key"]: row for row in structuring.quarantine()}
    assert kept[f"{FOLDER}/AF/id/broken"]["body"] == b'{"Id": "4-01", "secret name'
    assert kept[f"{FOLDER}/AF/id/broken"]["reason"] == "not_json"
    assert kept[f"{FOLDER}/AF/id/5-01/history"]["reason"] == "nested_under_id"
    assert not list(structuring.lake.list("_staging/"))


def test_fields_that_the_schema_does_not_know_are_named_until_the_documents_are_fixed(
    structuring: Structuring,
) -> None:
    """As docs/runbook.md says: fix them at the source, copy and structure again."""
    place = structuring.place
    for number in range(20):
        personal = {"jane@example.com": 1} if number == 0 else {}
        place.put(f"{FOLDER}/AF/id/{number}-01", order(number, giftHint="x", **personal))
    place.copy(FOLDER, run_id="first")
    totals = structuring.run()[FOLDER].totals
    assert totals.unknown_fields == {"/giftHint": 20, "?": 1}
    found = no_unknown_fields(totals)
    assert not found.passed
    assert "1 field is not in the schema: /giftHint in 20 documents. 1 value has" in found.summary
    assert b"jane" not in structuring.lake.get(publication_record_key(FOLDER)).data

    for number in range(20):
        place.put(f"{FOLDER}/AF/id/{number}-01", order(number))
    place.copy(FOLDER, run_id="second", as_of=CutOff.NOW)
    totals = structuring.run()[FOLDER].totals
    assert totals.unknown_fields == {}
    assert no_unknown_fields(totals).passed


def test_no_file_of_a_table_holds_a_card_or_an_attachment(structuring: Structuring) -> None:
    fill(structuring.place)
    structuring.place.copy(FOLDER)
    assert structuring.run()[FOLDER].totals.rows == len(THREE)
    stored = [
        structuring.lake.get(entry.key).data
        for entry in structuring.lake.list("")
        if not entry.key.startswith("quarantine/")  # that keeps what it refused, byte by byte
    ]
    assert len(stored) > len({day for _, day in THREE}), "the tables' files and the record"
    told = str(structuring.table()).encode() + b"".join(stored)
    assert CARD_MARKER.encode() not in told
    assert ATTACHMENT_MARKER.encode() not in told


def test_a_second_run_has_the_same_rows_in_other_files_and_touches_no_foreign_one(
    structuring: Structuring,
) -> None:
    fill(structuring.place)
    fill(structuring.place, NEIGHBOUR)
    structuring.place.copy(FOLDER, NEIGHBOUR)
    structuring.lake.put(LIVE, b"the live pipeline's")
    structuring.run(FOLDER, NEIGHBOUR, run_id="run1")
    neighbours = {
        file.path: structuring.lake.get(file.path).data
        for file in structuring.record(NEIGHBOUR).all_files
    }
    structuring.run(run_id="run2")
    assert structuring.ids() == THREE
    assert all(".run2." in row["path"] for row in structuring.table())
    assert structuring.lake.get(LIVE).data == b"the live pipeline's"
    assert neighbours == {key: structuring.lake.get(key).data for key in neighbours}


def test_the_same_run_again_does_no_work(structuring: Structuring) -> None:
    fill(structuring.place)
    structuring.place.copy(FOLDER)
    first = structuring.run(run_id="run1")[FOLDER]
    before = list(structuring.lake.list(""))
    # Without the proof of copying nothing could be structured, so what is told was kept.
    structuring.place.delete(completion_record_key(FOLDER), structuring.place.raw)
    again = structuring.run(run_id="run1")[FOLDER]
    assert (again.error, again.totals, again.files) == ("", first.totals, first.files)
    assert list(structuring.lake.list("")) == before


def test_a_run_that_found_no_order_does_the_work_when_it_is_repeated(
    structuring: Structuring,
) -> None:
    key = f"{FOLDER}/AF/id/1-01"
    structuring.place.put(key, b"not an order")
    structuring.place.copy(FOLDER)
    told = structuring.run(run_id="run1")[FOLDER]
    assert told.error.startswith(f"{FOLDER}: 1 of 1 document is in quarantine (not_json)")
    assert [row["source_key"] for row in structuring.quarantine()] == [key]
    assert structuring.run(run_id="run1")[FOLDER].error == told.error

    structuring.place.put(key, order(1, "2018-10-30"))
    structuring.place.copy(FOLDER, run_id="again", as_of=_far_future())
    assert structuring.run(run_id="run1")[FOLDER].error == ""
    assert structuring.ids() == THREE[:1]
    assert structuring.quarantine() == []


def test_a_moved_day_and_a_new_version_leave_no_old_row(structuring: Structuring) -> None:
    fill(structuring.place)
    structuring.place.copy(FOLDER)
    structuring.run()
    structuring.place.put(f"{FOLDER}/AF/id/1-01", order(1, "2018-11-02"))
    structuring.place.copy(FOLDER, run_id="again", as_of=_far_future())
    structuring.run()
    assert structuring.ids() == [("1-01", "DAY=02"), *THREE[1:]]


@pytest.mark.parametrize(("vanished", "rows"), [("keep", THREE), ("drop_rows", THREE[1:])])
def test_rows_of_a_deleted_document_stay_or_go_as_asked(
    structuring: Structuring, vanished: str, rows: list[tuple[str, str]]
) -> None:
    fill(structuring.place)
    structuring.place.copy(FOLDER)
    structuring.place.delete(f"{FOLDER}/AF/id/1-01")
    structuring.place.copy(FOLDER, run_id="again")
    told = structuring.run(vanished=vanished)[FOLDER]
    assert told.error == ""
    assert structuring.ids() == rows
    assert (told.totals.rows, told.totals.vanished_rows) == (2, len(rows) - 2)


def test_a_folder_that_was_not_copied_is_refused_and_its_neighbour_is_done(
    structuring: Structuring,
) -> None:
    fill(structuring.place)
    structuring.place.copy(FOLDER)
    told = structuring.run(NEIGHBOUR, FOLDER)
    assert told[NEIGHBOUR].error == (
        f"{NEIGHBOUR} was not copied: raw holds no completion record. Copy it first."
    )
    assert told[FOLDER].ok


@pytest.mark.parametrize(
    ("fault", "told"),
    [("changed", "is not the one its record names"), ("deleted", "is missing")],
)
def test_a_changed_manifest_is_refused(structuring: Structuring, fault: str, told: str) -> None:
    fill(structuring.place)
    structuring.place.copy(FOLDER)
    record = structuring.place.record()
    assert record is not None
    key = manifest_part_key(FOLDER, record.copy_id, record.parts[0].name)
    if fault == "deleted":
        structuring.place.delete(key, structuring.place.raw)
    else:
        body = structuring.place.get(key)["bytes"]
        structuring.place.put(key, body[:-1] + b"x", structuring.place.raw)
    error = structuring.run()[FOLDER].error
    assert error.startswith(f"{FOLDER}: the manifest part {record.parts[0].name} {told}.")
    assert structuring.table() == []


@pytest.mark.parametrize(
    ("fault", "small_rows"), [("deleted", 5_000), ("changed", 5_000), ("deleted", 1)]
)
def test_an_object_that_raw_no_longer_holds_fails_its_folder_only(
    structuring: Structuring, monkeypatch: pytest.MonkeyPatch, fault: str, small_rows: int
) -> None:
    monkeypatch.setattr(job_run, "SMALL_FOLDER_ROWS", small_rows)
    monkeypatch.setattr(manifest, "ROWS_PER_GROUP", 2)
    fill(structuring.place)
    fill(structuring.place, NEIGHBOUR)
    structuring.place.copy(FOLDER, NEIGHBOUR)
    key = f"{FOLDER}/AF/id/2-01"
    if fault == "deleted":
        structuring.place.delete(key, structuring.place.raw)
    else:
        structuring.place.put(key, order(2, "2018-01-01"), structuring.place.raw)
    told = structuring.run(FOLDER, NEIGHBOUR)
    assert "1 object could not be read from raw" in told[FOLDER].error
    assert "2-01" not in told[FOLDER].error
    assert told[NEIGHBOUR].ok
    assert structuring.table() == []
    assert not list(structuring.lake.list("_staging/"))
    with pytest.raises(NotFoundError):
        structuring.lake.get(publication_record_key(FOLDER))


def test_a_fault_of_the_job_fails_its_folder_only_and_quotes_nothing(
    structuring: Structuring, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(structuring.place)
    fill(structuring.place, NEIGHBOUR)
    structuring.place.copy(FOLDER, NEIGHBOUR)
    counted = job_run.reconcile_counts

    def faulty(record: PublicationRecord) -> None:
        if record.folder == FOLDER:
            raise ValueError(CARD_MARKER)
        counted(record)

    monkeypatch.setattr(job_run, "reconcile_counts", faulty)
    told = structuring.run(FOLDER, NEIGHBOUR)
    assert told[FOLDER].error.startswith(f"{FOLDER}: ValueError in faulty, line ")
    assert told[FOLDER].error.endswith(". This is a fault of the job: report it.")
    assert CARD_MARKER not in told[FOLDER].error
    assert told[NEIGHBOUR].ok
    assert not list(structuring.lake.list("_staging/"))


@pytest.mark.parametrize("tasks_per_core", [0, 3])
@pytest.mark.parametrize("at", ["_staged", "_stage_small", "_record"])
def test_a_fault_in_one_folders_stage_costs_no_neighbour_its_result(
    structuring: Structuring, monkeypatch: pytest.MonkeyPatch, at: str, tasks_per_core: int
) -> None:
    """Also if both are staged by one Spark job."""
    fill(structuring.place)
    fill(structuring.place, NEIGHBOUR)
    structuring.place.copy(FOLDER, NEIGHBOUR)
    works = getattr(job_run, at)

    def fails_for_one(*given: Any) -> Any:
        if FOLDER in [getattr(each, "folder", "") for each in (*given, *_in_lists(given))]:
            raise ValueError("secret name")
        return works(*given)

    monkeypatch.setattr(job_run, at, fails_for_one)
    monkeypatch.setattr(job_run, "_TASKS_PER_CORE", tasks_per_core)

    told = structuring.run(FOLDER, NEIGHBOUR)

    assert "ValueError" in told[FOLDER].error
    assert "secret" not in told[FOLDER].error
    assert told[NEIGHBOUR].ok


def _in_lists(given: tuple[Any, ...]) -> list[Any]:
    return [each for several in given if isinstance(several, list) for each in several]


def test_tiny_folders_share_spark_jobs(
    structuring: Structuring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job of its own for each costs more than their work; too heavy ones have it."""
    folders = [f"0{number}_CheckoutOrder" for number in range(6)]
    for folder in folders:
        fill(structuring.place, folder)
    structuring.place.copy(*folders)
    monkeypatch.setattr(job_run, "_TASKS_PER_CORE", 0)
    assert _spark_jobs_of(structuring, folders) == 1
    monkeypatch.setattr(job_run, "HEAVIEST_BATCH", 1)
    assert _spark_jobs_of(structuring, folders) == 6


def _spark_jobs_of(structuring: Structuring, folders: Sequence[str]) -> int:
    run_id = uuid.uuid4().hex
    assert all(each.ok for each in structuring.run(*folders, run_id=run_id).values())
    return len(structuring.spark.sparkContext.statusTracker().getJobIdsForGroup(run_id))


def test_a_large_folder_has_the_same_rows_by_way_of_the_shuffle(
    structuring: Structuring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From several parts and slices that hold documents of one day, beside a small folder."""
    fill(structuring.place)
    structuring.place.put(f"{NEIGHBOUR}/AF/id/9-01", order(9))
    monkeypatch.setattr(manifest, "ROWS_PER_PART", 4)
    monkeypatch.setattr(manifest, "ROWS_PER_GROUP", 2)
    structuring.place.copy(FOLDER, NEIGHBOUR)
    assert len(plan_folder(structuring.place.raw.open(), FOLDER).slices) == 3
    small = structuring.run(FOLDER, NEIGHBOUR, run_id="small")
    rows, quarantine = content(structuring.table()), content(structuring.quarantine())
    assert (len(rows), len(quarantine)) == (3, 2)
    monkeypatch.setattr(job_run, "SMALL_FOLDER_ROWS", 1)
    large = structuring.run(FOLDER, NEIGHBOUR, run_id="large")
    assert {name: told.error for name, told in large.items()} == {FOLDER: "", NEIGHBOUR: ""}
    assert all(large[name].totals == small[name].totals for name in small)
    assert content(structuring.table()) == rows
    assert content(structuring.quarantine()) == quarantine
    assert structuring.ids() == THREE
    assert all(".large." in row["path"] for row in structuring.table())
    assert [row["id"] for row in structuring.table("fulfillment")] == ["9-01"]


def content(rows: list[dict[str, Any]]) -> list[str]:
    """Rows in any order, without what tells which run wrote them."""
    return sorted(str({**row, "path": "", "_run_id": ""}) for row in rows)


def test_the_cluster_script_leaves_each_folders_result_in_the_lake(
    structuring: Structuring, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(structuring.place)
    structuring.place.copy(FOLDER)
    monkeypatch.setattr(type(structuring.spark), "stop", lambda _: None)  # it is shared here
    places = ["--raw", structuring.place.raw.uri, "--lake", structuring.lake.uri]
    assert structure_orders.main([*places, "--run-id", "s1", FOLDER, NEIGHBOUR]) == 1
    out = capsys.readouterr().out
    assert f"{FOLDER}: 3 rows in 2 files\n" in out
    assert f"{NEIGHBOUR}: {NEIGHBOUR} was not copied" in out
    result = json.loads(structuring.lake.get(result_key(FOLDER, "s1")).data)
    assert (result["error"], result["totals"]["rows"]) == ("", 3)
    assert (
        "was not copied"
        in json.loads(structuring.lake.get(result_key(NEIGHBOUR, "s1")).data)["error"]
    )


def test_the_command_line_structures_and_says_what_is_not_complete(
    structuring: Structuring, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(structuring.place)
    structuring.place.copy(FOLDER)
    monkeypatch.setattr(type(structuring.spark), "stop", lambda _: None)  # it is shared here
    places = ["--raw", structuring.place.raw.uri, "--lake", structuring.lake.uri]
    assert command_line(["structure", *places, "--json", FOLDER]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["complete"]
    assert told["folders"][0]["totals"]["rows"] == 3
    assert command_line(["structure", *places, FOLDER, NEIGHBOUR]) == 1
    assert f"{NEIGHBOUR} was not copied" in capsys.readouterr().err.splitlines()[-1]


def _far_future() -> Any:
    from datetime import UTC, datetime

    return datetime(2100, 1, 1, tzinfo=UTC)
