"""Every request ends exactly once, whatever fails while a thousand of them wait."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from awscrt import auth, http
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from checkout_assets_tests.spark_jobs.test_connections import KEYS, Server, serving
from spark_jobs.stores import StoreError
from spark_jobs.transport import signing
from spark_jobs.transport.answers import Response
from spark_jobs.transport.client import CrtS3
from spark_jobs.transport.endpoints import Endpoint

MANY = 1024
CONNECTIONS = 16


class BrokenError(Exception):
    """What a test makes the machinery raise."""


class Ends:
    """Counts how each of many requests ended."""

    def __init__(self) -> None:
        self.of: Counter[int] = Counter()
        self.codes: Counter[str] = Counter()
        self._left = MANY
        self._lock = threading.Lock()
        self._all = threading.Event()

    def hear(self, number: int, error: StoreError | None) -> None:
        with self._lock:
            self.of[number] += 1
            self.codes[error.code if error else "answered"] += 1
            self._left -= 1
            if self._left == 0:
                self._all.set()

    def wait(self) -> None:
        assert self._all.wait(30), f"{self._left} of {MANY} requests have not ended"
        time.sleep(0.05)  # a second end would come now
        assert set(self.of.values()) == {1}
        assert len(self.of) == MANY


def start_all(crt: CrtS3, ends: Ends, raises: bool = False) -> None:
    def start(number: int) -> None:
        def on_end(_: Response, error: StoreError | None) -> None:
            ends.hear(number, error)
            if raises:
                raise BrokenError

        crt.start("PUT", "bucket", str(number), on_end)

    for number in range(MANY):
        start(number)


def client(server: Server, credentials: object = KEYS, **options: Any) -> CrtS3:
    return CrtS3(server.endpoint, credentials, connections=CONNECTIONS, tries=1, **options)


class Provider:
    """Credentials that do on each look what ``looks`` says; after the last it is said again."""

    def __init__(self, *looks: Callable[[], object]) -> None:
        self.looks = list(looks)
        self.threads: set[str] = set()

    def get_frozen_credentials(self) -> object:
        self.threads.add(threading.current_thread().name)
        look = self.looks[0]
        self.looks = self.looks[1:] or self.looks
        return look()


def raises(error: Exception) -> Callable[[], object]:
    def look() -> object:
        raise error

    return look


GOOD = KEYS.get_frozen_credentials
EXPIRED = ClientError({"Error": {"Code": "ExpiredToken"}}, "AssumeRole")


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(lambda *_: (200, b"x")) as server:
        yield server


@pytest.mark.parametrize(
    ("error", "code"),
    [(BrokenError(), "Credentials.BrokenError"), (EXPIRED, "ExpiredToken")],
    ids=["raises", "expired"],
)
def test_a_provider_that_raises(server: Server, error: Exception, code: str) -> None:
    provider, ends = Provider(raises(error)), Ends()
    crt = client(server, provider)
    start_all(crt, ends)
    ends.wait()
    crt.close()
    assert ends.codes == {code: MANY}
    assert provider.threads == {"credentials"}


def test_a_provider_that_raises_at_first_or_later_keeps_nothing_from_being_answered(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Credentials that S3 accepted stay in use until it refuses them."""
    monkeypatch.setattr(signing, "_SIGNED_ALIKE_SECONDS", 0.0)
    provider, ends = Provider(GOOD, raises(BrokenError())), Ends()
    crt = client(server, provider)
    start_all(crt, ends)
    ends.wait()
    crt.close()
    assert ends.codes == {"answered": MANY}


def test_a_provider_that_hangs(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing, "_LONGEST_LOOK_SECONDS", 0.3)
    hung, ends = threading.Event(), Ends()

    def hang() -> object:
        hung.wait(30)
        return GOOD()

    crt = client(server, Provider(hang))
    start_all(crt, ends)
    ends.wait()
    hung.set()
    crt.close()
    assert ends.codes == {"Credentials.TimeoutError": MANY}


