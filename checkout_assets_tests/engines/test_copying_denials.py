"""Denied copies: few are sent, the run ends, and its sentence names the likely cause."""

import threading

import pytest

from checkout_assets.domain.copying import CutOff
from checkout_assets.domain.folders import select_folders
from checkout_assets.engines.copying import denials
from checkout_assets.engines.copying.engine import CopyEngine, CopyOptions
from checkout_assets_tests.fault_proxy import Answer, FaultProxy, Request
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace

NEIGHBOUR = "0B_CheckoutOrder"
OBJECTS = 30
DENIED = Answer(403, "AccessDenied")
THROUGH_ENDPOINT = Answer(
    403, "AccessDenied", message="VPC endpoints do not support cross-region requests"
)
"""botocore's model of S3, CopyObject: a VPC endpoint takes no cross-Region request, copies too."""


@pytest.fixture
def filled(place: OrdersPlace, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> OrdersPlace:
    """Two folders with more objects than denials that are put up with."""
    monkeypatch.setattr(denials, "MOST_IN_A_ROW", 12)
    for folder in (FOLDER, NEIGHBOUR):
        for n in range(OBJECTS):
            place.put(f"{folder}/A/id/{n:02}")
    return place


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (DENIED, "checkout-assets access status"),
        (THROUGH_ENDPOINT, "goes through a VPC endpoint for S3"),
        (Answer(403, "AccessDenied", message="no kms:Decrypt"), "the KMS keys' policies"),
        (Answer(200, "AccessDenied"), "who owns the source's objects"),
    ],
)
def test_a_run_that_may_not_copy_ends_after_few_denials(
    filled: OrdersPlace, proxy: FaultProxy, answer: Answer, cause: str
) -> None:
    proxy.rule = lambda request: answer if request.is_copy else None

    results = filled.copy(FOLDER, NEIGHBOUR)

    assert len(proxy.copies) == 12
    for copied in results.values():
        assert "S3 denied 12 copies" in copied.error
        assert cause in copied.error
        assert copied.failure is not None
        assert not copied.failure.transient
    assert filled.record() is None
    proxy.rule = lambda _: None
    assert all(each.ok for each in filled.copy(FOLDER, NEIGHBOUR, run_id="again").values())


def test_one_object_is_copied_before_all_others(filled: OrdersPlace, proxy: FaultProxy) -> None:
    """While it has no answer, no other copy is sent."""
    asked, answered = threading.Event(), threading.Event()

    def hold_first(request: Request) -> Answer | None:
        if request.is_copy and not asked.is_set():
            asked.set()
            answered.wait(30)
        return None

    proxy.rule = hold_first
    engine = CopyEngine(filled.source, filled.raw, CopyOptions(as_of=CutOff.NOW))
    results = engine.run(select_folders([FOLDER, NEIGHBOUR]), "run")
    ended: list[bool] = []
    copying = threading.Thread(target=lambda: ended.extend(each.ok for each in results))
    copying.start()

    assert asked.wait(30)
    assert len(proxy.copies) == 1
    answered.set()
    copying.join(60)
    assert ended == [True, True]
    assert len(proxy.copies) == 2 * OBJECTS


def test_denials_among_copies_fail_their_objects_alone(
    filled: OrdersPlace, proxy: FaultProxy
) -> None:
    """More than are put up with in a row, but never so many without a copy in between."""
    denied = {f"{n:02}" for n in range(0, OBJECTS, 2)}
    proxy.rule = lambda r: DENIED if r.is_copy and r.path[-2:] in denied else None

    copied = filled.copy_one(in_flight=1)

    assert copied.facts.by_status == {"copied": OBJECTS // 2, "failed": OBJECTS // 2}
    assert "access was denied" in copied.error


def test_access_that_ends_while_many_copies_are_under_way_ends_the_run(
    filled: OrdersPlace, proxy: FaultProxy
) -> None:
    late = lambda: len(proxy.copies) > OBJECTS // 2  # noqa: E731
    proxy.rule = lambda request: DENIED if request.is_copy and late() else None

    results = filled.copy(FOLDER, NEIGHBOUR, in_flight=4)

    assert not any(each.ok for each in results.values())
    assert "without copying anything between" in "".join(each.error for each in results.values())
    assert len(proxy.copies) < 2 * OBJECTS


def test_what_is_denied_first_keeps_nothing_else_back(
    filled: OrdersPlace, proxy: FaultProxy
) -> None:
    proxy.rule = lambda r: DENIED if r.is_copy and r.path.endswith("/00") else None

    results = filled.copy(FOLDER, NEIGHBOUR)

    assert {each.facts.by_status["copied"] for each in results.values()} == {OBJECTS - 1}


def test_large_objects_that_may_not_be_copied_end_the_run_too(
    filled: OrdersPlace, proxy: FaultProxy
) -> None:
    for n in range(OBJECTS):
        filled.put(f"{FOLDER}/A/id/{n:02}", b"x" * 64)
    proxy.rule = lambda request: DENIED if request.is_copy else None

    copied = filled.copy_one(largest_copy=32)

    assert len(proxy.copies) == 12
    assert "S3 denied 12 copies" in copied.error
