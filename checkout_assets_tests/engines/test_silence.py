"""A server that accepts and stays silent is told, whoever waits for it."""

import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from rich.console import Console

from checkout_assets.cli import comparing
from checkout_assets.cli.main import run
from checkout_assets.domain.folders import select_folders
from checkout_assets.engines.locations import S3Location
from checkout_assets.engines.reconciling.engine import Reconciler
from checkout_assets.engines.reconciling.places import reconciler_of
from checkout_assets.engines.silence import Asking, SilenceLines
from checkout_assets_tests.fault_proxy import FaultProxy, Request
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from checkout_assets_tests.silent_server import SilentServer, tell_soon
from spark_jobs.stores import LocalStore

WORDS = re.compile(r"S3 has been silent for \d+ s")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    tell_soon(monkeypatch)


@pytest.fixture
def copied(place: OrdersPlace) -> OrdersPlace:
    place.put(f"{FOLDER}/A/id/1")
    assert place.copy_one().ok
    return place


def lake_of(place: OrdersPlace) -> S3Location:
    return S3Location(place.raw.bucket, "lake/")


SILENT: dict[str, Callable[[Request], bool]] = {
    "the first question": lambda _: True,
    "the cut-off": lambda request: "as_of.json" in request.path,
    "the source": lambda request: "prefix=root%2F0A" in request.path,
    "raw": lambda request: "prefix=copies%2F0A" in request.path,
    "the completion record": lambda request: "current.json" in request.path,
    "the manifest": lambda request: ".parquet" in request.path,
    "the lake": lambda request: "prefix=lake%2Fyear" in request.path or "lake%2F" in request.path,
    "the publication record": lambda request: "/lake/" in request.path,
    "what else lies at the source": lambda request: "delimiter" in request.path,
}


@pytest.mark.parametrize("silent", SILENT.values(), ids=SILENT)
def test_a_comparison_that_waits_says_so(
    copied: OrdersPlace, proxy: FaultProxy, silent: Callable[[Request], bool]
) -> None:
    server = SilentServer(proxy, silent)

    engine = reconciler_of(
        copied.source, copied.raw, lake_of(copied), datetime.now(UTC), on_silence=server.hear
    )
    engine.unexpected()
    (found,) = engine.run(select_folders([FOLDER]), "run")

    assert server.reached.is_set()
    assert server.told
    assert found.copy.facts.in_raw == 1


def test_a_slow_directory_is_not_taken_for_a_silent_s3(
    copied: OrdersPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[float] = []

    def list_slowly(*_: object) -> Iterator[object]:
        time.sleep(0.4)
        return iter(())

    monkeypatch.setattr(LocalStore, "list", list_slowly)
    engine = Reconciler(copied.source, copied.raw, copied.lake, on_silence=told.append)
    list(engine.run(select_folders([FOLDER]), "run"))
    assert told == []


@pytest.mark.parametrize("is_terminal", [True, False])
def test_reconcile_tells_it_in_the_words_of_copy(
    copied: OrdersPlace,
    proxy: FaultProxy,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    is_terminal: bool,
) -> None:
    server = SilentServer(proxy, SILENT["the source"])
    screen = Screen(server)
    console = Console(file=screen, force_terminal=is_terminal, width=200)
    monkeypatch.setattr(comparing, "terminal", lambda: console)
    monkeypatch.setattr(comparing, "say", lambda line: screen.write(f"{line}\n"))
    lake = lake_of(copied).uri

    places = ["--source", copied.source.uri, "--raw", copied.raw.uri, "--lake", lake]
    code = run(["reconcile", *places, FOLDER])

    assert code == 1
    assert "0 of 1 folder complete" in capsys.readouterr().out
    assert server.told
    if not is_terminal:
        assert WORDS.fullmatch(server.told[0].rstrip(".\n"))


class Screen(io.StringIO):
    """A terminal that is read as it is written."""

    def __init__(self, server: SilentServer) -> None:
        super().__init__()
        self._server = server

    def write(self, text: str) -> int:
        if WORDS.search(text):
            self._server.hear(text)
        return super().write(text)


def test_a_log_is_told_at_once_and_then_now_and_then() -> None:
    told: list[str] = []
    clock = [0.0]
    lines = SilenceLines(told.append, every_seconds=60, clock=lambda: clock[0])
    for now, silent in ((0, 10), (1, 11), (59, 69), (61, 71), (62, 0), (80, 10), (81, 11)):
        clock[0] = now
        lines(silent)
    assert told == [f"S3 has been silent for {n} s" for n in (10, 71, 10)]


def test_who_asks_on_two_threads_waits_until_both_have_their_answer() -> None:
    asking = Asking()
    assert not asking.waits()
    with asking.asks():
        with asking.asks():
            assert asking.waits()
        assert asking.waits()
    assert not asking.waits()


@pytest.mark.parametrize("silent", ["the source", "the completion record", "the cut-off"])
def test_ctrl_c_ends_a_comparison_with_a_silent_server(
    copied: OrdersPlace, proxy: FaultProxy, silent: str
) -> None:
    reached, over = threading.Event(), threading.Event()

    def hold(request: Request) -> None:
        if SILENT[silent](request):
            reached.set()
            over.wait(60)

    proxy.rule = hold
    comparison = subprocess.Popen(
        [
            sys.executable, "-m", "checkout_assets.cli.main", "reconcile",
            "--source", copied.source.uri, "--raw", copied.raw.uri, "--lake", copied.lake.uri,
            FOLDER,
        ],
        env=os.environ, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert reached.wait(30)
        comparison.send_signal(signal.SIGINT)
        _, said = comparison.communicate(timeout=20)
    finally:
        over.set()
        comparison.kill()
    assert comparison.returncode == 130, said
    assert said.count("\n") == 1
    assert "Interrupted" in said