def test_a_slow_provider_does_not_delay_the_answers_of_others(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signing, "_SIGNED_ALIKE_SECONDS", 0.0)
    slow = threading.Event()

    def wait() -> object:
        slow.wait(30)
        return GOOD()

    crt = client(server, Provider(GOOD, wait))
    for _ in range(3):
        assert crt.send("GET", "bucket", "k").result(5).body == b"x"
    slow.set()
    crt.close()


def test_credentials_that_expire_for_all_are_read_a_few_times_only() -> None:
    looks: list[float] = []

    def look() -> object:
        looks.append(time.monotonic())
        return GOOD()

    with serving(lambda *_: (400, b"<Code>ExpiredToken</Code>")) as server:
        ends, crt = Ends(), client(server, Provider(look))
        start_all(crt, ends)
        ends.wait()
        crt.close()
    assert ends.codes == {"ExpiredToken": MANY}
    assert len(looks) <= MANY // CONNECTIONS * 4


def broken(*_: object, **__: object) -> Any:
    raise BrokenError


def failed_future(*_: object, **__: object) -> Any:
    future: Future[Any] = Future()
    future.set_exception(BrokenError())
    return future


@pytest.mark.parametrize(
    ("where", "name", "instead"),
    [
        (auth, "aws_sign_request", broken),
        (auth, "aws_sign_request", failed_future),
        (http, "HttpRequest", broken),
        (http.HttpClientConnection, "request", broken),
        (http.HttpClientStream, "activate", broken),
        (http.HttpClientConnection, "new", broken),
        (http.HttpClientConnection, "new", failed_future),
    ],
    ids=[
        "signing raises", "signing fails", "no request", "request raises", "activate raises",
        "open raises", "open fails",
    ],
)  # fmt: skip
def test_what_fails_before_a_request_is_sent(
    server: Server, monkeypatch: pytest.MonkeyPatch, where: Any, name: str, instead: Any
) -> None:
    monkeypatch.setattr(where, name, instead)
    ends, crt = Ends(), client(server)
    start_all(crt, ends)
    ends.wait()
    crt.close()
    assert ends.codes == {"BrokenError": MANY}


