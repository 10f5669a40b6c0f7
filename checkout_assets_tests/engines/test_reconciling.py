"""What reconciling finds in real listings and records."""

import hashlib
import io
import os
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from checkout_assets.domain.copying import CutOff
from checkout_assets.domain.folders import select_folders
from checkout_assets.domain.rechecked import structured_checks
from checkout_assets.domain.reconciliation import FolderReconciled, Reason, State
from checkout_assets.engines.locations import Location
from checkout_assets.engines.reconciling.engine import ComparisonTerms, Reconciler
from checkout_assets_tests.fault_proxy import Answer, FaultProxy
from checkout_assets_tests.orders_place import DEEP, FOLDER, OrdersPlace
from spark_jobs.contract.keys import (
    completion_record_key,
    publication_record_key,
    quarantine_file_key,
    staging_prefix,
    table_file_key,
)
from spark_jobs.contract.publication import PUBLISHED, PUBLISHING, PublicationRecord, PublishedFile
from spark_jobs.contract.totals import StructureTotals
from spark_jobs.stores import LocalStore, Store

A, B, C = (f"{FOLDER}/A/id/{name}" for name in "abc")
DAY = "2018-10-31"


@pytest.fixture
def complete(place: OrdersPlace) -> OrdersPlace:
    """Three documents, copied and published: one day's file and nothing in quarantine."""
    for key in (A, B, C):
        place.put(key, b"{}")
    assert place.copy_one(run_id="copy").ok
    publish(place)
    return place


def lake_of(place: OrdersPlace) -> LocalStore:
    return place.lake.open()


def parquet(rows: int) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"id": ["x"] * rows}), sink)
    return sink.getvalue()


def publish(place: OrdersPlace, rows: int = 3, lake: Store | None = None, **about: Any) -> str:
    """Publish a file of that many rows and a record that fits the copy; returns the file's key."""
    store, copy = lake or lake_of(place), place.record()
    assert copy is not None
    key = table_file_key(FOLDER, DAY, "run", 0)
    data = parquet(rows)
    store.put(key, data)
    record = PublicationRecord(
        folder=FOLDER,
        run_id="run",
        state=PUBLISHED,
        copy_id=copy.copy_id,
        digest=copy.digest,
        schema_version="1",
        files=[PublishedFile(key, len(data), rows)],
        quarantine=[],
        previous=[],
        totals=StructureTotals(documents=3, rows=3),
    )
    store.put(publication_record_key(FOLDER), replace(record, **about).to_json())
    return key


def reconcile(
    place: OrdersPlace,
    folder: str = FOLDER,
    *,
    with_source: bool = True,
    deep: bool = False,
    lake: Location | None = None,
) -> FolderReconciled:
    source = place.source if with_source else None
    terms = DEEP if deep else ComparisonTerms()
    engine = Reconciler(source, place.raw, lake or place.lake, terms)
    (result,) = engine.run(select_folders([folder]), "run")
    return result


def causes(result: FolderReconciled) -> dict[Reason, int]:
    return {cause.reason: cause.count for cause in result.causes}


@pytest.mark.parametrize("with_source", [True, False])
def test_a_copied_and_structured_folder_is_green(complete: OrdersPlace, with_source: bool) -> None:
    result = reconcile(complete, with_source=with_source, deep=True)

    assert (result.state, result.causes, result.error) == (State.GREEN, (), "")
    assert result.copy.facts.in_raw == 3


def test_the_lake_may_be_in_s3(complete: OrdersPlace) -> None:
    lake = replace(complete.raw, prefix="lake/")
    assert causes(reconcile(complete, lake=lake)) == {Reason.NOT_STRUCTURED: 1}
    publish(complete, lake=lake.open())
    assert reconcile(complete, lake=lake, deep=True).state is State.GREEN


def test_the_hand_run_state_is_compared_by_safe_keys(place: OrdersPlace) -> None:
    odd = f"{FOLDER}/A/id/sp ace"
    for key in (A, B, C, odd):
        place.put(key, b"right")
    place.put(A, b"right", place.raw)
    place.put(B, b"wrong", place.raw)
    place.put(odd, b"right", place.raw)  # under the source's own name, which is not safe
    place.put(f"{FOLDER}/A/id/renamed", b"right", place.raw)

    assert causes(reconcile(place)) == {
        Reason.NOT_COPIED: 1,
        Reason.OBJECTS_MISSING: 2,
        Reason.OBJECTS_DIFFER: 1,
        Reason.MISSING_ON_SOURCE: 2,
        Reason.NOT_STRUCTURED: 1,
    }


