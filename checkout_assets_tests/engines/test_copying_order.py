"""Keys that change on their way to raw break the order of listings; nothing may depend on that."""

import random
from itertools import pairwise

import pytest

from checkout_assets.domain.copying import CutOff
from checkout_assets.domain.keys import safe_key
from checkout_assets.engines.copying import manifest, spool
from checkout_assets_tests.fault_proxy import FaultProxy, Request
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from spark_jobs.contract.raw_keys import place_in_order

CLEAN = [f"{FOLDER}/A/id/{n}" for n in range(7)]
LONG = f"{FOLDER}/" + "é" * 400
ESCAPED = [
    *(f"{FOLDER}/A/id/{n} x" for n in range(7)),
    f"{FOLDER}/A id/0",
    f"{FOLDER}/A/id/~",
    f"{FOLDER}/é/id/0",
    f"{FOLDER}//id/0",
    f"{FOLDER}/_/id/0",
    LONG + "a",
    LONG + "b",
]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is put aside goes to disk at once, and a part holds three rows."""
    monkeypatch.setattr(spool, "_MOST_IN_MEMORY", 3)
    monkeypatch.setattr(spool, "_AT_ONCE", 2)
    monkeypatch.setattr(manifest, "ROWS_PER_PART", 3)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("keys", [CLEAN + ESCAPED, ESCAPED, CLEAN], ids=["both", "escaped", "none"])
def test_a_copy_and_its_second_run_are_exact(place: OrdersPlace, keys: list[str]) -> None:
    for key in random.Random(0).sample(keys, len(keys)):
        place.put(key, key.encode())

    first, second = place.copy_one(run_id="1"), place.copy_one(run_id="2")

    assert first.ok, first.error
    assert first.facts.by_status == {"copied": len(keys)}
    assert first.facts.escaped == len(set(keys) & set(ESCAPED))
    assert second.ok, second.error
    assert second.facts.by_status == {"present": len(keys)}
    assert second.facts.missing_on_source == 0
    rows = place.manifest()
    places = [place_in_order(row["raw_key"]) for row in rows]
    assert all(one < other for one, other in pairwise(places))
    assert {row["source_key"]: row["raw_key"] for row in rows} == {
        key: safe_key(key, place.raw.prefix) for key in keys
    }
    assert all(place.get(row["raw_key"])["bytes"] == row["source_key"].encode() for row in rows)
    assert first.record is not None
    assert second.record is not None
    assert first.record.digest == second.record.digest


@pytest.mark.usefixtures("small")
def test_proofs_by_the_manifest_reach_escaped_keys(place: OrdersPlace) -> None:
    for key in [*CLEAN, *ESCAPED]:
        place.put_in_parts(key, key.encode())
    place.copy_one(run_id="1")

    assert place.copy_one(run_id="2").facts.by_status == {"present": len(CLEAN + ESCAPED)}


@pytest.mark.usefixtures("small")
def test_changed_vanished_and_foreign_objects_are_told_apart(place: OrdersPlace) -> None:
    for key in [*CLEAN, *ESCAPED]:
        place.put(key, key.encode())
    place.copy_one(run_id="1")
    for gone in (CLEAN[2], ESCAPED[2], LONG + "a"):
        place.delete(gone)
    for changed in (CLEAN[4], ESCAPED[4]):
        place.put(changed, b"changed")
    place.delete(safe_key(ESCAPED[5]), place.raw)
    place.put(f"{FOLDER}/A/id/foreign x", b"", place.raw)
    place.put(f"{FOLDER}/A/id/foreign~20x", b"", place.raw)

    copied = place.copy_one(run_id="2", as_of=CutOff.NOW)

    assert copied.ok, copied.error
    total = len(CLEAN + ESCAPED)
    assert copied.facts.by_status == {"present": total - 6, "copied": 3, "vanished": 3}
    assert copied.facts.missing_on_source == 2
    statuses = place.statuses()
    assert {key for key in statuses if statuses[key] == "vanished"} == {
        CLEAN[2],
        ESCAPED[2],
        LONG + "a",
    }
    assert place.get(safe_key(ESCAPED[4]))["bytes"] == b"changed"


@pytest.mark.parametrize("key", [CLEAN[3], ESCAPED[3], LONG + "b"], ids=["clean", "escaped", "cut"])
def test_verification_sees_what_is_lost_or_overwritten(
    place: OrdersPlace, proxy: FaultProxy, key: str
) -> None:
    for each in [*CLEAN, *ESCAPED]:
        place.put(each, each.encode())
    raw_key = safe_key(key, place.raw.prefix)

    def lose(request: Request) -> None:
        if request.method == "PUT" and request.path.endswith(".parquet"):
            place.delete(raw_key, place.raw)

    def overwrite(request: Request) -> None:
        if request.method == "PUT" and request.path.endswith(".parquet"):
            place.put(raw_key, b"another's", place.raw)

    for number, harm in enumerate((lose, overwrite)):
        proxy.rule = harm
        copied = place.copy_one(run_id=str(number))
        assert "differs from the manifest in 1 object" in copied.error
        assert place.record() is None


def test_a_part_that_is_changed_before_it_is_read_back_is_no_proof(
    place: OrdersPlace, proxy: FaultProxy
) -> None:
    place.put(CLEAN[0])
    parts: list[str] = []

    def tamper(request: Request) -> None:
        path = request.path.partition("?")[0]
        if not path.endswith(".parquet"):
            return
        if request.method == "PUT":
            parts.append(path.removeprefix(f"/{place.raw.bucket}/{place.raw.prefix}"))
        elif request.method == "GET":
            place.put(parts[0], b"PAR1 no more", place.raw)

    proxy.rule = tamper

    copied = place.copy_one()

    assert "not the one its record names" in copied.error
    assert place.record() is None
