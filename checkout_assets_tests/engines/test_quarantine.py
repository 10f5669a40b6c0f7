"""Reading quarantine: exactly what the publication record names, in S3 and on disk."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.domain.folders import Folder
from checkout_assets.engines.quarantine import REASONS, Quarantine
from checkout_assets_tests.fault_proxy import Answer, FaultProxy
from checkout_assets_tests.orders_place import OrdersPlace
from spark_jobs.conforming import Conformer, Rejected
from spark_jobs.contract.columns import QUARANTINE_COLUMNS
from spark_jobs.contract.keys import publication_record_key, quarantine_file_key
from spark_jobs.contract.publication import PUBLISHED, PUBLISHING, PublicationRecord, PublishedFile
from spark_jobs.contract.totals import StructureTotals
from spark_jobs.stores import LocalStore, Store, open_store

FOLDER, NEIGHBOUR = Folder.parse("0A_CheckoutOrder"), Folder.parse("0B_CheckoutOrder")
HOSTILE = f"{FOLDER}/A/id/\x1b[2J\u202ejane.doe@example.com\n"
PLAIN = f"{FOLDER}/A/id/1-01"


@pytest.fixture(params=["disk", "s3"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty lake."""
    if request.param == "disk":
        return open_store(str(tmp_path / "lake"))
    server = request.getfixturevalue("aws")
    bucket = f"lake-{uuid.uuid4().hex[:12]}"
    server.client().create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-east-2"}
    )
    return open_store(f"s3://{bucket}/some/prefix")


def row(source_key: str, reason: str, body: bytes, kind: str = "document") -> dict[str, Any]:
    return {
        "source_key": source_key,
        "raw_key": source_key,
        "kind": kind,
        "reason": reason,
        "detail": "at byte 7",
        "size": len(body),
        "source_etag": "e" * 32,
        "body": body,
    }


ROWS = [
    row(PLAIN, "not_json", b'{"Id": '),
    row(HOSTILE, "no_date", b"\xff\x00 not text"),
    row(f"{FOLDER}/A/id/2-01", "not_json", b"[1"),
    row(f"{FOLDER}/A/id/3-01/history", "nested_under_id", b"{}", kind="nested"),
]
TOTALS = StructureTotals(
    documents=5, rows=2, nested=1, quarantined={"not_json": 2, "no_date": 1, "no_id": 0}
)


def publish(
    lake: Store,
    folder: Folder = FOLDER,
    files: Sequence[Sequence[dict[str, Any]]] = (ROWS[:2], ROWS[2:]),
    **changed: Any,
) -> PublicationRecord:
    """A folder whose quarantine is these files of rows."""
    schema = pa.schema([(n, pa.type_for_alias(kind)) for n, kind in QUARANTINE_COLUMNS])
    named = []
    for number, rows in enumerate(files):
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), sink)
        key = quarantine_file_key(folder.name, "run1", number)
        lake.put(key, bytes(sink.getvalue()))
        named.append(PublishedFile(key, sink.getvalue().size, len(rows)))
    record = PublicationRecord(
        folder=folder.name,
        run_id="run1",
        state=PUBLISHED,
        copy_id="c1",
        digest="d",
        schema_version="1",
        files=[],
        quarantine=named,
        previous=[],
        totals=TOTALS,
    )
    record = replace(record, **changed)
    lake.put(publication_record_key(folder.name), record.to_json())
    return record


def test_counts_are_the_records_by_reason_with_nested_objects(lake: Store) -> None:
    publish(lake)

    (told,) = Quarantine(lake).count([FOLDER])

    assert (told.ok, told.run_id) == (True, "run1")
    assert told.by_reason == {"nested_under_id": 1, "no_date": 1, "not_json": 2}


def test_counting_opens_no_data_file_and_reads_nothing_that_no_record_names(lake: Store) -> None:
    record = publish(lake)
    for file in record.quarantine:
        lake.put(file.path, b"no Parquet")
    lake.put(f"quarantine/checkout/{NEIGHBOUR}/orphan.0.parquet", b"no Parquet either")

    told = Quarantine(lake).count([FOLDER, NEIGHBOUR])

    assert [each.ok for each in told] == [True, False]
    assert told[1].error == f"{NEIGHBOUR} was never structured, so it has no quarantine."
    assert not told[1].structured


def test_vanished_objects_are_counted_by_their_reasons_too(lake: Store) -> None:
    vanished = row(f"{FOLDER}/A/id/gone", "no_id", b"{}")
    publish(lake, files=[ROWS, [vanished]], totals=replace(TOTALS, vanished_quarantined=1))

    (told,) = Quarantine(lake).count([FOLDER])

    assert told.by_reason == {"nested_under_id": 1, "no_date": 1, "no_id": 1, "not_json": 2}