def test_a_folder_that_was_never_copied_is_missing(place: OrdersPlace) -> None:
    place.put(A)

    found = causes(reconcile(place))

    assert found.keys() == {
        Reason.FOLDER_MISSING,
        Reason.NOT_COPIED,
        Reason.OBJECTS_MISSING,
        Reason.NOT_STRUCTURED,
    }


def test_a_folder_the_source_does_not_have_is_red(complete: OrdersPlace) -> None:
    for key in (A, B, C):
        complete.delete(key)

    found = causes(reconcile(complete))

    assert found == {Reason.SOURCE_IS_EMPTY: 1, Reason.OBJECTS_VANISHED: 3}


Break = Callable[[OrdersPlace], object]


def lose_raw(place: OrdersPlace) -> None:
    place.delete(A, place.raw)


def change_raw(place: OrdersPlace) -> None:
    place.put(A, b"[]", place.raw)


def add_to_raw(place: OrdersPlace) -> None:
    place.put(f"{FOLDER}/A/id/by-hand", b"{}", place.raw)


def change_record(place: OrdersPlace, **about: Any) -> None:
    record = place.record()
    assert record is not None
    data = replace(record, **about).to_json()
    place.put(completion_record_key(FOLDER), data, place.raw)


def lose_record(place: OrdersPlace) -> None:
    place.delete(completion_record_key(FOLDER), place.raw)


def garble_record(place: OrdersPlace) -> None:
    place.put(completion_record_key(FOLDER), b"{", place.raw)


def the_part(place: OrdersPlace) -> str:
    (part,) = [key for key in place.keys("_manifests/") if key.endswith(".parquet")]
    return part


def lose_part(place: OrdersPlace) -> None:
    place.delete(the_part(place), place.raw)


def garble_part(place: OrdersPlace) -> None:
    part = the_part(place)
    data = place.get(part)["bytes"]
    place.put(part, data[:-1] + bytes([data[-1] ^ 1]), place.raw)


def disorder_part(place: OrdersPlace) -> None:
    """Its record fits: whoever wrote both knew no better."""
    part, record = the_part(place), place.record()
    assert record is not None
    table = pq.read_table(pa.BufferReader(place.get(part)["bytes"]))
    sink = pa.BufferOutputStream()
    pq.write_table(table.take([2, 1, 0]), sink)
    data = sink.getvalue().to_pybytes()
    place.put(part, data, place.raw)
    told = replace(record.parts[0], size=len(data), sha256=hashlib.sha256(data).hexdigest())
    change_record(place, parts=[told])


def lose_table_file(place: OrdersPlace) -> None:
    lake_of(place).delete([table_file_key(FOLDER, DAY, "run", 0)])


def grow_table_file(place: OrdersPlace) -> None:
    key = table_file_key(FOLDER, DAY, "run", 0)
    lake_of(place).put(key, lake_of(place).get(key).data + b"x")


def leave_orphan(place: OrdersPlace) -> None:
    lake_of(place).put(table_file_key(FOLDER, "2018-11-01", "older-run", 3), parquet(1))


def name_a_file_twice(place: OrdersPlace) -> None:
    """The record counts what it names, so only the number of source keys tells."""
    key = publish(place)
    record = PublicationRecord.from_json(lake_of(place).get(publication_record_key(FOLDER)).data)
    (file,) = record.files
    again = replace(file, path=table_file_key(FOLDER, "2018-11-01", "run", 1))
    lake_of(place).put(again.path, lake_of(place).get(key).data)
    totals = replace(record.totals, vanished_rows=3, source_keys=3)
    publish(place, files=[file, again], totals=totals)


def leave_quarantine_orphan(place: OrdersPlace) -> None:
    lake_of(place).put(quarantine_file_key(FOLDER, "older-run", 0), parquet(1))


def lose_publication(place: OrdersPlace) -> None:
    lake_of(place).delete([publication_record_key(FOLDER), table_file_key(FOLDER, DAY, "run", 0)])


