"""Every request ends exactly once, in whatever order everything that can happen to it comes.

A clock, a network, a provider of credentials and a thread of which nothing moves by itself: the
rules move them, one step at a time.
"""

import heapq
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from itertools import count
from typing import Any
from unittest import mock

from botocore.credentials import Credentials
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from checkout_assets_tests.properties import examples
from spark_jobs.store_errors import StoreError
from spark_jobs.transport import calls, client, connections, exchange, ledger, signing
from spark_jobs.transport.answers import Response
from spark_jobs.transport.endpoints import Endpoint

SILENCE, DEADLINE, CONNECTIONS, LONG = 20.0, 60.0, 2, 12
EXPIRED = b"<Error><Code>ExpiredToken</Code></Error>"
ANSWERS = [(200, b"x"), (200, b"<Error><Code>InternalError</Code></Error>"), (503, b""), (404, b"")]


class BrokenError(Exception):
    """What the scripted network raises."""


class Clock:
    """The time, which a rule sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class ScriptedLater:
    """As ``Later``, but its thread works when it is told to."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._number = count()
        self._over = False

    def begin(self) -> None:
        pass

    def call(self, seconds: float, work: Callable[[], None]) -> None:
        if self._over:
            work()
        else:
            heapq.heappush(self._due, (self._clock() + seconds, next(self._number), work))

    def do_all(self) -> None:
        self._due = sorted((0.0, number, work) for _, number, work in self._due)

    def close(self) -> None:
        while self._due:
            heapq.heappop(self._due)[2]()
        self._over = True

    def work(self) -> bool:
        """Do the next of what is due; False if nothing is."""
        if not self._due or self._due[0][0] > self._clock():
            return False
        heapq.heappop(self._due)[2]()
        return True


class Stream:
    """A request on its connection, as awscrt has it."""

    def __init__(self, network: "Network", connection: "Connection", on_body: Any) -> None:
        self._network = network
        self.connection = connection
        self.on_body = on_body
        self.completion_future: Future[int] = Future()

    def activate(self) -> None:
        if self._network.breaks == "activate":
            raise BrokenError
        self._network.streams.append(self)

    def answer(self, status: int, body: bytes) -> None:
        self._network.streams.remove(self)
        self.on_body(body)
        self.completion_future.set_result(status)

    def break_off(self, begun: bool) -> None:
        self._network.streams.remove(self)
        self.connection.open = False
        if begun:
            self.on_body(b"x")
        self.completion_future.set_exception(BrokenError())


class Connection:
    """A connection; closing it ends its stream, but not at once."""

    def __init__(self, network: "Network") -> None:
        self._network = network
        self.open = True

    def is_open(self) -> bool:
        return self.open

    def close(self) -> None:
        self.open = False

    def request(self, _request: object, _on_response: object, on_body: Any) -> Stream:
        assert all(stream.connection is not self for stream in self._network.streams)
        if self._network.breaks == "request" or not self.open:
            raise BrokenError
        return Stream(self._network, self, on_body)


class Network:
    """What is being opened and what is under way; ``breaks`` says what fails at once."""

    def __init__(self) -> None:
        self.openings: list[Future[Connection]] = []
        self.streams: list[Stream] = []
        self.breaks = ""

    def open_one(self) -> "Future[Connection]":
        if self.breaks == "open":
            raise BrokenError
        self.openings.append(Future())
        return self.openings[-1]

    def sign(self, *_: object) -> object:
        if self.breaks == "sign":
            raise BrokenError
        return object()

    def opened(self, well: bool) -> None:
        future = self.openings.pop(0)
        if well:
            future.set_result(Connection(self))
        else:
            future.set_exception(BrokenError())


class Threads:
    """Stands for ``threading.Thread``: whoever is started runs when it is told to."""

    def __init__(self) -> None:
        self.started: list[Callable[[], None]] = []
        self.none_left = False

    def __call__(self, target: Callable[[], None], **_: object) -> "Threads":
        self._target = target
        return self

    def start(self) -> None:
        if self.none_left:
            raise RuntimeError("can't start new thread")
        self.started.append(self._target)


class Provider:
    """Credentials that are there, are others each time, or are not."""

    def __init__(self) -> None:
        self.mode = "same"
        self._number = count()

    def get_frozen_credentials(self) -> Any:
        if self.mode == "none":
            raise BrokenError
        name = f"AKID{next(self._number)}" if self.mode == "new" else "AKID"
        return Credentials(name, "secret").get_frozen_credentials()