def test_nested_objects_above_the_limit_are_counted_by_that_reason(lake: Store) -> None:
    totals = replace(TOTALS, quarantined={"too_large": 2}, nested=5, nested_too_large=3)
    publish(lake, totals=totals)

    (told,) = Quarantine(lake).count([FOLDER])

    assert told.by_reason == {"nested_under_id": 2, "too_large": 5}


@pytest.mark.parametrize(
    ("size", "detail", "kept"),
    [
        (5 * 1024 * 1024, "size at byte 4194304", 1024 * 1024),
        (5 * 1024 * 1024, "unpacked size at byte 1073741824", 5 * 1024 * 1024),
        (500, "size at byte 400", 500),
    ],
)
def test_an_object_above_the_limit_is_cut(lake: Store, size: int, detail: str, kept: int) -> None:
    large = {**row(PLAIN, "too_large", b"start"), "size": size, "detail": detail}
    publish(lake, files=[[large]])

    (found,) = Quarantine(lake).objects(FOLDER)

    assert (found.is_cut, found.kept) == (kept < size, kept)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("torn", "is not JSON. See docs/runbook.md#unreadable-record."),
        ("publishing", "its publication is not finished"),
        ("misplaced", "is another folder's"),
    ],
)
def test_a_record_that_cannot_be_trusted_is_told_and_its_neighbour_counted(
    lake: Store, fault: str, said: str
) -> None:
    record = publish(lake, NEIGHBOUR)
    spoilt = {
        "torn": record.to_json()[:40],
        "publishing": replace(
            record, folder=FOLDER.name, state=PUBLISHING, quarantine=[]
        ).to_json(),
        "misplaced": record.to_json(),
    }
    lake.put(publication_record_key(FOLDER.name), spoilt[fault])

    broken, whole = Quarantine(lake).count([FOLDER, NEIGHBOUR])

    assert said in broken.error
    assert broken.structured
    assert whole.ok


def test_an_object_is_found_by_its_key_or_by_the_digest_of_its_name(lake: Store) -> None:
    publish(lake)
    quarantine = Quarantine(lake)

    by_key = quarantine.find(FOLDER, HOSTILE)
    by_digest = quarantine.find(FOLDER, by_key.digest[:8].upper())

    assert by_key == by_digest
    assert (by_key.reason, by_key.size, by_key.kind) == ("no_date", 11, "document")
    assert quarantine.body(by_key) == ROWS[1]["body"]


def test_every_object_has_its_own_bytes(lake: Store) -> None:
    publish(lake)
    quarantine = Quarantine(lake)

    bodies = {each.source_key: quarantine.body(each) for each in quarantine.objects(FOLDER)}

    assert bodies == {each["source_key"]: each["body"] for each in ROWS}


@pytest.mark.parametrize("named", ["", "0A_CheckoutOrder", f"{PLAIN}x", "ffff", "0" * 64])
def test_a_name_that_is_no_objects_is_wrong_usage(lake: Store, named: str) -> None:
    publish(lake)
    with pytest.raises(UsageError, match="holds no such object: give the whole source key"):
        Quarantine(lake).find(FOLDER, named)


def test_a_digest_that_several_objects_share_is_wrong_usage(tmp_path: Path) -> None:
    lake = LocalStore(tmp_path)
    publish(lake, files=[ROWS, [{**ROWS[0], "body": b"the same key twice"}]])
    quarantine = Quarantine(lake)
    digest = next(quarantine.objects(FOLDER)).digest
    with pytest.raises(UsageError, match="holds 2 objects with that digest prefix"):
        quarantine.find(FOLDER, digest)


@pytest.mark.parametrize("gone", [True, False])
def test_a_named_file_that_is_gone_or_broken_is_loud(lake: Store, gone: bool) -> None:
    record = publish(lake)
    path = record.quarantine[1].path
    if gone:
        lake.delete([path])
    else:
        lake.put(path, b"no Parquet")
    with pytest.raises(MigrationError, match=r"is gone|cannot be read as Parquet"):
        list(Quarantine(lake).objects(FOLDER))


def test_a_lake_that_refuses_is_told_by_its_code(place: OrdersPlace, proxy: FaultProxy) -> None:
    lake = place.raw.open()  # any bucket there is
    publish(lake)
    proxy.rule = lambda _: Answer(403, "AccessDenied")

    (told,) = Quarantine(lake).count([FOLDER])

    assert told.structured
    assert told.error == f"{FOLDER}: the lake answers AccessDenied."


@pytest.mark.parametrize(
    ("body", "reason"),
    zip([b"\xff", b"{", b"[]", b"{}", b'{"Id": "1"}'], REASONS[1:], strict=False),
)
def test_the_reasons_are_those_of_the_job(body: bytes, reason: str) -> None:
    rejected = Conformer("checkout").conform(body)
    assert isinstance(rejected, Rejected)
    assert rejected.reason == reason
