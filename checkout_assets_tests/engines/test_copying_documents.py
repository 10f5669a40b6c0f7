"""A folder without a single document is not complete, whatever else it holds."""

from datetime import UTC, datetime

import pytest

from checkout_assets.domain.copying import CutOff
from checkout_assets.domain.folders import Folder, select_folders
from checkout_assets.domain.reconciliation import Reason
from checkout_assets.engines.copying.manifest import ManifestRow, ManifestWriter
from checkout_assets.engines.copying.tally import Tally
from checkout_assets.engines.ec2.records import RunRecords
from checkout_assets.engines.reconciling.engine import Reconciler
from checkout_assets_tests.fault_proxy import Answer, FaultProxy
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from spark_jobs.contract.keys import completion_record_key
from spark_jobs.job.plan import FolderError, plan_folder

MARKER = f"{FOLDER}/"
DOCUMENT = f"{FOLDER}/ACCOUNT/id/order-1"
NESTED = f"{FOLDER}/ACCOUNT/id/order-1/history"
SIDES = [f"{FOLDER}/ACCOUNT/index/1", f"{FOLDER}/a/b/id/c", f"{FOLDER}/x/ID/y", f"{FOLDER}/x/id/"]


def reasons(place: OrdersPlace, *, with_source: bool = True) -> set[Reason]:
    engine = Reconciler(place.source if with_source else None, place.raw, place.lake)
    (result,) = engine.run(select_folders([FOLDER]), "run")
    return {cause.reason for cause in result.causes}


def without_documents(place: OrdersPlace) -> None:
    """A record with its manifest, as copies wrote it before documents were asked for."""
    etag, raw, tally = place.put(SIDES[0], b"side", place.raw), place.raw.open(), Tally()
    now, copy_id = datetime.now(UTC), "old-20260131T120001-4e5f6a"
    writer = ManifestWriter(raw, FOLDER, copy_id)
    row = ManifestRow(
        FOLDER, SIDES[0], SIDES[0], "side", 4, etag, etag, now, "STANDARD", "copied", 1, ""
    )
    tally.add(row)
    writer.add(row)
    record = tally.record(FOLDER, copy_id, now, now, writer.flush(), tally.facts())
    raw.put(completion_record_key(FOLDER), record.to_json())


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ([MARKER], "1 side object"),
        (SIDES, "4 side objects"),
        ([NESTED], "1 nested object"),
        ([MARKER, NESTED, f"{NESTED}/2"], "2 nested objects and 1 side object"),
    ],
    ids=["marker", "sides", "nested", "all"],
)
def test_a_folder_without_a_document_fails_and_gets_no_record(
    place: OrdersPlace, keys: list[str], told: str
) -> None:
    for key in keys:
        place.put(key, b"")

    copied = place.copy_one()

    assert not copied.ok
    assert f"no document below {place.source.uri}/{FOLDER}/, only {told}" in copied.error
    assert place.record() is None
    assert {Reason.NO_DOCUMENTS, Reason.NOT_COPIED} <= reasons(place)


def test_documents_after_the_cut_off_are_named_as_the_cause(place: OrdersPlace) -> None:
    place.put(MARKER, b"")
    place.copy_one(run_id="1")
    place.put(DOCUMENT)

    copied = place.copy_one(run_id="2")

    assert "1 object came after the cut-off" in copied.error
    assert "--as-of" in copied.error
    assert Reason.NO_DOCUMENTS in reasons(place)


@pytest.mark.parametrize("left", [[], [MARKER], [NESTED]], ids=["nothing", "marker", "nested"])
def test_a_folder_whose_documents_all_vanished_fails_and_its_record_stands(
    place: OrdersPlace, left: list[str]
) -> None:
    for key in [DOCUMENT, *left]:
        place.put(key)
    place.copy_one(run_id="1")
    before = place.record()
    place.delete(DOCUMENT)

    copied = place.copy_one(run_id="2")

    assert "1 object that an earlier copy saw is no longer at the source" in copied.error
    assert copied.error.endswith("stays, and so does that copy's record.")
    assert place.record() == before
    expected = Reason.NO_DOCUMENTS if left else Reason.SOURCE_IS_EMPTY
    assert expected in reasons(place)


def test_of_a_copy_that_did_not_complete_no_record_is_told(
    place: OrdersPlace, proxy: FaultProxy
) -> None:
    denied = f"{DOCUMENT}-denied"
    for key in (DOCUMENT, denied):
        place.put(key)
    answer = Answer(403, "AccessDenied")
    proxy.rule = lambda request: answer if request.is_copy and denied in request.path else None
    assert not place.copy_one(run_id="1").ok
    place.delete(DOCUMENT)
    place.delete(denied)

    copied = place.copy_one(run_id="2")

    assert copied.error.endswith("no longer at the source; what raw holds of it stays.")


def test_a_marker_beside_a_document_is_a_side_object(place: OrdersPlace) -> None:
    place.put(MARKER, b"")
    place.put(DOCUMENT)
    assert place.copy_one().ok
    assert Reason.NO_DOCUMENTS not in reasons(place)


def test_an_old_record_without_documents_is_no_proof(place: OrdersPlace) -> None:
    without_documents(place)
    raw = place.raw.open()

    with pytest.raises(FolderError, match="no document"):
        plan_folder(raw, FOLDER)
    assert Reason.NO_DOCUMENTS in reasons(place, with_source=False)
    assert RunRecords(raw, "old").of(Folder.parse(FOLDER)) is None
    assert not place.copy_one(run_id="old").ok
    place.put(DOCUMENT)
    assert place.copy_one(run_id="old", as_of=CutOff.NOW).ok, "the same run id copies it again"


RUN_IDS: list[tuple[str, str]] = [
    ("nightly-2", "nightly"),
    ("nightly-20260101T000000-abcdef", "nightly"),
    ("nightly-2-3", "nightly-2"),
    ("a.b-c", "a.b"),
]


@pytest.mark.parametrize(("first", "other"), RUN_IDS)
def test_run_ids_are_compared_whole(place: OrdersPlace, first: str, other: str) -> None:
    place.put(DOCUMENT)
    assert place.copy_one(run_id=first).facts.by_status == {"copied": 1}
    place.put(DOCUMENT, b"changed")
    raw, folder = place.raw.open(), Folder.parse(FOLDER)

    assert RunRecords(raw, first).of(folder) is not None
    assert RunRecords(raw, other).of(folder) is None
    assert place.copy_one(run_id=other, as_of=CutOff.NOW).facts.by_status == {"copied": 1}


def test_a_record_of_a_later_version_is_neither_believed_nor_replaced(place: OrdersPlace) -> None:
    place.put(DOCUMENT)
    copied = place.copy_one(run_id="1")
    assert copied.record is not None
    later = copied.record.to_json().replace(b'"format_version": 1', b'"format_version": 2')
    place.put(completion_record_key(FOLDER), later, place.raw)
    raw = place.raw.open()

    again = place.copy_one(run_id="2")

    assert "later version of checkout-assets (format 2" in again.error
    assert "Upgrade checkout-assets" in again.error
    assert place.get(completion_record_key(FOLDER))["bytes"] == later
    assert RunRecords(raw, "1").of(Folder.parse(FOLDER)) is None
    assert reasons(place) == {Reason.NOT_COMPARED}
    with pytest.raises(FolderError, match=r"Upgrade checkout-assets here, then run it again\."):
        plan_folder(raw, FOLDER)