def garble_publication(place: OrdersPlace) -> None:
    lake_of(place).put(publication_record_key(FOLDER), b"[]")


def lose_a_row(place: OrdersPlace) -> None:
    publish(place, rows=2)


def miscount(place: OrdersPlace) -> None:
    publish(place, totals=StructureTotals(documents=4, rows=3))


def misread(place: OrdersPlace) -> None:
    publish(place, totals=StructureTotals(documents=2, nested=1, rows=2), rows=2)


@pytest.mark.parametrize(
    ("break_it", "found"),
    [
        (lose_raw, {Reason.OBJECTS_MISSING}),
        (change_raw, {Reason.OBJECTS_DIFFER}),
        (lose_record, {Reason.NOT_COPIED}),
        (garble_record, {Reason.MANIFEST_BROKEN}),
        (lose_part, {Reason.MANIFEST_BROKEN}),
        (garble_part, {Reason.MANIFEST_BROKEN}),
        (disorder_part, {Reason.MANIFEST_BROKEN}),
        (lambda place: change_record(place, parts=[]), {Reason.MANIFEST_BROKEN}),
        (lambda place: change_record(place, by_status={"copied": 4}), {Reason.MANIFEST_BROKEN}),
        (lambda place: change_record(place, digest="0" * 64), {Reason.MANIFEST_BROKEN}),
        (lambda place: change_record(place, folder="0B_CheckoutOrder"), {Reason.MANIFEST_BROKEN}),
        (
            lambda place: change_record(place, by_kind={"document": 2, "side": 1}),
            {Reason.ROWS_DO_NOT_ADD_UP},
        ),
        (lose_table_file, {Reason.FILES_MISSING}),
        (grow_table_file, {Reason.FILES_MISSING}),
        (leave_orphan, {Reason.FILES_ORPHANED}),
        (leave_quarantine_orphan, {Reason.FILES_ORPHANED}),
        (name_a_file_twice, {Reason.SOURCE_KEYS_TWICE}),
        (lose_publication, {Reason.NOT_STRUCTURED}),
        (garble_publication, {Reason.NOT_STRUCTURED, Reason.FILES_ORPHANED}),
        (lose_a_row, {Reason.ROWS_DO_NOT_ADD_UP}),
        (miscount, {Reason.ROWS_DO_NOT_ADD_UP}),
        (misread, {Reason.ROWS_DO_NOT_ADD_UP}),
        (lambda place: publish(place, state=PUBLISHING), {Reason.PUBLISHING_UNFINISHED}),
        (lambda place: publish(place, digest="0" * 64), {Reason.STRUCTURED_FROM_OLDER_COPY}),
    ],
)
def test_whatever_is_broken_is_red_for_its_reason(
    complete: OrdersPlace, break_it: Break, found: set[Reason]
) -> None:
    break_it(complete)

    result = reconcile(complete)

    assert causes(result).keys() == found
    assert (result.state, result.ok) == (State.RED, False)
    assert result.error.startswith(f"{FOLDER}: ")


@pytest.mark.parametrize("break_it", [leave_orphan, leave_quarantine_orphan, name_a_file_twice])
def test_a_source_key_that_readers_see_twice_fails_the_folders_check(
    complete: OrdersPlace, break_it: Break
) -> None:
    break_it(complete)
    failed = [each for each in structured_checks(reconcile(complete)) if not each.passed]
    assert [each.rule for each in failed] == ["no_source_key_twice"]


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [(lose_raw, Reason.OBJECTS_MISSING), (change_raw, Reason.OBJECTS_DIFFER)],
)
def test_without_a_source_raw_is_compared_with_its_manifest(
    complete: OrdersPlace, break_it: Break, reason: Reason
) -> None:
    break_it(complete)

    assert causes(reconcile(complete, with_source=False)) == {reason: 1}


def test_raw_objects_no_manifest_names_are_worth_knowing(complete: OrdersPlace) -> None:
    add_to_raw(complete)

    result = reconcile(complete)

    assert (result.state, causes(result)) == (State.YELLOW, {Reason.MISSING_ON_SOURCE: 1})
    assert result.error == ""


