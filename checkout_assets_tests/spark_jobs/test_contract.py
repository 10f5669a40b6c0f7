"""Records keep what they are given and refuse what they are not."""

from dataclasses import replace
from typing import Any

import pytest

from checkout_assets.domain.folders import ALL_FOLDERS
from spark_jobs.contract.completion import CompletionRecord, ManifestPart
from spark_jobs.contract.keys import (
    completion_record_key,
    manifest_part_key,
    publication_record_key,
    quarantine_file_key,
    staged_key,
    table_file_key,
)
from spark_jobs.contract.order_types import table_of
from spark_jobs.contract.publication import PUBLISHED, PublicationRecord, PublishedFile
from spark_jobs.contract.record_format import RecordError
from spark_jobs.contract.results import FolderStructured
from spark_jobs.contract.totals import StructureTotals

FOLDER = "0A_CheckoutOrder"
COPY = CompletionRecord(
    folder=FOLDER,
    copy_id="run-1",
    as_of="2026-01-31T00:00:00+00:00",
    listed_at="2026-01-31T00:00:01+00:00",
    parts=[ManifestPart("part-00000.parquet", 10, "0" * 64, 8)],
    by_kind={"document": 2, "side": 1},
    by_status={"copied": 2, "present": 1, "vanished": 5},
    total_bytes=100,
    digest="f" * 64,
    listed=3,
)
PUBLICATION = PublicationRecord(
    folder=FOLDER,
    run_id="run-2",
    state=PUBLISHED,
    copy_id="run-1",
    digest="f" * 64,
    schema_version="1",
    files=[PublishedFile(table_file_key(FOLDER, "2018-10-31", "run-2", 0), 1, 2)],
    quarantine=[PublishedFile(quarantine_file_key(FOLDER, "run-2", 0), 1, 1)],
    previous=[table_file_key(FOLDER, "2018-10-31", "run-1", 0)],
    totals=StructureTotals(documents=3, rows=2, quarantined={"no_id": 1}, redacted={"/a": 2}),
)


def test_a_record_is_what_was_written() -> None:
    assert CompletionRecord.from_json(COPY.to_json()) == COPY
    assert PublicationRecord.from_json(PUBLICATION.to_json()) == PUBLICATION
    assert replace(COPY, digest="0" * 64).to_json() != COPY.to_json()


@pytest.mark.parametrize("copy_id", ["run-1", "other-20260131T120001-4e5f6a"])
def test_a_record_says_its_run_whatever_its_copy_is_called(copy_id: str) -> None:
    record = replace(COPY, copy_id=copy_id, run_id="this")
    assert CompletionRecord.from_json(record.to_json()).run_id == "this"


def test_of_a_copy_with_a_name_of_another_form_no_run_is_known() -> None:
    assert CompletionRecord.from_json(COPY.to_json()).run_id is None


def test_a_publication_without_one_row_of_its_documents_stands_for_a_failure() -> None:
    assert FolderStructured.of(PUBLICATION).error == ""
    totals = StructureTotals(documents=3, quarantined={"no_id": 1, "too_large": 2}, vanished_rows=1)
    told = FolderStructured.of(replace(PUBLICATION, totals=totals))
    assert told.error == (
        "0A_CheckoutOrder: 3 of 3 documents are in quarantine (no_id, too_large), so the folder is "
        "not structured. See docs/runbook.md#all_documents_quarantined."
    )
    assert (told.run_id, told.totals, told.ok) == ("run-2", totals, False)


def test_what_is_in_raw_is_copied_or_present() -> None:
    assert COPY.objects == 3


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'"text"', b"{}", b"\xff"])
def test_what_is_no_record_is_refused(data: bytes) -> None:
    for kind in (CompletionRecord, PublicationRecord):
        with pytest.raises(RecordError):
            kind.from_json(data)


