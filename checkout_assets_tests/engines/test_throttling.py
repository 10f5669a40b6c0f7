"""Whatever a service calls it, throttling slows a copy down and never ends it."""

import pytest

from checkout_assets.domain.failures import Cause, diagnose_request, diagnose_unit
from checkout_assets.engines.copying import pace, requests
from checkout_assets_tests.fault_proxy import Answer, FaultProxy, Request
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from checkout_assets_tests.spark_jobs.test_service_codes import THROTTLING
from spark_jobs.contract.failures import Failure

pytestmark = pytest.mark.usefixtures("filled")


@pytest.fixture
def filled(place: OrdersPlace, proxy: FaultProxy) -> OrdersPlace:
    for n in range(3):
        place.put(f"{FOLDER}/A/id/{n}", f"body {n}".encode())
    return place


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "_LONGEST_PAUSE_SECONDS", 0.01)


@pytest.mark.parametrize("code", THROTTLING)
def test_each_request_may_be_throttled_once(
    place: OrdersPlace, proxy: FaultProxy, code: str
) -> None:
    """Copies, listings, and the small writes of cut-off, manifest and record alike."""
    refused: set[tuple[str, str]] = set()

    def once_each(request: Request) -> Answer | None:
        named = request.method, request.path
        if request.method == "HEAD" or named in refused:
            return None
        refused.add(named)
        return Answer(400, code)

    proxy.rule = once_each

    copied = place.copy_one()

    assert copied.ok, copied.error
    assert copied.failure is None
    assert len([path for method, path in refused if method == "PUT"]) > 3


def test_throttling_by_kms_is_not_told_as_a_missing_permission(
    place: OrdersPlace, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "_MOST_ATTEMPTS", 3)
    proxy.rule = lambda request: Answer(400, "KMS.ThrottlingException") if request.is_copy else None

    copied = place.copy_one()

    assert "S3 kept throttling (KMS.ThrottlingException)" in copied.error
    assert "may not be used" not in copied.error
    assert copied.failure == Failure("KMS.ThrottlingException", transient=True)


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (Answer(403, "AccessDenied"), Failure("AccessDenied")),
        (Answer(403, "KMS.DisabledException"), Failure("KMS.DisabledException")),
        (Answer(500, "InternalError"), Failure("InternalError", transient=True)),
        (Answer(403, "ExpiredToken"), Failure("GivenUp", transient=True)),
    ],
    ids=lambda value: getattr(value, "code", ""),
)
def test_a_folder_that_fails_says_whether_another_try_may_help(
    place: OrdersPlace,
    proxy: FaultProxy,
    monkeypatch: pytest.MonkeyPatch,
    answer: Answer,
    failure: Failure,
) -> None:
    monkeypatch.setattr(requests, "_MOST_ATTEMPTS", 3)
    proxy.rule = lambda request: answer if request.is_copy else None

    copied = place.copy_one()

    assert copied.failure is not None
    assert copied.failure.transient is failure.transient
    assert copied.failure.code in {failure.code, answer.code}


def test_one_permanent_failure_among_passing_ones_makes_the_folders_permanent(
    place: OrdersPlace, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "_MOST_ATTEMPTS", 2)

    def rule(request: Request) -> Answer | None:
        if not request.is_copy:
            return None
        return (
            Answer(403, "AccessDenied") if request.path.endswith("/1") else Answer(503, "SlowDown")
        )

    proxy.rule = rule

    assert place.copy_one().failure == Failure("SlowDown", transient=False)


def test_the_pace_hears_of_throttling_under_any_name(
    place: OrdersPlace, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    slowed: list[int] = []
    heard = pace.RequestPace.failed

    def failed(self: pace.RequestPace) -> None:
        slowed.append(1)
        heard(self)

    monkeypatch.setattr(pace.RequestPace, "failed", failed)
    refused: set[str] = set()

    def once_each(request: Request) -> Answer | None:
        if not request.is_copy or request.path in refused:
            return None
        refused.add(request.path)
        return Answer(400, "RequestLimitExceeded")

    proxy.rule = once_each

    assert place.copy_one().ok
    assert len(slowed) == len(refused) == 3


@pytest.mark.parametrize("code", THROTTLING)
def test_services_that_launch_machines_are_asked_again_too(code: str) -> None:
    assert diagnose_request(code, "why").cause is Cause.TRANSIENT


@pytest.mark.parametrize(
    ("failure", "cause", "retries"),
    [
        (Failure("SlowDown", transient=True), Cause.TRANSIENT, 1),
        (Failure("AccessDenied"), Cause.PERMANENT, 0),
        (None, Cause.TRANSIENT, 1),
    ],
)
def test_a_fleet_decides_by_the_failure_and_never_by_the_sentence(
    failure: Failure | None, cause: Cause, retries: int
) -> None:
    for sentence in ("SlowDown, Throttling, timed out", "access was denied"):
        told = diagnose_unit(sentence, failure)
        assert (told.cause, told.retries) == (cause, retries)
        assert told.reason == sentence