def test_a_source_that_went_on_is_told_apart(complete: OrdersPlace) -> None:
    complete.put(A, b"later version")
    complete.put(f"{FOLDER}/A/id/later", b"{}")
    complete.delete(B)
    assert causes(reconcile(complete)) == {Reason.NEWER_OBJECTS: 2, Reason.OBJECTS_VANISHED: 1}

    complete.copy("0B_CheckoutOrder", as_of=CutOff.NOW)  # moves the cut-off for all folders
    assert causes(reconcile(complete)) == {
        Reason.OBJECTS_MISSING: 1,
        Reason.OBJECTS_DIFFER: 1,
        Reason.OBJECTS_VANISHED: 1,
    }


def test_a_copy_that_found_nothing_new_does_not_make_the_tables_old(
    complete: OrdersPlace,
) -> None:
    complete.copy_one(run_id="again")
    assert reconcile(complete).state is State.GREEN

    complete.delete(A)
    complete.copy_one(run_id="third")
    assert Reason.STRUCTURED_FROM_OLDER_COPY in causes(reconcile(complete))


def test_only_a_deep_look_opens_the_files(complete: OrdersPlace) -> None:
    key = table_file_key(FOLDER, DAY, "run", 0)
    lake = lake_of(complete)
    data = lake.get(key).data
    lake.put(key, data[:4] + bytes(len(data) - 8) + data[-4:])

    assert reconcile(complete).state is State.GREEN
    assert causes(reconcile(complete, deep=True)) == {Reason.FILES_MISSING: 1}


def flip_a_byte(place: OrdersPlace, at: float) -> None:
    """In a file of the same size: ``at`` is the byte's place, as a share of the file."""
    lake, key = lake_of(place), table_file_key(FOLDER, DAY, "run", 0)
    data = bytearray(lake.get(key).data)
    data[int(at * len(data))] ^= 0x10
    lake.put(key, bytes(data))


def publish_with_digest(place: OrdersPlace) -> None:
    publish(place)
    lake = lake_of(place)
    record = PublicationRecord.from_json(lake.get(publication_record_key(FOLDER)).data)
    (file,) = record.files
    digest = hashlib.sha256(lake.get(file.path).data).hexdigest()
    told = replace(record, files=[replace(file, sha256=digest)])
    lake.put(publication_record_key(FOLDER), told.to_json())


@pytest.mark.parametrize("at", [0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999])
def test_one_flipped_byte_is_found_by_the_look_that_is_deep_for_the_folder(
    complete: OrdersPlace, at: float
) -> None:
    publish_with_digest(complete)
    assert reconcile(complete, deep=True).state is State.GREEN
    flip_a_byte(complete, at)

    def looked(*deep: str) -> FolderReconciled:
        engine = Reconciler(
            complete.source,
            complete.raw,
            complete.lake,
            ComparisonTerms(select_folders(deep)),
        )
        (result,) = engine.run(select_folders([FOLDER]), "run")
        return result

    elsewhere, here = looked("0B_CheckoutOrder"), looked("00_CheckoutOrder..0A_CheckoutOrder")
    assert (elsewhere.state, elsewhere.lake.read_deep) == (State.GREEN, False)
    assert (causes(here), here.lake.read_deep) == ({Reason.FILES_MISSING: 1}, True)
    assert causes(reconcile(complete, deep=True)) == {Reason.FILES_MISSING: 1}


def test_a_deep_look_decodes_files_of_a_record_without_digests(complete: OrdersPlace) -> None:
    key = table_file_key(FOLDER, DAY, "run", 0)
    data = lake_of(complete).get(key).data
    footer = int.from_bytes(data[-8:-4], "little") + 8
    pages = len(data) - footer
    lake_of(complete).put(key, data[:4] + bytes(pages - 4) + data[pages:])
    assert reconcile(complete).state is State.GREEN
    assert causes(reconcile(complete, deep=True)) == {Reason.FILES_MISSING: 1}


def test_a_deep_look_counts_rows(complete: OrdersPlace) -> None:
    data = parquet(2)
    lake_of(complete).put(table_file_key(FOLDER, DAY, "run", 0), data)
    record = PublicationRecord.from_json(lake_of(complete).get(publication_record_key(FOLDER)).data)
    files = [replace(record.files[0], size=len(data))]
    lake_of(complete).put(publication_record_key(FOLDER), replace(record, files=files).to_json())

    assert reconcile(complete).state is State.GREEN
    assert causes(reconcile(complete, deep=True)) == {Reason.FILES_MISSING: 1}