class Requests(RuleBasedStateMachine):
    """A client with whatever may happen to its requests."""

    def __init__(self) -> None:
        super().__init__()
        self.clock, self.network = Clock(), Network()
        self.threads, self.provider = Threads(), Provider()
        self.later = ScriptedLater(self.clock)
        self.asked = self.told_within = 0
        self.ends: Counter[int] = Counter()
        self.ending = "close"
        self.closed = False
        self.most = self.allowed = CONNECTIONS
        self._patches = [
            *(
                mock.patch.object(module, "monotonic", self.clock)
                for module in (calls, client, connections, exchange, ledger, signing)
            ),
            mock.patch.object(client, "Later", return_value=self.later),
            mock.patch.object(client, "opener", return_value=self.network.open_one),
            mock.patch.object(connections, "keep_thread_state"),
            mock.patch.object(calls, "sign", self.network.sign),
            mock.patch.object(signing.threading, "Thread", self.threads),
        ]
        for patch in self._patches:
            patch.start()

    @initialize(
        ending=st.sampled_from(["close", "answers", "silence", "breaks"]),
        tries=st.integers(1, 3),
        known=st.integers(0, 3),
    )
    def begin(self, ending: str, tries: int, known: int) -> None:
        self.ending = ending
        place = Endpoint("http://s3.test", "us-east-2")
        self.client = client.CrtS3(
            place, self.provider, CONNECTIONS, tries, silence=SILENCE, deadline=DEADLINE
        )
        if known:
            self.ask("PUT", known)
            self.read_credentials("same")
            self.open(well=True)
            self.work()

    @rule(method=st.sampled_from(["PUT", "GET"]), times=st.integers(1, 4))
    def ask(self, method: str, times: int) -> None:
        for _ in range(times):
            self._ask(method)

    def _ask(self, method: str) -> None:
        number, self.asked = self.asked, self.asked + 1
        inside = True

        def on_end(_: Response, __: StoreError | None) -> None:
            self.told_within += inside and not self.closed
            self.ends[number] += 1

        self.client.start(method, "bucket", str(number), on_end)
        inside = False

    @rule(well=st.booleans())
    @precondition(lambda self: self.network.openings)
    def open(self, well: bool) -> None:
        self.network.opened(well)
        self.later.work()

    @rule(answer=st.sampled_from([*ANSWERS, (400, EXPIRED)]), data=st.data())
    @precondition(lambda self: self.network.streams)
    def answer(self, answer: tuple[int, bytes], data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.network.streams)).answer(*answer)

    @rule(begun=st.booleans(), data=st.data())
    @precondition(lambda self: self.network.streams)
    def break_off(self, begun: bool, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.network.streams)).break_off(begun)

    @rule(what=st.sampled_from(["", "", "", "", "open", "sign", "request", "activate"]))
    def break_what_comes(self, what: str) -> None:
        self.network.breaks = what

    @rule(mode=st.sampled_from(["same", "new", "none"]))
    @precondition(lambda self: self.threads.started)
    def read_credentials(self, mode: str) -> None:
        self.provider.mode = mode
        self.threads.started.pop(0)()

    @rule(none_left=st.booleans())
    def run_out_of_threads(self, none_left: bool) -> None:
        self.threads.none_left = none_left

    @rule()
    def work(self) -> None:
        while self.later.work():
            pass

    @rule(seconds=st.sampled_from([0.1, 5.0, 21.0, 61.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(most=st.integers(1, 4))
    def limit(self, most: int) -> None:
        self.most, self.allowed = most, max(most, self.allowed)
        self.client.limit(most)

    @rule()
    def hang_up(self) -> None:
        self.client.hang_up()
        self.work()
        assert self._ended()
        self.clock.now += 0.001

    @rule()
    @precondition(lambda self: self.asked > LONG)
    def close(self) -> None:
        self.client.close()
        self.closed = True
        assert self._ended()

    @invariant()
    def none_has_ended_twice(self) -> None:
        assert set(self.ends.values()) <= {1}

    @invariant()
    def none_is_told_from_within_the_asking(self) -> None:
        """So that whoever asks again when one has ended nests no calls."""
        assert not self.told_within

    @invariant()
    def there_are_no_more_connections_than_allowed(self) -> None:
        assert len(self.network.streams) <= self.allowed

    def teardown(self) -> None:
        self.network.breaks, self.provider.mode, self.threads.none_left = "", "same", False
        try:
            getattr(self, f"_end_by_{self.ending}")()
            assert self._ended(), f"{self.asked - len(self.ends)} have not ended"
            self._end_by_answers()  # what comes afterwards changes nothing
            self.none_has_ended_twice()
            if self.ending != "close" and not self.closed:
                self._uses_every_connection()
        finally:
            for patch in self._patches:
                patch.stop()

    def _ended(self) -> bool:
        return len(self.ends) == self.asked

    def _uses_every_connection(self) -> None:
        """None was lost count of, and none is kept that is one too many."""
        for _ in range(2 * self.allowed):
            self._ask("PUT")
        for _ in range(2 * self.allowed):
            self._move()
        assert len(self.network.streams) == self.most

    def _move(self) -> None:
        """All that is not S3 works well."""
        for start in [*self.threads.started]:
            self.threads.started.remove(start)
            start()
        while self.network.openings:
            self.network.opened(True)
        self.work()

    def _end_by_close(self) -> None:
        self.client.close()

    def _end_by_answers(self) -> None:
        for _ in range(50 + 10 * self.asked):
            self._move()
            for stream in [*self.network.streams]:
                stream.answer(200, b"x")
            self.clock.now += 0.5

    def _end_by_breaks(self) -> None:
        """S3 closes every connection without having read what was sent."""
        for _ in range(50 + 10 * self.asked):
            self._move()
            for stream in [*self.network.streams]:
                stream.break_off(begun=False)
            self.clock.now += 5

    def _end_by_silence(self) -> None:
        """Nothing answers any more; awscrt still tells the end of what is closed."""
        for _ in range(50 + 10 * self.asked):
            for stream in [*self.network.streams]:
                if not stream.connection.open:
                    stream.break_off(begun=False)
            self.work()
            self.clock.now += SILENCE / 2


def test_every_request_ends_exactly_once_whatever_comes_in_whatever_order() -> None:
    run_state_machine_as_test(
        Requests, settings=settings(max_examples=examples(), stateful_step_count=40, deadline=None)
    )


def test_hanging_up_ends_also_what_waits_for_another_try() -> None:
    """Instead of reading credentials once more for it."""
    state = Requests()
    state.begin("close", tries=2, known=0)
    state.ask("PUT", 1)
    state.read_credentials("none")
    state.hang_up()
    state.teardown()
