"""What a copy does with the states in which it may find source and raw."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from checkout_assets.domain.copying import CutOff
from checkout_assets.domain.folders import select_folders
from checkout_assets.domain.keys import safe_key
from checkout_assets.engines.copying import earlier, manifest
from checkout_assets.engines.copying.cutoff import AS_OF_KEY, kept_cut_off
from checkout_assets.engines.copying.engine import CopyEngine, CopyOptions
from checkout_assets_tests.fault_proxy import FaultProxy
from checkout_assets_tests.orders_place import FOLDER, TYPE, OrdersPlace
from spark_jobs.contract.keys import completion_record_key

DOCUMENT = f"{FOLDER}/ACCOUNT/id/order-1"
ROOM = 1024 - len(f"root/{FOLDER}/")
"""Bytes that S3 leaves for a name below the folder."""

HOSTILE = [
    "a/id/plain.json",
    "a/id/sp ace",
    "a/id/ led by a space",
    "a/id/two  spaces ",
    "a/id/ ",
    "a/id/+plus",
    "a/id/plus+and space",
    "a/id/100%",
    "a/id/%2F",
    "a/id/%",
    "a/id/%zz",
    "a/id/%25",
    "a/id/q?x=1&y",
    "a/id/&amp;",
    "a/id/#fragment",
    "a/id/tab\tnewline\nreturn\r",
    "a/id/\r\nx-amz-acl: public-read",
    "a/id/\x01\x7f",
    "a/id/\x1b[31mred",
    "a/id/\x85\u2028\u2029",
    "a/id/[x]",
    "a/id/[a-z]*",
    "a/id/{x,y}",
    "a/id/{}",
    "a/id/^",
    "a/id/a:b",
    "a/id/a~3Ab",
    "a/id/s3://bucket/key",
    "a/id/;",
    "a/id/,",
    "a/id/=",
    "a/id/YEAR=2018",
    "a/id/back\\slash",
    'a/id/"double"',
    "a/id/'single'",
    "a/id/`backtick`",
    "a/id/|<>",
    "a/id/<Key>x</Key>",
    "a/id/$HOME",
    "a/id/@!()",
    "a/id/~tilde~20",
    "a/id/~",
    "a/id/~~",
    "a/id/*",
    "a/id/?",
    "a/id/\u00e9t\u00e9",
    "a/id/e\u0301te\u0301",
    "a/id/\ufb01\u2126",
    "a/id/\u65e5\u672c\u8a9e",
    "a/id/\U0001f600",
    "a/id/\U0001f469\u200d\U0001f4bb",
    "a/id/nbsp\u00a0x",
    "a/id/zwsp\u200bx",
    "a/id/\ufeffbom",
    "a/id/\u202ebidi",
    "a/id/\u2066isolate\u2069",
    "a/id/UPPER",
    "a/id/upper",
    "a/ID/upper",
    "a/id/_led",
    "a/id/.led",
    "_a/id/x",
    ".a/id/x",
    "a/id/_SUCCESS",
    "a/id/.crc",
    "a/id/-dash",
    "a/id/..",
    "a/id/.",
    "a//id/x",
    "a/~/id/x",
    "//",
    "./a/../b",
    "a/./id/x",
    "../id/x",
    "a/id/",
    "a/id/trailing/",
    "a/id//double",
    "a/id/" + "k" * (ROOM - len("a/id/")),
    "a/id/" + "_" * (ROOM - len("a/id/")),
    "a/id/" + "\u00e9" * ((ROOM - len("a/id/")) // 2),
    "a/id/x" + "\u00e9" * ((ROOM - len("a/id/x")) // 2),
    "a/id/xx" + "\u00e9" * ((ROOM - len("a/id/xx")) // 2),
    "a/id/xx" + "\u00e9" * ((ROOM - len("a/id/xx")) // 2 - 1) + "\u00e8",
    "a/id/" + "/" * (ROOM - len("a/id/")),
]


def test_hostile_names_arrive_with_bytes_headers_and_a_way_back(place: OrdersPlace) -> None:
    bodies = {f"{FOLDER}/{name}": f"body of {name!r}".encode() for name in HOSTILE}
    for key, body in bodies.items():
        place.put(key, body)
    place.put(f"{FOLDER}/empty/id/zero", b"")

    copied = place.copy_one()

    assert copied.ok, copied.error
    rows = {row["source_key"]: row for row in place.manifest()}
    assert rows.keys() == {*bodies, f"{FOLDER}/empty/id/zero"}
    for key, body in bodies.items():
        arrived = place.get(rows[key]["raw_key"])
        assert arrived["bytes"] == body
        assert arrived["ContentType"] == TYPE
        assert arrived["Metadata"] == {"made-by": "a test"}
        assert rows[key]["raw_key"] == safe_key(key, place.raw.prefix)
        assert rows[key]["raw_etag"] == arrived["ETag"].strip('"')
    changed = [key for key, row in rows.items() if row["raw_key"] != key]
    assert copied.facts.escaped == len(changed) > 60
    assert place.copy_one(run_id="again").facts.by_status == {"present": len(rows)}


def test_the_manifest_is_in_key_order_and_adds_up(
    place: OrdersPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manifest, "ROWS_PER_PART", 3)
    names = [f"{FOLDER}/A/id/{n}" for n in range(8)]
    for key in [*names, f"{FOLDER}/A/id/deep/er", f"{FOLDER}/A/index/1", f"{FOLDER}/A/ID/2"]:
        place.put(key, b"x" * 10)

    facts = place.copy_one().facts

    record, rows = place.record(), place.manifest()
    assert record is not None
    assert [part.rows for part in record.parts] == [3, 3, 3, 2]
    assert all(one["source_key"] < two["source_key"] for one, two in pairwise(rows))
    assert record.by_kind == {"document": 8, "nested": 1, "side": 2}
    assert record.by_status == {"copied": 11}
    assert record.listed == facts.listed == record.objects == 11
    assert record.total_bytes == facts.copied_bytes == 110
    assert (record.near_misses, record.escaped) == (1, 0)


def test_a_second_copy_copies_nothing(place: OrdersPlace) -> None:
    place.put(DOCUMENT, b"one")
    place.put(f"{FOLDER}/b/id/sp ace", b"two")
    first = place.copy_one(run_id="first")
    written = {key: place.get(key)["LastModified"] for key in place.keys(FOLDER)}

    second = place.copy_one(run_id="second")

    assert second.ok
    assert second.facts.by_status == {"present": 2}
    assert second.facts.copied_bytes == 0
    assert {key: place.get(key)["LastModified"] for key in place.keys(FOLDER)} == written
    assert first.record is not None
    assert second.record is not None
    assert second.record.digest == first.record.digest
    assert second.record.copy_id != first.record.copy_id


def test_other_content_of_the_same_size_is_noticed_although_raw_is_newer(
    place: OrdersPlace,
) -> None:
    place.put(DOCUMENT, b"right")
    place.put(DOCUMENT, b"wrong", place.raw)

    assert place.copy_one().facts.by_status == {"copied": 1}
    assert place.get(DOCUMENT)["bytes"] == b"right"


def test_what_an_earlier_migration_left_is_repaired_and_nothing_is_deleted(
    place: OrdersPlace,
) -> None:
    for name in ("same", "stale", "missing", "renamed"):
        place.put(f"{FOLDER}/A/id/{name}", f"{name} now".encode())
    place.put(f"{FOLDER}/A/id/same", b"same now", place.raw)
    place.put(f"{FOLDER}/A/id/stale", b"older", place.raw)
    place.put(f"{FOLDER}/A/id/renamed by hand", b"renamed now", place.raw)

    copied = place.copy_one()

    assert copied.ok
    assert place.statuses() == {
        f"{FOLDER}/A/id/missing": "copied",
        f"{FOLDER}/A/id/renamed": "copied",
        f"{FOLDER}/A/id/same": "present",
        f"{FOLDER}/A/id/stale": "copied",
    }
    assert copied.facts.missing_on_source == 1
    assert f"{FOLDER}/A/id/renamed by hand" in place.keys(FOLDER)
    assert place.get(f"{FOLDER}/A/id/stale")["bytes"] == b"stale now"


def test_a_tag_that_is_no_md5_proves_nothing_without_a_manifest(place: OrdersPlace) -> None:
    place.put_in_parts(DOCUMENT, b"in parts")
    assert place.copy_one(run_id="1").facts.by_status == {"copied": 1}
    (row,) = place.manifest()
    assert "-" in row["source_etag"]

    assert place.copy_one(run_id="2").facts.by_status == {"present": 1}
    for key in place.keys("_manifests/"):
        place.delete(key, place.raw)
    assert place.copy_one(run_id="3").facts.by_status == {"copied": 1}


def test_a_manifest_proves_nothing_once_raw_shows_another_tag(place: OrdersPlace) -> None:
    place.put_in_parts(DOCUMENT, b"right")
    place.copy_one(run_id="1")
    place.put(DOCUMENT, b"wrong", place.raw)

    assert place.copy_one(run_id="2").facts.by_status == {"copied": 1}
    assert place.get(DOCUMENT)["bytes"] == b"right"


def test_raw_objects_removed_after_the_copy_are_copied_again(place: OrdersPlace) -> None:
    place.put(DOCUMENT)
    place.put(f"{FOLDER}/b/id/2")
    place.copy_one(run_id="1")
    place.delete(DOCUMENT, place.raw)

    copied = place.copy_one(run_id="2")

    assert copied.ok
    assert copied.facts.by_status == {"copied": 1, "present": 1}


def test_a_vanished_object_stays_in_raw_and_in_the_manifest(place: OrdersPlace) -> None:
    place.put(DOCUMENT)
    place.put(f"{FOLDER}/b/id/2")
    place.copy_one(run_id="1")
    place.delete(DOCUMENT)

    for run_id in ("2", "3"):
        copied = place.copy_one(run_id=run_id)
        assert copied.ok
        assert copied.facts.by_status == {"present": 1, "vanished": 1}
        assert copied.facts.listed == 1
        assert copied.facts.missing_on_source == 0
    vanished = next(row for row in place.manifest() if row["status"] == "vanished")
    assert vanished["source_key"] == DOCUMENT
    assert vanished["raw_etag"] == place.get(DOCUMENT)["ETag"].strip('"')


def test_a_vanished_object_that_left_raw_too_is_reported_as_lost(place: OrdersPlace) -> None:
    place.put(DOCUMENT)
    place.put(f"{FOLDER}/b/id/2")
    place.copy_one(run_id="1")
    place.delete(DOCUMENT)
    place.delete(DOCUMENT, place.raw)

    copied = place.copy_one(run_id="2")

    assert copied.ok
    assert copied.facts.lost == 1
    lost = next(row for row in place.manifest() if row["status"] == "vanished")
    assert "no longer holds" in lost["error"]


def test_objects_after_the_cut_off_are_newer_and_left_out(place: OrdersPlace) -> None:
    place.put(DOCUMENT)
    place.copy_one(run_id="1")
    place.put(f"{FOLDER}/b/id/2")

    kept = place.copy_one(run_id="2")
    assert kept.ok
    assert (kept.facts.newer, kept.facts.by_status) == (1, {"present": 1})

    moved = place.copy_one(run_id="3", as_of=CutOff.NOW)
    assert (moved.facts.newer, moved.facts.by_status) == (0, {"copied": 1, "present": 1})
    assert place.copy_one(run_id="4").facts.newer == 0, "the moved cut-off is kept"


def test_a_version_overwritten_after_the_cut_off_stays_as_vanished(place: OrdersPlace) -> None:
    place.put(DOCUMENT, b"old")
    place.put(f"{FOLDER}/b/id/2")
    place.copy_one(run_id="1")
    place.put(DOCUMENT, b"new")

    copied = place.copy_one(run_id="2")

    assert copied.ok
    assert (copied.facts.newer, copied.facts.missing_on_source) == (1, 0)
    assert place.statuses()[DOCUMENT] == "vanished"
    assert place.get(DOCUMENT)["bytes"] == b"old"


def test_the_first_copy_keeps_its_start_as_the_cut_off(place: OrdersPlace) -> None:
    place.put(DOCUMENT)
    begun = datetime.now(UTC)
    place.copy_one(run_id="1")
    first = kept_cut_off(place.raw.open())
    place.copy_one(run_id="2")

    assert first is not None
    assert begun <= first <= datetime.now(UTC)
    assert kept_cut_off(place.raw.open()) == first
    asked = datetime(2026, 1, 31, tzinfo=UTC)
    place.copy_one(run_id="3", as_of=asked)
    assert kept_cut_off(place.raw.open()) == asked
    assert place.keys(AS_OF_KEY) == [AS_OF_KEY]


def test_a_folder_of_which_all_is_newer_is_a_failure(place: OrdersPlace) -> None:
    place.put(DOCUMENT)

    copied = place.copy_one(as_of=datetime(2020, 1, 1, tzinfo=UTC))

    assert not copied.ok
    assert "cut-off 2020-01-01T00:00:00Z" in copied.error
    assert place.record() is None


def test_an_empty_folder_is_a_failure_and_not_its_neighbours(place: OrdersPlace) -> None:
    place.put(DOCUMENT)

    results = place.copy(FOLDER, "0B_CheckoutOrder")

    assert results[FOLDER].ok
    assert "the source holds nothing below s3://source-" in results["0B_CheckoutOrder"].error
    assert place.record("0B_CheckoutOrder") is None


def test_a_source_emptied_after_the_copy_is_a_failure_and_the_record_stands(
    place: OrdersPlace,
) -> None:
    place.put(DOCUMENT)
    place.copy_one(run_id="1")
    before = place.record()
    place.delete(DOCUMENT)

    assert not place.copy_one(run_id="2").ok
    assert place.record() == before


def test_a_missing_source_bucket_fails_every_folder(place: OrdersPlace) -> None:
    place.client.delete_bucket(Bucket=place.source.bucket)

    results = place.copy(FOLDER, "0B_CheckoutOrder")

    assert all("the bucket does not exist" in copied.error for copied in results.values())
    assert len(results) == 2


def test_large_objects_are_copied_in_parts_with_their_headers(place: OrdersPlace) -> None:
    body = b"x" * (6 * 1024**2)
    place.put(DOCUMENT, body)
    place.put(f"{FOLDER}/b/id/2")

    copied = place.copy_one(run_id="1", largest_copy=1024**2)

    assert copied.ok, copied.error
    arrived = place.get(DOCUMENT)
    assert arrived["bytes"] == body
    assert (arrived["ContentType"], arrived["Metadata"]) == (TYPE, {"made-by": "a test"})
    assert place.copy_one(run_id="2").facts.by_status == {"present": 2}


def test_the_same_run_id_does_not_copy_a_completed_folder_again(place: OrdersPlace) -> None:
    place.put(DOCUMENT)
    first = place.copy_one(run_id="same")
    place.put(f"{FOLDER}/b/id/2")

    again = place.copy_one(run_id="same", as_of=CutOff.NOW)

    assert again.record == first.record
    assert again.facts.in_raw == 1
    assert place.copy_one(run_id="other").facts.in_raw == 2


def test_the_record_itself_says_which_run_completed_a_folder(place: OrdersPlace) -> None:
    place.put(DOCUMENT)
    first = place.copy_one(run_id="same").record
    assert first is not None
    assert first.run_id == "same"
    renamed = replace(first, run_id="renamed")
    place.put(completion_record_key(FOLDER), renamed.to_json(), place.raw)
    place.put(f"{FOLDER}/b/id/2")

    assert place.copy_one(run_id="renamed", as_of=CutOff.NOW).record == renamed
    assert place.copy_one(run_id="same").facts.in_raw == 2


def test_a_broken_record_does_not_stop_a_copy_that_replaces_it(place: OrdersPlace) -> None:
    place.put(DOCUMENT)
    place.copy_one(run_id="1")
    place.put(completion_record_key(FOLDER), b'{"folder": 7}', place.raw)

    copied = place.copy_one(run_id="2")

    assert copied.ok
    assert copied.facts.by_status == {"present": 1}
    assert "completion record" in copied.notes[0]
    assert place.record() == copied.record


def test_a_tampered_part_is_no_proof(place: OrdersPlace) -> None:
    place.put_in_parts(DOCUMENT, b"right")
    place.copy_one(run_id="1")
    (part,) = [key for key in place.keys("_manifests/") if key.endswith(".parquet")]
    place.put(part, place.get(part)["bytes"] + b"x", place.raw)

    copied = place.copy_one(run_id="2")

    assert copied.ok
    assert copied.facts.by_status == {"copied": 1}
    assert "not the one its record names" in copied.notes[0]


def test_parts_no_record_names_go_after_a_week(place: OrdersPlace) -> None:
    place.put(DOCUMENT)
    for run_id in ("1", "2"):
        place.copy_one(run_id=run_id)
    raw, record = place.raw.open(), place.record()
    assert record is not None
    parts, now = earlier.list_parts(raw, FOLDER), datetime.now(UTC)
    assert len(parts) == 2

    assert earlier.abandoned(parts, {record.copy_id}, now + timedelta(days=6)) == []
    (old,) = earlier.abandoned(parts, {record.copy_id}, now + timedelta(days=8))
    assert record.copy_id not in old


def test_a_copy_removes_what_is_abandoned_and_keeps_what_readers_may_read(
    place: OrdersPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.put(DOCUMENT)
    for run_id in ("dead", "before"):
        place.copy_one(run_id=run_id)
    monkeypatch.setattr(earlier, "ABANDONED_AFTER", timedelta(seconds=-60))

    copied = place.copy_one(run_id="now")

    left = {key.split("/")[2].split("-")[0] for key in place.keys(f"_manifests/{FOLDER}/")}
    assert copied.ok
    assert left == {"before", "now", "current.json"}


def test_closing_the_results_cancels_what_has_not_begun(
    place: OrdersPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{n:02X}_CheckoutOrder" for n in range(12)]
    for name in names:
        for n in range(3):
            place.put(f"{name}/a/id/{n}")
    engine = CopyEngine(place.source, place.raw, CopyOptions(folders_at_once=1))

    results = engine.run(select_folders(names), "run")
    first = next(results)
    results.close()

    assert first.ok
    recorded = [name for name in names if place.record(name)]
    assert first.folder.name in recorded
    assert len(recorded) < len(names)
    assert sum(result.ok for result in engine.run(select_folders(names), "run")) == len(names)


def test_a_copy_reads_the_completion_record_of_a_folder_once(
    place: OrdersPlace, proxy: FaultProxy
) -> None:
    place.put(f"{FOLDER}/A/id/1", b"1")
    for run_id in ("first", "second", "second"):
        proxy.seen.clear()
        assert place.copy_one(run_id=run_id).ok
        asked = [r for r in proxy.seen if r.method == "GET" and r.path.endswith("/current.json")]
        assert len(asked) == 1