def test_other_files_in_the_tables_are_nobodys_business(complete: OrdersPlace) -> None:
    lake = lake_of(complete)
    lake.put(f"consumable_tables/checkout/YEAR=2018/MONTH=10/DAY=31/{FOLDER}-live.parquet", b"x")
    lake.put("consumable_tables/checkout/YEAR=2018/MONTH=10/DAY=31/part-0.snappy.parquet", b"x")
    lake.put(table_file_key("0B_CheckoutOrder", DAY, "run", 0), b"x")

    assert reconcile(complete).state is State.GREEN


def test_staging_older_than_a_week_is_worth_knowing(complete: OrdersPlace) -> None:
    lake = lake_of(complete)
    for run_id in ("dead", "alive"):
        lake.put(staging_prefix(FOLDER, run_id) + "file.parquet", b"x")
    long_ago = time.time() - 8 * 24 * 3600
    path = complete.lake.path / staging_prefix(FOLDER, "dead") / "file.parquet"
    os.utime(path, (long_ago, long_ago))

    assert causes(reconcile(complete)) == {Reason.STAGING_STALE: 1}


def test_anomalies_make_a_folder_yellow_by_the_names_of_their_checks(place: OrdersPlace) -> None:
    for name in ("a", "sp ace", "deep/er"):
        place.put(f"{FOLDER}/A/id/{name}")
    place.put(f"{FOLDER}/A/ID/x")
    place.copy_one(run_id="copy")
    totals = StructureTotals(
        documents=2, nested=1, side=1, rows=1, quarantined={"no_date": 1}, rescued_values=2
    )
    lake = lake_of(place)
    key, data = quarantine_file_key(FOLDER, "run", 0), parquet(2)
    lake.put(key, data)
    publish(place, rows=1, totals=totals, quarantine=[PublishedFile(key, len(data), 2)])

    result = reconcile(place, deep=True)

    assert result.state is State.YELLOW, result.error
    assert result.flags == (
        "no_documents_nested_under_id",
        "names_are_safe",
        "no_near_miss_names",
        "no_documents_quarantined",
        "every_value_has_a_column",
    )


def test_a_folder_that_cannot_be_listed_is_not_green_and_spares_its_neighbours(
    complete: OrdersPlace, proxy: FaultProxy
) -> None:
    proxy.rule = lambda request: (
        Answer(403, "AccessDenied") if "prefix=root%2F0B_" in request.path else None
    )
    engine = Reconciler(complete.source, complete.raw, complete.lake)

    results = {
        r.folder.name: r for r in engine.run(select_folders([FOLDER, "0B_CheckoutOrder"]), "")
    }

    assert results[FOLDER].state is State.GREEN
    assert "AccessDenied" in results["0B_CheckoutOrder"].error


def test_what_else_lies_below_the_source_is_unexpected(complete: OrdersPlace) -> None:
    for key in ("0a_CheckoutOrder/x", "E9__FulfillmentOrder/x", "loose object", "/x", "100_X/y/z"):
        complete.put(key)

    assert Reconciler(complete.source, complete.raw, complete.lake).unexpected() == [
        "/",
        "0a_CheckoutOrder/",
        "100_X/",
        "E9__FulfillmentOrder/",
        "loose object",
    ]


def test_reconciling_changes_nothing(complete: OrdersPlace) -> None:
    def everything() -> list[tuple[str, str]]:
        stores = [complete.source.open(), complete.raw.open()]
        return [(entry.key, entry.etag) for store in stores for entry in store.list()]

    before = everything(), [e.key for e in lake_of(complete).list()]
    reconcile(complete, deep=True)
    assert (everything(), [e.key for e in lake_of(complete).list()]) == before


@pytest.mark.parametrize("where", ["list-type", "current.json", ".parquet"])
def test_expired_credentials_are_named(
    complete: OrdersPlace, proxy: FaultProxy, where: str
) -> None:
    expired = Answer(400, "ExpiredToken")
    proxy.rule = lambda request: expired if where in request.path else None
    engine = Reconciler(complete.source, complete.raw, complete.lake)
    (found,) = engine.run(select_folders([FOLDER]), "run")
    assert found.state is State.RED
    assert "the credentials have expired: renew them" in found.error
