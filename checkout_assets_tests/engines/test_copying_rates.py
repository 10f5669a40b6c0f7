"""A copy against a store that fails a share of all requests, or all of one kind."""

import random
import time

import pytest

from checkout_assets.domain.copying import CutOff
from checkout_assets.domain.errors import MigrationError
from checkout_assets.engines.copying import pace, requests
from checkout_assets_tests.fault_proxy import RESET, Answer, FaultProxy, Request, Rule
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from spark_jobs.stores import listing
from spark_jobs.transport.answers import copied_etag

SLOW_DOWN = Answer(503, "SlowDown")
OBJECTS = 40


@pytest.fixture
def filled(place: OrdersPlace, proxy: FaultProxy) -> OrdersPlace:
    for n in range(OBJECTS):
        place.put(f"{FOLDER}/A/id/{n:02}", f"body {n}".encode() if n else b"")
    return place


def sometimes(share: float, answer: Answer) -> Rule:
    chance = random.Random(0)

    def rule(request: Request) -> Answer | None:
        if answer.status == 200 and not request.is_copy:
            return None
        return answer if chance.random() < share else None

    return rule


@pytest.mark.parametrize(
    ("share", "answer"),
    [
        (0.05, SLOW_DOWN),
        (0.5, SLOW_DOWN),
        (0.1, Answer(200, "InternalError")),
        (0.15, Answer(RESET)),
        (0.15, Answer(RESET, done=True)),
    ],
    ids=["5% 503", "50% 503", "10% error in 200", "15% resets", "15% lost answers"],
)
def test_everything_arrives_all_the_same(
    filled: OrdersPlace, proxy: FaultProxy, share: float, answer: Answer
) -> None:
    proxy.rule = sometimes(share, answer)

    copied = filled.copy_one()

    proxy.rule = lambda _: None
    if not copied.ok:  # the few calls around the copies are given up sooner: then it says so
        assert filled.record() is None
        copied = filled.copy_one(run_id="again")
    assert copied.ok, copied.error
    assert copied.facts.in_raw == OBJECTS
    for n in range(OBJECTS):
        assert filled.get(f"{FOLDER}/A/id/{n:02}")["bytes"] == (f"body {n}".encode() if n else b"")


def test_a_source_that_cannot_be_listed_is_no_empty_folder(
    filled: OrdersPlace, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "_MOST_ATTEMPTS", 1)
    proxy.rule = lambda request: SLOW_DOWN if request.lists_a_folder else None

    copied = filled.copy_one()

    assert "S3 answered SlowDown while listing" in copied.error
    assert not proxy.copies
    proxy.rule = lambda _: None
    assert filled.record() is None


def test_a_store_that_takes_no_copy_is_given_up_in_time(
    filled: OrdersPlace, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "_GIVE_UP_AFTER_SECONDS", 1.0)
    monkeypatch.setattr(requests, "_LONGEST_PAUSE_SECONDS", 1.0)
    proxy.rule = lambda request: SLOW_DOWN if request.is_copy else None
    started = time.monotonic()

    copied = filled.copy_one()

    assert time.monotonic() - started < 60
    assert not copied.ok
    assert f"{OBJECTS} of {OBJECTS} objects could not be copied" in copied.error
    proxy.rule = lambda _: None
    assert filled.record() is None
    assert filled.copy_one(run_id="again").ok


def test_access_that_ends_in_the_middle_loses_nothing(
    filled: OrdersPlace, proxy: FaultProxy
) -> None:
    def deny_later(request: Request) -> Answer | None:
        late = request.is_copy and len(proxy.copies) > OBJECTS // 2
        return Answer(403, "AccessDenied") if late else None

    proxy.rule = deny_later

    copied = filled.copy_one()

    assert "access was denied" in copied.error
    assert copied.facts.by_status == {"copied": OBJECTS // 2, "failed": OBJECTS // 2}
    proxy.rule = lambda _: None
    assert filled.record() is None
    assert filled.copy_one(run_id="again").facts.by_status == {
        "copied": OBJECTS // 2,
        "present": OBJECTS // 2,
    }


def test_a_wrong_clock_is_named(filled: OrdersPlace, proxy: FaultProxy) -> None:
    skewed = Answer(403, "RequestTimeTooSkewed")
    proxy.rule = lambda request: skewed if request.lists_a_folder else None
    assert "this machine's clock is more than 15 minutes off" in filled.copy_one().error

    proxy.rule = lambda _: skewed
    with pytest.raises(MigrationError, match="this machine's clock is more than 15 minutes off"):
        filled.copy_one()


def test_versions_of_raw_and_delete_markers_of_both_sides(filled: OrdersPlace) -> None:
    for place in (filled.source, filled.raw):
        filled.client.put_bucket_versioning(
            Bucket=place.bucket, VersioningConfiguration={"Status": "Enabled"}
        )
    key, other, gone = (f"{FOLDER}/A/id/{n:02}" for n in range(3))
    filled.copy_one(run_id="1")
    filled.put(key, b"a second version")
    filled.delete(other, filled.raw)
    filled.delete(gone)

    copied = filled.copy_one(run_id="2", as_of=CutOff.NOW)

    assert copied.ok, copied.error
    assert copied.facts.by_status == {"copied": 2, "present": OBJECTS - 3, "vanished": 1}
    assert filled.get(key)["bytes"] == b"a second version"
    assert filled.get(other)["bytes"] == b"body 1"
    assert filled.copy_one(run_id="3").facts.by_status == {"present": OBJECTS - 1, "vanished": 1}


def test_other_bytes_than_listed_are_no_success(
    filled: OrdersPlace, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that answers with another MD5 than the source's has not copied what was asked."""
    monkeypatch.setattr(requests, "copied_etag", lambda answer: copied_etag(answer)[1:])

    copied = filled.copy_one()

    assert "what arrived has another MD5 than what the source lists" in copied.error
    assert filled.record() is None
