"""Records keep what they are given and refuse what they are not."""

import json
from dataclasses import replace
from typing import Any

import pytest

from checkout_assets.domain.folders import ALL_FOLDERS
from spark_jobs import contract
from spark_jobs.contract import (
    CompletionRecord,
    FolderStructured,
    ManifestPart,
    PublicationRecord,
    PublishedFile,
    RecordError,
    StructureTotals,
)

COPY = CompletionRecord(
    folder="0A_CheckoutOrder",
    copy_id="run-1",
    as_of="2026-01-31T00:00:00+00:00",
    listed_at="2026-01-31T00:00:01+00:00",
    parts=[ManifestPart("part-00000.parquet", 10, "0" * 64, 3)],
    by_kind={"document": 2, "side": 1},
    by_status={"copied": 2, "present": 1, "vanished": 5},
    total_bytes=100,
    digest="f" * 64,
    listed=3,
)
PUBLICATION = PublicationRecord(
    folder="0A_CheckoutOrder",
    run_id="run-2",
    state=contract.PUBLISHED,
    copy_id="run-1",
    digest="f" * 64,
    schema_version="1",
    files=[PublishedFile("a", 1, 2)],
    quarantine=[PublishedFile("b", 1, 1)],
    previous=["c"],
    totals=StructureTotals(documents=3, rows=2, quarantined={"no_id": 1}, redacted={"/a": 2}),
)


def test_a_record_is_what_was_written() -> None:
    assert CompletionRecord.from_json(COPY.to_json()) == COPY
    assert PublicationRecord.from_json(PUBLICATION.to_json()) == PUBLICATION
    assert replace(COPY, digest="0" * 64).to_json() != COPY.to_json()


def test_what_is_in_raw_is_copied_or_present() -> None:
    assert COPY.objects == 3


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"null", b'"text"', b"{}", b"\xff"])
def test_what_is_no_record_is_refused(data: bytes) -> None:
    for kind in (CompletionRecord, PublicationRecord):
        with pytest.raises(RecordError):
            kind.from_json(data)


@pytest.mark.parametrize(
    "change",
    [
        {"parts": "none"},
        {"parts": [7]},
        {"parts": [{"name": "x"}]},
        {"parts": [{"name": "x", "size": "10", "sha256": "", "rows": 1}]},
        {"by_kind": []},
        {"by_status": None},
        {"total_bytes": "100"},
        {"digest": None},
        {"unknown": 1},
    ],
)
def test_a_completion_record_of_other_fields_is_refused(change: dict[str, Any]) -> None:
    fields = {**json.loads(COPY.to_json()), **change}
    with pytest.raises(RecordError):
        CompletionRecord.from_json(json.dumps(fields).encode())


@pytest.mark.parametrize(
    "change",
    [
        {"files": {}},
        {"files": [{"path": "a"}]},
        {"files": [{"path": 1, "size": 1, "rows": 1}]},
        {"totals": None},
        {"totals": {"rows": "1"}},
        {"totals": {"lines": 1}},
        {"previous": None},
        {"state": 1},
    ],
)
def test_a_publication_record_of_other_fields_is_refused(change: dict[str, Any]) -> None:
    fields = {**json.loads(PUBLICATION.to_json()), **change}
    with pytest.raises(RecordError):
        PublicationRecord.from_json(json.dumps(fields).encode())


@pytest.mark.parametrize("field", ["folder", "copy_id", "parts", "digest"])
def test_a_missing_field_is_refused(field: str) -> None:
    fields = json.loads(COPY.to_json())
    del fields[field]
    with pytest.raises(RecordError, match="lacks a field"):
        CompletionRecord.from_json(json.dumps(fields).encode())


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
        assert contract.table_of(folder.name) == folder.order_type.table


def test_where_things_lie() -> None:
    folder = "0A_CheckoutOrder"
    key = contract.table_file_key(folder, "2018-10-31", "run", 3)
    assert key == (
        "consumable_tables/checkout/YEAR=2018/MONTH=10/DAY=31/0A_CheckoutOrder.run.3.parquet"
    )
    assert contract.staged_key(folder, "run", key) == f"_staging/{folder}/run/{key}"
    assert contract.quarantine_file_key(folder, "run", 0) == (
        f"quarantine/checkout/{folder}/run.0.parquet"
    )
    assert contract.completion_record_key(folder) == f"_manifests/{folder}/current.json"
    assert contract.manifest_part_key(folder, "id", "p") == f"_manifests/{folder}/id/p"
    assert contract.publication_record_key(folder) == f"_published/{folder}.json"