@pytest.mark.parametrize("name", ["request", "is_open"])
def test_what_fails_now_and_then_costs_nobody_else_anything(
    server: Server, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    honest, calls = getattr(http.HttpClientConnection, name), iter(range(10**9))

    def sometimes(connection: Any, *rest: Any) -> Any:
        if next(calls) % 7 == 0:
            if name == "is_open":
                return False
            raise BrokenError
        return honest(connection, *rest)

    monkeypatch.setattr(http.HttpClientConnection, name, sometimes)
    ends, crt = Ends(), client(server)
    start_all(crt, ends)
    ends.wait()
    crt.close()
    assert ends.codes["answered"] > MANY // 2


def test_a_callback_that_raises(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    ends, crt = Ends(), client(server)
    start_all(crt, ends, raises=True)
    ends.wait()
    crt.close()
    assert ends.codes == {"answered": MANY}
    assert "BrokenError in test_exchanges.py" in caplog.text
    assert "Traceback" not in caplog.text


def test_a_callback_that_starts_the_next_request_when_none_can_begin(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "aws_sign_request", broken)
    crt, ended = client(server), threading.Event()
    left = iter(range(5000))

    def on_end(*_: object) -> None:
        if next(left, None) is None:
            ended.set()
        else:
            crt.start("GET", "bucket", "k", on_end)

    crt.start("GET", "bucket", "k", on_end)
    assert ended.wait(30)
    crt.close()


def test_a_server_that_hangs_up_on_all() -> None:
    with serving(lambda *_: None) as server:
        ends, crt = Ends(), client(server)
        start_all(crt, ends)
        ends.wait()
        crt.close()
    assert not ends.codes["answered"]


def test_a_server_that_dies_in_the_middle() -> None:
    def last_words(handler: BaseHTTPRequestHandler, number: int) -> tuple[int, bytes] | None:
        if number < MANY // 2:
            return 200, b""
        handler.server.socket.close()
        return None

    with serving(last_words) as server:
        ends, crt = Ends(), client(server)
        start_all(crt, ends)
        ends.wait()
        crt.close()
    assert ends.codes["answered"] >= MANY // 2 - CONNECTIONS


@pytest.fixture
def mute() -> Iterator[Endpoint]:
    """A server that accepts connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=CONNECTIONS) as listening:
        yield Endpoint(f"http://127.0.0.1:{listening.getsockname()[1]}", "us-east-2")


@pytest.mark.parametrize("end", ["hang_up", "close"])
def test_hanging_up_ends_what_waits_and_what_is_under_way(mute: Endpoint, end: str) -> None:
    ends, crt = Ends(), CrtS3(mute, KEYS, connections=CONNECTIONS)
    start_all(crt, ends)
    time.sleep(0.2)
    getattr(crt, end)()
    ends.wait()
    assert ends.codes == {"HungUp": MANY}
    crt.close()


@pytest.mark.parametrize("end", ["hang_up", "close"])
def test_hanging_up_ends_what_waits_for_credentials_or_for_another_try(end: str) -> None:
    hung = threading.Event()

    def hang() -> object:
        hung.wait(30)
        return GOOD()

    with serving(lambda *_: (503, b"")) as server:
        for credentials in (KEYS, Provider(hang)):
            ends = Ends()
            crt = CrtS3(server.endpoint, credentials, connections=CONNECTIONS, tries=10**6)
            start_all(crt, ends)
            time.sleep(0.2)
            getattr(crt, end)()
            ends.wait()
            assert ends.codes == {"HungUp": MANY}
            crt.close()
        hung.set()


def test_a_limit_that_falls_while_all_connections_are_idle_keeps_one() -> None:
    together = threading.Barrier(CONNECTIONS)

    def meet(_: BaseHTTPRequestHandler, number: int) -> tuple[int, bytes]:
        if number <= CONNECTIONS:
            together.wait(5)
        return 200, b"x"

    with serving(meet) as server:
        crt = client(server)
        for future in [crt.send("GET", "bucket", "k") for _ in range(CONNECTIONS)]:
            future.result(5)
        crt.limit(1)
        assert crt.send("GET", "bucket", "k").result(5).body == b"x"
        crt.close()


def test_a_client_that_hung_up_can_be_used_again(server: Server) -> None:
    crt = client(server)
    crt.hang_up()
    assert crt.send("GET", "bucket", "k").result(5).body == b"x"
    crt.close()
    with pytest.raises(StoreError, match="HungUp"):
        crt.send("GET", "bucket", "k").result(5)


def test_silence_ends_all_and_an_answer_that_trickles_has_a_deadline(mute: Endpoint) -> None:
    ends = Ends()
    crt = CrtS3(mute, KEYS, connections=MANY, tries=1, silence=0.4)
    start_all(crt, ends)
    ends.wait()
    crt.close()
    assert ends.codes == {"TimedOut": MANY}

    def trickle(handler: BaseHTTPRequestHandler, _: int) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        for _ in range(100):
            handler.wfile.write(b" ")
            time.sleep(0.1)

    with serving(trickle) as server:
        crt = client(server, silence=60.0, deadline=0.4)
        with pytest.raises(StoreError, match="TimedOut"):
            crt.send("GET", "bucket", "k").result(5)
        crt.close()


def test_a_connection_that_is_never_opened_ends_whoever_waits_for_it(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http.HttpClientConnection, "new", lambda *_: Future())
    ends = Ends()
    crt = CrtS3(server.endpoint, KEYS, connections=MANY, tries=1, silence=0.4)
    start_all(crt, ends)
    ends.wait()
    crt.close()
    assert ends.codes == {"TimedOut": MANY}


def test_what_never_ends_well_is_not_tried_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spark_jobs.transport.calls.LONGEST_TRYING_SECONDS", 0.5)
    with serving(lambda *_: (503, b"")) as server:
        crt = CrtS3(server.endpoint, Credentials("a", "b"), tries=10**6)
        with pytest.raises(StoreError, match="SlowDown"):
            crt.send("GET", "bucket", "k").result(5)
        crt.close()
