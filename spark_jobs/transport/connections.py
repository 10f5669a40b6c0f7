"""HTTP connections to one S3 endpoint, by awscrt: opened as needed, reused, monitored.

awscrt's own S3 client is made for large objects, which it splits into parts. For small objects its
HTTP layer, which this module uses, costs less CPU (docs/performance.md).
"""

from __future__ import annotations

import contextlib
from concurrent.futures import Future
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Callable, Optional

from spark_jobs.transport.answers import HungUpError
from spark_jobs.transport.exchange import Exchange
from spark_jobs.transport.later import Later, report_fault
from spark_jobs.transport.ledger import Ledger
from spark_jobs.transport.opening import keep_thread_state

if TYPE_CHECKING:
    from awscrt.http import HttpClientConnection

SILENCE_SECONDS = 120.0
"""Longest silence of S3 in seconds; while it copies 5 GB between regions it sends spaces."""

DEADLINE_SECONDS = 1800.0
"""Longest response in seconds: a body of 1 GiB then arrives with at least 0.6 MB/s."""

_LOOKS = 4
"""How often connections are checked within the shorter of both limits."""


class Connections:
    """At most ``most`` connections, each opened by ``open_one``; safe to use from many threads.

    An exchange ends after ``silence`` seconds without data, and after ``deadline`` seconds in all.

    An exchange that waits for a connection is started on awscrt's thread as soon as another one
    ends there, which costs half of starting it on any other thread. Ends that awscrt does not
    report are reported on the thread of ``later``, never within ``send``. So failures never nest
    calls.
    """

    def __init__(
        self,
        open_one: Callable[[], Future[HttpClientConnection]],
        later: Later,
        most: int,
        silence: float = SILENCE_SECONDS,
        deadline: float = DEADLINE_SECONDS,
    ) -> None:
        self._open_one = open_one
        self._later = later
        self._silence = silence
        self._deadline = deadline
        self._ledger = Ledger(most)
        self._answered = 0.0
        self._watched = False

    def send(self, exchange: Exchange) -> None:
        """Start an exchange as soon as there is a connection for it; never raises."""
        if self._ledger.queue(exchange):
            self._watch()
            self._dispatch()
        else:
            self._tell_later(exchange, HungUpError())

    def limit(self, most: int) -> None:
        """From now on use at most ``most`` connections."""
        self._ledger.most = most

    def hang_up(self, asked_by: float) -> None:
        """End all exchanges with HungUpError, also later ones that were requested by ``asked_by``.

        ``asked_by`` is a monotonic time; with ``math.inf`` the connections are released too.
        """
        for exchange in self._ledger.end_all(asked_by):
            self._break_off(exchange, HungUpError())

    @property
    def last_heard(self) -> float:
        """The monotonic time at which the host last sent data; 0 before that."""
        return max(self._answered, self._ledger.last_heard)

    def _dispatch(self, free: Optional[HttpClientConnection] = None) -> None:
        """Start waiting exchanges, on ``free`` first, until none can start; calls no callback."""
        while True:
            turn = self._ledger.next_turn(free)
            if turn is not None:
                free = self._begin(*turn)
                continue
            free = None
            opening = self._ledger.next_opening()
            if opening is None:
                return
            self._open(opening)

    def _open(self, opening: object) -> None:
        try:
            future = self._open_one()
        except Exception as error:
            self._later.call(0.0, partial(self._fail_opening, opening, error))
        else:
            future.add_done_callback(partial(self._on_opened, opening))

    def _on_opened(self, opening: object, future: Any) -> None:
        error = future.exception()
        if error is not None:
            self._later.call(0.0, partial(self._fail_opening, opening, error))
            return
        keep_thread_state()
        self._later.call(0.0, partial(self._use, opening, future.result()))

    def _use(self, opening: object, connection: HttpClientConnection) -> None:
        if self._ledger.opened(opening):
            self._dispatch(connection)
        else:
            _close(connection)

    def _fail_opening(self, opening: object, error: BaseException) -> None:
        """Fail one waiting exchange; the others get another attempt."""
        failed = self._ledger.fail_opening(opening)
        if failed is not None:
            _tell(failed, error)
        self._dispatch()

    def _begin(
        self, connection: HttpClientConnection, exchange: Exchange
    ) -> Optional[HttpClientConnection]:
        """Send the exchange, or end it; returns the connection if it is then not in use."""
        try:
            request = exchange.make()
        except Exception as error:  # not a fault of the connection
            self._end_later(exchange, error)
            return connection
        if not self._ledger.sent(exchange):
            _close(connection)  # as everywhere where an exchange is ended
            return connection
        try:
            on_response = exchange.on_response if exchange.wants_headers else None
            stream = connection.request(request, on_response, exchange.on_body)
            # Added before it can end, so that it is called on awscrt's thread and not from here.
            stream.completion_future.add_done_callback(
                partial(self._completed, connection, exchange)
            )
            stream.activate()
        except Exception as error:
            _close(connection)
            self._ledger.lose()
            self._later.call(0.0, partial(self._broke, exchange, error))
        return None

    def _completed(
        self, connection: HttpClientConnection, exchange: Exchange, future: Future[int]
    ) -> None:
        error = future.exception()
        if error is not None:
            _close(connection)
            self._dispatch(connection)
            self._broke(exchange, error)
            return
        exchange.status = future.result()
        self._answered = monotonic()
        ended = self._ledger.end(exchange)
        # First of all, so that the connection is in use while the response is handled.
        self._dispatch(connection)
        if ended:
            _tell(exchange, None)

    def _broke(self, exchange: Exchange, error: BaseException) -> None:
        """Handle a connection that broke during its exchange."""
        if self._ledger.end_or_queue(exchange):
            _tell(exchange, error)
        else:
            self._dispatch()

    def _break_off(self, exchange: Exchange, error: BaseException) -> None:
        """Close the connection of an exchange that has ended without awscrt knowing it yet."""
        _close(exchange.connection)
        self._tell_later(exchange, error)

    def _end_later(self, exchange: Exchange, error: BaseException) -> None:
        if self._ledger.end(exchange):
            self._tell_later(exchange, error)

    def _tell_later(self, exchange: Exchange, error: BaseException) -> None:
        self._later.call(0.0, partial(_tell, exchange, error))

    def _watch(self) -> None:
        if not self._watched:
            self._watched = True
            self._look_later()

    def _look_later(self) -> None:
        self._later.call(min(self._silence, self._deadline) / _LOOKS, self._look)

    def _look(self) -> None:
        """Give up connections that were silent, or busy, for too long."""
        if self._ledger.closed:
            return
        now = monotonic()
        for exchange in self._ledger.end_overdue(now - self._silence, now - self._deadline):
            self._break_off(exchange, TimeoutError())
        for opening in self._ledger.openings_before(now - self._silence):
            self._fail_opening(opening, TimeoutError())
        self._look_later()


def _tell(exchange: Exchange, error: Optional[BaseException]) -> None:
    exchange.connection = None
    try:
        exchange.on_end(exchange, error)
    except Exception as fault:  # must not affect other exchanges
        report_fault(fault)


def _close(connection: Optional[HttpClientConnection]) -> None:
    """Close the connection in any state: its exchange then ends with an error."""
    if connection is not None:
        with contextlib.suppress(Exception):
            connection.close()
