"""What becomes of a conditional write that S3 answers with "ask again" or "somebody was first"."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from checkout_assets.domain.access.grants import granted
from checkout_assets.domain.access.role_policies import GRANT_RECORD
from checkout_assets.domain.copying import CutOff
from checkout_assets.domain.errors import MigrationError
from checkout_assets.engines.access.grant_record import (
    KeptGrant,
    find_grant,
    keep_grant,
    replaceable_grant,
)
from checkout_assets.engines.copying.cutoff import AS_OF_KEY, kept_cut_off, settle_cut_off
from checkout_assets_tests.fault_proxy import Answer, FaultProxy, Request, Rule
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from spark_jobs.contract.keys import completion_record_key
from spark_jobs.stores import StoreError, s3

ASK_AGAIN = Answer(409, "ConditionalRequestConflict")
RECORD = completion_record_key(FOLDER)
NOW = datetime(2026, 11, 26, tzinfo=UTC)
KINDS = [AS_OF_KEY, ".parquet", RECORD]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "_LONGEST_PAUSE_SECONDS", 0.01)


@pytest.fixture
def filled(place: OrdersPlace, proxy: FaultProxy) -> OrdersPlace:
    for n in range(3):
        place.put(f"{FOLDER}/A/id/{n}", f"body {n}".encode())
    return place


def writes(request: Request, ending: str) -> bool:
    return (
        request.method == "PUT"
        and request.path.split("?")[0].endswith(ending)
        and not request.is_copy
    )


def times(count: int, ending: str, answer: Answer = ASK_AGAIN) -> Rule:
    """That answer to the first writes of such a key."""
    left = [answer] * count

    def rule(request: Request) -> Answer | None:
        return left.pop() if left and writes(request, ending) else None

    return rule


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("ending", KINDS)
def test_a_copy_asks_again_as_s3_wants_it(
    filled: OrdersPlace, proxy: FaultProxy, ending: str, count: int
) -> None:
    proxy.rule = times(count, ending)

    copied = filled.copy_one()

    assert copied.ok, copied.error
    record = filled.record()
    assert record is not None
    kept = kept_cut_off(filled.raw.open())
    assert kept is not None
    assert record.as_of == kept.isoformat()
    assert len([r for r in proxy.seen if writes(r, ending)]) == count + 1


@pytest.mark.parametrize("ending", [".parquet", RECORD])
def test_a_conflict_that_never_ends_is_not_somebody_else(
    filled: OrdersPlace, proxy: FaultProxy, ending: str
) -> None:
    proxy.rule = times(1000, ending)

    copied = filled.copy_one()

    assert "S3 answered ConditionalRequestConflict while listing or recording" in copied.error
    assert filled.record() is None


def test_a_cut_off_that_cannot_be_kept_stops_the_copy(
    filled: OrdersPlace, proxy: FaultProxy
) -> None:
    proxy.rule = times(1000, AS_OF_KEY)

    with pytest.raises(StoreError, match="ConditionalRequestConflict") as refused:
        filled.copy_one()

    assert refused.value.transient
    assert not proxy.copies


@pytest.mark.parametrize("conflicts", [0, 1, 4])
def test_two_starters_end_with_one_cut_off(
    filled: OrdersPlace, proxy: FaultProxy, conflicts: int
) -> None:
    proxy.rule = times(conflicts, AS_OF_KEY)

    with ThreadPoolExecutor(8) as pool:
        stores = [filled.raw.open() for _ in range(8)]
        settled = list(pool.map(lambda raw: settle_cut_off(raw, CutOff.KEPT), stores))

    assert set(settled) == {kept_cut_off(filled.raw.open())}


def test_a_cut_off_removed_in_the_same_moment_is_kept_all_the_same(
    filled: OrdersPlace, proxy: FaultProxy
) -> None:
    """Somebody was first, and then it was taken away again: this one's must be there."""
    taken = times(1, AS_OF_KEY, Answer(412, "PreconditionFailed"))
    proxy.rule = taken

    settled = settle_cut_off(filled.raw.open(), CutOff.KEPT)

    assert settled == kept_cut_off(filled.raw.open())


def test_an_answer_lost_after_a_conflict_is_no_loss(filled: OrdersPlace, proxy: FaultProxy) -> None:
    """S3 asks to try again, does what the second request says, and its answer is lost."""
    answers = [Answer(500, "InternalError", done=True), ASK_AGAIN]

    def rule(request: Request) -> Answer | None:
        return answers.pop() if answers and writes(request, RECORD) else None

    proxy.rule = rule

    copied = filled.copy_one()

    assert copied.ok, copied.error
    assert filled.record() == copied.record


def overwritten(place: OrdersPlace) -> None:
    place.put(RECORD, b"no record", place.raw)


def removed(place: OrdersPlace) -> None:
    place.delete(RECORD, place.raw)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (overwritten, "something else wrote the completion record meanwhile"),
        (removed, "the completion record was removed meanwhile"),
    ],
)
def test_who_was_first_is_told_as_it_is(
    filled: OrdersPlace,
    proxy: FaultProxy,
    change: Callable[[OrdersPlace], None],
    said: str,
) -> None:
    """Not every lost write means that another copy has finished."""
    assert filled.copy_one(run_id="1").ok
    changed: list[str] = []

    def rule(request: Request) -> None:
        if writes(request, RECORD) and not changed:
            changed.append(request.path)
            change(filled)

    proxy.rule = rule

    copied = filled.copy_one(run_id="2")

    assert said in copied.error
    assert "finished this folder" not in copied.error


def test_the_record_of_a_grant_is_written_in_the_end(
    filled: OrdersPlace, proxy: FaultProxy
) -> None:
    raw, grant = filled.raw.open(), granted("orders team", NOW, NOW + timedelta(days=9))
    proxy.rule = times(2, "grant.json")
    keep_grant(raw, grant)
    assert find_grant(raw) == grant

    proxy.rule = times(1000, "grant.json")
    with pytest.raises(MigrationError, match="was not written: S3 answers ConditionalRequest"):
        keep_grant(raw, grant.revoked(NOW, None))


def test_of_two_grants_at_once_one_is_recorded_and_the_other_is_told(filled: OrdersPlace) -> None:
    raw = filled.raw.open()
    first = granted("the first", NOW, NOW + timedelta(days=9))
    second = granted("the second", NOW, NOW + timedelta(days=2))
    for earlier in (None, granted("long ago", NOW, NOW)):
        raw.delete([GRANT_RECORD])
        if earlier:
            keep_grant(raw, earlier)
        seen_by_both = replaceable_grant(raw)
        keep_grant(raw, first, seen_by_both)

        with pytest.raises(MigrationError, match="Someone else granted or revoked access"):
            keep_grant(raw, second, seen_by_both)

        assert find_grant(raw) == first


def test_a_record_that_arrived_though_its_answer_was_lost_is_no_defeat(
    filled: OrdersPlace,
) -> None:
    raw, grant = filled.raw.open(), granted("orders team", NOW, NOW + timedelta(days=9))
    keep_grant(raw, grant, KeptGrant())
    keep_grant(raw, grant, KeptGrant())
    assert find_grant(raw) == grant
