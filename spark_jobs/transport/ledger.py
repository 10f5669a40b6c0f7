"""The waiting exchanges, the running exchanges and the connections of a host.

Pure bookkeeping: nothing here sends, signs or calls back, and every method is atomic.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Deque, Dict, List, Optional, Set, Tuple

from spark_jobs.transport.exchange import Exchange, ExchangeState

if TYPE_CHECKING:
    from awscrt.http import HttpClientConnection


class Ledger:
    """The exchanges and connections of one host, at most ``most`` connections at a time.

    An exchange is queued (WAITING), given a connection (SIGNING), sent (SENT) and ended (ENDED).
    Only the caller whose call ended it, as the return value says, reports its end.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._lock = threading.Lock()
        self._waiting: Deque[Exchange] = deque()
        self._busy: Set[Exchange] = set()
        self._idle: List[HttpClientConnection] = []
        self._openings: Dict[object, float] = {}
        self._opened = 0
        self._ended_by = -math.inf

    @property
    def closed(self) -> bool:
        """Whether the ledger is closed, so that every exchange ends instead of being queued."""
        return self._ended_by == math.inf

    @property
    def last_heard(self) -> float:
        """The monotonic time at which a running exchange last received data; 0 if none has."""
        busy = list(self._busy)
        return max((each.heard for each in busy if each.heard > each.begun), default=0.0)

    def queue(self, exchange: Exchange) -> bool:
        """Let it wait for a connection; False if it has ended instead, because of ``end_all``."""
        with self._lock:
            if exchange.asked <= self._ended_by:
                exchange.state = ExchangeState.ENDED
                return False
            self._waiting.append(exchange)
            return True

    def next_turn(
        self, free: Optional[HttpClientConnection] = None
    ) -> Optional[Tuple[HttpClientConnection, Exchange]]:
        """The next exchange with its connection: ``free``, which was in use, or an idle one.

        None if no exchange waits or there is no connection. A connection that is no longer open, or
        that exceeds the limit, is dropped.
        """
        if free is None and not (self._idle and self._waiting):
            return None
        with self._lock:
            while True:
                if free is None and self._idle and self._waiting:
                    free = self._idle.pop()
                if free is None:
                    return None
                if self.closed or self._opened > self.most or not free.is_open():
                    self._opened -= 1
                    free = None
                elif self._waiting:
                    return free, self._give(free)
                else:
                    self._idle.append(free)
                    return None

    def _give(self, connection: HttpClientConnection) -> Exchange:
        exchange = self._waiting.popleft()
        exchange.state = ExchangeState.SIGNING
        exchange.connection = connection
        exchange.begun = exchange.heard = monotonic()
        self._busy.add(exchange)
        return exchange

    def sent(self, exchange: Exchange) -> bool:
        """Mark it as sent; False if it has already ended."""
        with self._lock:
            if exchange.state is not ExchangeState.SIGNING:
                return False
            exchange.state = ExchangeState.SENT
            return True

    def end(self, exchange: Exchange) -> bool:
        """Mark it as ended; False if it had already ended."""
        with self._lock:
            return self._end(exchange)

    def end_or_queue(self, exchange: Exchange) -> bool:
        """As ``end``, but an exchange that may be resent waits again; then False."""
        with self._lock:
            if exchange.state is not ExchangeState.SENT or not exchange.may_be_resent():
                return self._end(exchange)
            self._busy.discard(exchange)
            exchange.resent = True
            exchange.state = ExchangeState.WAITING
            self._waiting.append(exchange)
            return False

    def end_all(self, asked_by: float) -> List[Exchange]:
        """End all exchanges and return them; later ones that were requested by then end at once.

        ``asked_by`` is a monotonic time; ``math.inf`` closes the ledger.
        """
        with self._lock:
            self._ended_by = max(asked_by, self._ended_by)
            if self.closed:
                self._idle.clear()
            return self._end_each([*self._waiting, *self._busy])

    def end_overdue(self, silent_since: float, begun_before: float) -> List[Exchange]:
        """End and return running exchanges that received nothing since ``silent_since``.

        Or that began before ``begun_before``; both are monotonic times.
        """
        with self._lock:
            return self._end_each(
                [
                    each
                    for each in self._busy
                    if each.heard < silent_since or each.begun < begun_before
                ]
            )

    def next_opening(self) -> Optional[object]:
        """A token for a connection to open, which counts as open; None if none is needed."""
        if self._opened >= self.most:
            return None
        with self._lock:
            if self._opened >= self.most or len(self._openings) >= len(self._waiting):
                return None
            opening = object()
            self._opened += 1
            self._openings[opening] = monotonic()
            return opening

    def opened(self, opening: object) -> bool:
        """Mark the connection as open; False if it was given up before."""
        with self._lock:
            return self._openings.pop(opening, None) is not None

    def fail_opening(self, opening: object) -> Optional[Exchange]:
        """Give the connection up; end and return one waiting exchange, if there is one."""
        with self._lock:
            if self._openings.pop(opening, None) is None:
                return None
            self._opened -= 1
            if not self._waiting:
                return None
            exchange = self._waiting.popleft()
            exchange.state = ExchangeState.ENDED
            return exchange

    def openings_before(self, instant: float) -> List[object]:
        """The tokens of connections that began to open before ``instant`` and are not yet open."""
        with self._lock:
            return [opening for opening, begun in self._openings.items() if begun < instant]

    def lose(self) -> None:
        """Count a connection in use as closed."""
        with self._lock:
            self._opened -= 1

    def _end_each(self, exchanges: List[Exchange]) -> List[Exchange]:
        return [exchange for exchange in exchanges if self._end(exchange)]

    def _end(self, exchange: Exchange) -> bool:
        if exchange.state is ExchangeState.ENDED:
            return False
        if exchange.state is ExchangeState.WAITING:
            self._waiting.remove(exchange)
        self._busy.discard(exchange)
        exchange.state = ExchangeState.ENDED
        return True
