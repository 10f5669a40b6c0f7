"""A copy that S3 does not answer says so, can be cancelled, and keeps what it copied."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from checkout_assets.domain.folders import select_folders
from checkout_assets.engines import silence
from checkout_assets.engines.copying import engine as engine_module
from checkout_assets.engines.copying import parts
from checkout_assets.engines.copying.engine import CopyEngine, CopyOptions
from checkout_assets.engines.copying.progress import NoProgress
from checkout_assets.engines.silence import SilenceWatch
from checkout_assets_tests.fault_proxy import Answer, FaultProxy, Request
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace

OBJECTS = 20
EXPIRED = Answer(400, "ExpiredToken")


@pytest.fixture
def filled(place: OrdersPlace, proxy: FaultProxy) -> OrdersPlace:
    for n in range(OBJECTS):
        place.put(f"{FOLDER}/A/id/{n:02}", f"body {n}".encode())
    return place


@pytest.fixture
def held() -> Iterator[threading.Event]:
    """Whoever waits for it waits until the test is over."""
    over = threading.Event()
    yield over
    over.set()


class Heard(NoProgress):
    def __init__(self) -> None:
        self.silences: list[float] = []

    def on_silence(self, seconds: float) -> None:
        self.silences.append(seconds)


def test_silence_is_measured_from_the_last_sign_of_life() -> None:
    heard, at, clock, waits = Heard(), [0.0], [100.0], [True]
    watch = SilenceWatch(heard.on_silence, lambda: at[0], lambda: waits[0], lambda: clock[0])
    for now in (105.0, 109.0, 111.0, 130.0):
        clock[0] = now
        watch.look()
    assert heard.silences == [11.0, 30.0]
    at[0], clock[0] = 129.0, 131.0
    watch.look()
    watch.look()
    assert heard.silences == [11.0, 30.0, 0.0], "that it is over is told once"
    waits[0], clock[0] = False, 300.0
    watch.look()
    waits[0], clock[0] = True, 305.0
    watch.look()
    assert heard.silences == [11.0, 30.0, 0.0], "who asks nothing hears nothing"


def test_a_silence_is_over_when_nobody_waits_any_more() -> None:
    heard, clock = Heard(), [100.0]
    with SilenceWatch(heard.on_silence, lambda: 0.0, lambda: True, lambda: clock[0]) as watch:
        clock[0] = 120.0
        watch.look()
    assert heard.silences[0] == 20.0
    assert heard.silences[-1] == 0.0


SILENT: dict[str, Callable[[Request], bool]] = {
    "copies": lambda request: request.is_copy,
    "listings": lambda request: "prefix=root%2F0A" in request.path,
    "records": lambda request: "current.json" in request.path,
    "the proof of conditions": lambda request: "_probe" in request.path and request.method == "PUT",
    "the cut-off": lambda request: "as_of.json" in request.path,
}


@pytest.mark.parametrize("silent", SILENT.values(), ids=SILENT)
def test_a_server_that_falls_silent_is_told(
    filled: OrdersPlace,
    proxy: FaultProxy,
    held: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    silent: Callable[[Request], bool],
) -> None:
    monkeypatch.setattr(silence, "_WORTH_TELLING_SECONDS", 0.3)
    monkeypatch.setattr(silence, "_SECONDS_BETWEEN_LOOKS", 0.05)
    heard, told = Heard(), threading.Event()

    def hold(request: Request) -> None:
        if silent(request):
            held.wait(4)

    def hear(_: float) -> None:
        told.set()
        held.set()

    proxy.rule = hold
    monkeypatch.setattr(heard, "on_silence", hear)
    engine = CopyEngine(filled.source, filled.raw, CopyOptions(), heard)
    (copied,) = engine.run(select_folders([FOLDER]), "run")
    assert told.is_set()
    assert copied.ok


@pytest.mark.parametrize("silent", SILENT.values(), ids=SILENT)
def test_a_cancelled_copy_does_not_wait_for_a_silent_server(
    filled: OrdersPlace,
    proxy: FaultProxy,
    held: threading.Event,
    silent: Callable[[Request], bool],
) -> None:
    """Ctrl-C in a process of its own: it ends by itself, soon, and says that it was interrupted."""
    reached = threading.Event()

    def hold(request: Request) -> None:
        if silent(request):
            reached.set()
            held.wait(60)

    proxy.rule = hold
    copying = subprocess.Popen(
        [
            sys.executable, "-m", "checkout_assets.cli.main", "copy",
            "--source", filled.source.uri, "--raw", filled.raw.uri, FOLDER,
        ],
        env=os.environ, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert reached.wait(30)
    copying.send_signal(signal.SIGINT)
    _, said = copying.communicate(timeout=30)
    assert copying.returncode == 130, said
    assert "Interrupted" in said
    assert "Traceback" not in said


def test_a_token_that_expires_in_the_middle_is_named_and_what_was_copied_is_kept(
    filled: OrdersPlace, proxy: FaultProxy
) -> None:
    def expire(request: Request) -> Answer | None:
        return EXPIRED if len(proxy.copies) > OBJECTS // 2 else None

    proxy.rule = expire

    copied = filled.copy_one(in_flight=1)

    assert "the credentials have expired: renew them" in copied.error
    assert "ExpiredToken" not in copied.error
    assert copied.facts.by_status["copied"] == OBJECTS // 2
    assert copied.facts.copied_bytes
    proxy.rule = lambda _: None
    assert filled.record() is None
    again = filled.copy_one(run_id="again")
    assert again.facts.by_status == {"copied": OBJECTS // 2, "present": OBJECTS // 2}


def test_with_expired_credentials_no_further_object_is_asked_for(
    filled: OrdersPlace, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checkout_assets.engines.copying.folder_copy._MOST_WAITING", 1)
    proxy.rule = lambda request: EXPIRED if request.is_copy else None

    copied = filled.copy_one(in_flight=1)

    assert "the credentials have expired" in copied.error
    assert "the copy was given up" in copied.error
    assert len(proxy.copies) < OBJECTS


@pytest.mark.parametrize("where", [f"{FOLDER}%2F", "current.json", ".parquet"])
def test_expired_credentials_are_named_wherever_they_are_refused(
    filled: OrdersPlace, proxy: FaultProxy, where: str
) -> None:
    proxy.rule = lambda request: EXPIRED if where in request.path else None

    copied = filled.copy_one()

    assert copied.error.startswith(f"{FOLDER}: the credentials have expired: renew them")


def test_a_server_that_dies_in_the_middle_leaves_the_counts_of_what_was_copied(
    filled: OrdersPlace, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checkout_assets.engines.copying.requests._MOST_ATTEMPTS", 2)
    half = OBJECTS // 2
    refused = Answer(403, "MadeUp")

    def die(request: Request) -> Answer | None:
        return refused if len(proxy.copies) > half else None

    proxy.rule = die

    copied = filled.copy_one(in_flight=1)

    assert not copied.ok
    assert copied.facts.by_status["copied"] == half


LARGE = f"{FOLDER}/A/id/large"


@pytest.fixture
def large(place: OrdersPlace, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> OrdersPlace:
    """One object in three parts."""
    monkeypatch.setattr(parts, "PART_BYTES", 5 * 1024**2)
    place.put(LARGE, b"x" * (11 * 1024**2))
    return place


def uploads(place: OrdersPlace) -> int:
    return len(place.client.list_multipart_uploads(Bucket=place.raw.bucket).get("Uploads", []))


def is_part(request: Request, number: int) -> bool:
    return request.is_copy and f"partNumber={number}" in request.path


def test_a_copy_in_parts_that_is_cancelled_ends_soon_and_leaves_nothing(
    large: OrdersPlace, proxy: FaultProxy, held: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "_LONGEST_GRACE_SECONDS", 0.2)
    reached = threading.Event()

    def hold(request: Request) -> None:
        if is_part(request, 2):
            reached.set()
            held.wait(30)

    proxy.rule = hold
    options = CopyOptions(largest_copy=1024**2, folders_at_once=2)
    results = CopyEngine(large.source, large.raw, options).run(
        select_folders([FOLDER, "0B_CheckoutOrder"]), "run"
    )
    next(results)
    assert reached.wait(10)
    began = time.monotonic()
    results.close()
    assert time.monotonic() - began < 10
    assert not any(is_part(request, 3) for request in proxy.seen)
    assert any(r.method == "DELETE" and "uploadId" in r.path for r in proxy.seen)
    assert uploads(large) == 0
    assert large.keys(f"{FOLDER}/") == []


def test_a_part_that_fails_for_good_aborts_the_upload(
    large: OrdersPlace, proxy: FaultProxy
) -> None:
    proxy.rule = lambda request: Answer(403, "AccessDenied") if is_part(request, 2) else None

    copied = large.copy_one(largest_copy=1024**2)

    assert "access was denied" in copied.error
    assert "unfinished upload" not in copied.error
    assert uploads(large) == 0


def test_an_upload_that_cannot_be_aborted_is_told(large: OrdersPlace, proxy: FaultProxy) -> None:
    def deny(request: Request) -> Answer | None:
        denied = is_part(request, 2) or request.method == "DELETE"
        return Answer(403, "AccessDenied") if denied else None

    proxy.rule = deny

    copied = large.copy_one(largest_copy=1024**2)

    assert "access was denied" in copied.error
    assert "an unfinished upload may be left in raw" in copied.error
    assert uploads(large) == 1
