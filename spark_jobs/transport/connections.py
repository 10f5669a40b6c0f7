"""HTTP connections to one S3 endpoint, by awscrt: opened as needed, used again, watched.

awscrt's own S3 client is made for large objects, which it cuts into parts: for small ones its HTTP
layer, on which this builds, costs less CPU (docs/performance.md).
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from concurrent.futures import Future
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Any, Deque, Dict, List, Optional, Set

from spark_jobs.transport.answers import HungUpError
from spark_jobs.transport.exchange import Exchange
from spark_jobs.transport.later import Later, report_fault
from spark_jobs.transport.opening import keep_thread_state, opener

if TYPE_CHECKING:
    from awscrt.http import HttpClientConnection

SILENCE_SECONDS = 120.0
"""How long S3 may say nothing; copying 5 GB between regions it sends spaces to say it is alive."""

DEADLINE_SECONDS = 1800.0
"""How long an answer may take in all: a body of 1 GiB then comes at 0.6 MB/s at least."""

_LOOKS = 4
"""How often within that time connections are looked at."""


class Connections:
    """At most so many connections to the host of ``url``; safe to use from many threads.

    An exchange is in one of three states: it waits (in ``_waiting``), is under way on a connection
    (in ``_busy``), or has ended (in neither, and its ``on_end`` was called). Whoever takes it out
    of ``_busy`` or ``_waiting`` ends it or queues it again.

    What has to wait for a connection is begun on awscrt's thread as soon as another exchange ends
    there, which costs half of beginning it on any other thread. What cannot even begin is ended on
    a thread of its own, never within ``send``: so no number of failures nests calls.
    """

    def __init__(
        self,
        url: str,
        most: int,
        silence: float = SILENCE_SECONDS,
        deadline: float = DEADLINE_SECONDS,
        ca_bundle: str = "",
    ) -> None:
        self._new = opener(url, ca_bundle)
        self.most = most
        self._silence = silence
        self._deadline = deadline
        self._lock = threading.Lock()
        self._idle: List[HttpClientConnection] = []
        self._waiting: Deque[Exchange] = deque()
        self._opened = 0
        self._openings: Dict[object, float] = {}
        self._busy: Set[Exchange] = set()
        self._later = Later()
        self._later.begin()
        self._watched = self._closed = False
        self._answered = 0.0

    def send(self, exchange: Exchange) -> None:
        """Begin an exchange as soon as there is a connection for it; never raises."""
        if self._closed:
            self._end_later(exchange, HungUpError())
        else:
            self._dispatch(exchange)

    def hang_up(self) -> None:
        """End every exchange, waiting or under way, with HungUpError."""
        with self._lock:
            waiting, busy = list(self._waiting), list(self._busy)
            self._waiting.clear()
        for exchange in waiting:
            self._end_later(exchange, HungUpError())
        for exchange in busy:
            exchange.hung_up = True
            _close(exchange.connection)

    def close(self) -> None:
        """Hang up and release the connections; exchanges that are sent from now on end at once."""
        with self._lock:
            self._closed = True
            self._idle.clear()
        self.hang_up()
        self._later.close()
        self.hang_up()  # what was sent meanwhile

    @property
    def last_heard(self) -> float:
        """The monotonic instant at which the host last said anything; 0 before that."""
        heard = (each.heard for each in list(self._busy) if each.heard > each.begun)
        return max(self._answered, *heard, 0.0)

    def _dispatch(self, exchange: Optional[Exchange] = None) -> None:
        """Give what waits, and ``exchange``, an idle connection or one that is opened for it."""
        with self._lock:
            if exchange is not None:
                self._waiting.append(exchange)
                self._watch()
            connection = self._take_idle() if self._waiting else None
            opening = self._wants_another() if connection is None else None
        if connection is not None:
            self._serve(connection)
        elif opening is not None:
            self._open(opening)

    def _dispatch_later(self) -> None:
        """After a connection was lost, which may have happened within ``send``."""
        self._later.call(0.0, self._dispatch)

    def _take_idle(self) -> Optional[HttpClientConnection]:
        while self._idle:
            connection = self._idle.pop()
            if self._opened <= self.most and connection.is_open():
                return connection
            self._opened -= 1
        return None

    def _wants_another(self) -> Optional[object]:
        """What stands for a connection that is to be opened; it counts as opened from now on."""
        if self._opened >= self.most or len(self._openings) >= len(self._waiting):
            return None
        opening = object()
        self._opened += 1
        self._openings[opening] = monotonic()
        return opening

    def _open(self, opening: object) -> None:
        try:
            future = self._new()
        except Exception as error:
            self._fail_opening(opening, error)
        else:
            future.add_done_callback(partial(self._on_opened, opening))

    def _on_opened(self, opening: object, future: Any) -> None:
        error = future.exception()
        if error is not None:
            self._fail_opening(opening, error)
            return
        keep_thread_state()
        with self._lock:
            expected = self._openings.pop(opening, None) is not None
        if expected:
            self._serve(future.result())
        else:
            _close(future.result())

    def _fail_opening(self, opening: object, error: BaseException) -> None:
        """One of those who wait pays for it; the others get another attempt."""
        with self._lock:
            if self._openings.pop(opening, None) is None:
                return
            self._opened -= 1
            failed = self._waiting.popleft() if self._waiting else None
        if failed is not None:
            self._end_later(failed, error)
        self._dispatch_later()

    def _serve(self, connection: HttpClientConnection) -> None:
        """Begin what waits, on a connection that is free: the first that can begin has it."""
        while True:
            with self._lock:
                if self._closed or self._opened > self.most or not connection.is_open():
                    self._opened -= 1
                    break
                if not self._waiting:
                    self._idle.append(connection)
                    return
                exchange = self._waiting.popleft()
                exchange.connection = connection
                exchange.begun = exchange.heard = monotonic()
                self._busy.add(exchange)
            if self._begin(connection, exchange):
                return
        if self._waiting:
            self._dispatch_later()

    def _begin(self, connection: HttpClientConnection, exchange: Exchange) -> bool:
        """Whether the exchange is under way; if not, it ends elsewhere."""
        try:
            request = exchange.make()
        except Exception as error:  # which is not the connection's fault
            self._busy.discard(exchange)
            self._end_later(exchange, error)
            return False
        try:
            on_response = exchange.on_response if exchange.wants_headers else None
            stream = connection.request(request, on_response, exchange.on_body)
            stream.activate()
        except Exception as error:
            self._busy.discard(exchange)
            _close(connection)
            self._later.call(0.0, partial(self._end, exchange, error))
            return False
        stream.completion_future.add_done_callback(partial(self._completed, connection, exchange))
        return True

    def _completed(
        self, connection: HttpClientConnection, exchange: Exchange, future: Future[int]
    ) -> None:
        error = future.exception()
        if error is None:
            exchange.status = future.result()
            self._answered = monotonic()
        else:
            _close(connection)
        self._busy.discard(exchange)
        exchange.connection = None
        # First of all, so that the connection works while the answer is looked at.
        self._serve(connection)
        self._end(exchange, error)

    def _end(self, exchange: Exchange, error: Optional[BaseException]) -> None:
        if error is None or not exchange.may_be_resent():
            _tell(exchange, HungUpError() if error and exchange.hung_up else error)
            return
        exchange.resent = True
        exchange.begin()
        self.send(exchange)

    def _end_later(self, exchange: Exchange, error: BaseException) -> None:
        """End an exchange that has not been sent."""
        self._later.call(0.0, partial(_tell, exchange, error))

    def _watch(self) -> None:
        if not self._watched:
            self._watched = True
            self._look_later()

    def _look_later(self) -> None:
        self._later.call(min(self._silence, self._deadline) / _LOOKS, self._look)

    def _look(self) -> None:
        """Give up connections on which nothing was heard, or which were busy, for too long."""
        if self._closed:
            return
        now = monotonic()
        for exchange in list(self._busy):
            if exchange.heard < now - self._silence or exchange.begun < now - self._deadline:
                exchange.silent = True
                _close(exchange.connection)
        for opening, begun in list(self._openings.items()):
            if begun < now - self._silence:
                self._fail_opening(opening, TimeoutError())
        self._look_later()


def _tell(exchange: Exchange, error: Optional[BaseException]) -> None:
    exchange.connection = None
    try:
        exchange.on_end(exchange, error)
    except Exception as fault:  # costs this exchange only
        report_fault(fault)


def _close(connection: Optional[HttpClientConnection]) -> None:
    """Close it, whatever state it is in: its exchange then ends with an error."""
    if connection is not None:
        with contextlib.suppress(Exception):
            connection.close()