@pytest.mark.parametrize(
    "previous",
    [
        "consumable_tables/checkout/YEAR=2018/MONTH=10/DAY=31/live.parquet",
        "consumable_tables/checkout/YEAR=2018/MONTH=10/DAY=31/1A_CheckoutOrder.run.0.parquet",
        "consumable_tables/fulfillment/YEAR=2018/MONTH=10/DAY=31/0A_CheckoutOrder.run.0.parquet",
        "quarantine/checkout/1A_CheckoutOrder/run.0.parquet",
        "_published/0A_CheckoutOrder.json",
    ],
)
@pytest.mark.parametrize("field", ["files", "quarantine", "previous"])
def test_a_record_that_names_files_of_others_is_refused(previous: str, field: str) -> None:
    """What it names would be replaced, or deleted."""
    named: list[Any] = [previous]
    if field != "previous":
        named = [PublishedFile(previous, 1, 1)]
    strange = replace(PUBLICATION, **{field: named})
    with pytest.raises(RecordError, match="files that are not its folder's"):
        PublicationRecord.from_json(strange.to_json())


@pytest.mark.parametrize(
    "day",
    [
        "YEAR=2018/MONTH=9/DAY=05",
        "YEAR=2018/MONTH=09/DAY=5",
        "YEAR=2018/MONTH=02/DAY=31",
        "MONTH=09",
    ],
)
def test_a_record_that_names_a_table_file_outside_of_a_day_is_refused(day: str) -> None:
    """No reader of the tables finds such a file by its date."""
    path = f"consumable_tables/checkout/{day}/{FOLDER}.run.0.parquet"
    strange = replace(PUBLICATION, files=[PublishedFile(path, 1, 1)])
    with pytest.raises(RecordError, match="outside of the folders of days"):
        PublicationRecord.from_json(strange.to_json())
    assert PUBLICATION.may_name(path), "such a file can be removed"


def test_totals_add_up() -> None:
    one = StructureTotals(documents=1, rows=1, quarantined={"no_id": 1}, redacted={"/a": 1})
    two = StructureTotals(documents=2, rescued_values=3, quarantined={"no_id": 1, "no_date": 2})

    both = one.plus(two)

    assert (both.documents, both.rows, both.rescued_values) == (3, 1, 3)
    assert both.quarantined == {"no_id": 2, "no_date": 2}
    assert both.quarantined_documents == 4
    assert both.redacted == {"/a": 1}
    assert StructureTotals().plus(one) == one


def test_totals_leave_no_field_out() -> None:
    def totals_of(count: int) -> StructureTotals:
        empty = vars(StructureTotals())
        counts: dict[str, Any] = {
            name: {"x": count} if isinstance(value, dict) else count
            for name, value in empty.items()
        }
        return StructureTotals(**counts)

    assert totals_of(2).plus(totals_of(2)) == totals_of(4)


def test_a_folder_is_ok_if_it_has_no_error() -> None:
    assert FolderStructured("f", "r", StructureTotals()).ok
    assert not FolderStructured("f", "r", StructureTotals(), error="no").ok


def test_every_folder_has_the_table_of_its_order_type() -> None:
    for folder in ALL_FOLDERS:
        assert table_of(folder.name) == folder.order_type.table


def test_where_things_lie() -> None:
    folder = "0A_CheckoutOrder"
    key = table_file_key(folder, "2018-10-31", "run", 3)
    assert key == (
        "consumable_tables/checkout/YEAR=2018/MONTH=10/DAY=31/0A_CheckoutOrder.run.3.parquet"
    )
    assert staged_key(folder, "run", key) == f"_staging/{folder}/run/{key}"
    assert quarantine_file_key(folder, "run", 0) == (f"quarantine/checkout/{folder}/run.0.parquet")
    assert completion_record_key(folder) == f"_manifests/{folder}/current.json"
    assert manifest_part_key(folder, "id", "p") == f"_manifests/{folder}/id/p"
    assert publication_record_key(folder) == f"_published/{folder}.json"


@pytest.mark.parametrize(
    "wrong",
    [
        {"listed": 4},
        {"listed": 0},
        {"by_kind": {"document": 3, "side": 1}},
        {"by_kind": {}},
        {"by_status": {"copied": 3, "present": 1, "vanished": 4}},
        {"by_status": {"copied": 2, "present": 1, "vanished": 4}},
        {"parts": []},
        {"parts": [ManifestPart("part-00000.parquet", 10, "0" * 64, 9)]},
    ],
)
def test_a_completion_record_that_contradicts_itself_is_none(wrong: dict[str, Any]) -> None:
    assert CompletionRecord.from_json(COPY.to_json()) == COPY
    with pytest.raises(RecordError, match=r"contradicts itself: [a-z_ ]+ do not add up"):
        CompletionRecord.from_json(replace(COPY, **wrong).to_json())
