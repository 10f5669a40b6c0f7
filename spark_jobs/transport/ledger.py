"""Who waits for a connection to a host, who is under way, and which connections there are.

Pure bookkeeping: nothing here sends, signs or calls back, and every method is one step that nobody
sees half done.
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
    Whoever is told by the return value that it has ended here tells its end, and nobody else does.
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
        """Whether nothing is queued any more."""
        return self._ended_by == math.inf

    @property
    def last_heard(self) -> float:
        """The monotonic instant at which one who is under way last heard anything; 0 if none."""
        busy = list(self._busy)
        return max((each.heard for each in busy if each.heard > each.begun), default=0.0)

    def queue(self, exchange: Exchange) -> bool:
        """Let it wait for a connection; False if it has ended instead: see ``end_all``."""
        with self._lock:
            if exchange.asked <= self._ended_by:
                exchange.state = ExchangeState.ENDED
                return False
            self._waiting.append(exchange)
            return True

    def next_turn(
        self, free: Optional[HttpClientConnection] = None
    ) -> Optional[Tuple[HttpClientConnection, Exchange]]:
        """Who is next, with a connection: ``free``, which is in use no longer, or an idle one.

        None if nobody waits or no connection is there. A connection that is not good any more, or
        one too many, is let go of.
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
        """It is signed and goes out now; False if it has ended meanwhile."""
        with self._lock:
            if exchange.state is not ExchangeState.SIGNING:
                return False
            exchange.state = ExchangeState.SENT
            return True

    def end(self, exchange: Exchange) -> bool:
        """It has ended; False if it had before."""
        with self._lock:
            return self._end(exchange)

    def end_or_queue(self, exchange: Exchange) -> bool:
        """As ``end``, but who can be sent once more waits again, and has not ended."""
        with self._lock:
            if exchange.state is not ExchangeState.SENT or not exchange.may_be_resent():
                return self._end(exchange)
            self._busy.discard(exchange)
            exchange.resent = True
            exchange.state = ExchangeState.WAITING
            self._waiting.append(exchange)
            return False

    def end_all(self, asked_by: float) -> List[Exchange]:
        """Everybody has ended, as will who is queued later but was asked for by that instant.

        With ``math.inf`` all is closed.
        """
        with self._lock:
            self._ended_by = max(asked_by, self._ended_by)
            if self.closed:
                self._idle.clear()
            return self._end_each([*self._waiting, *self._busy])

    def end_overdue(self, silent_since: float, begun_before: float) -> List[Exchange]:
        """Everybody under way has ended who heard nothing since then, or began before then."""
        with self._lock:
            return self._end_each(
                [
                    each
                    for each in self._busy
                    if each.heard < silent_since or each.begun < begun_before
                ]
            )

    def next_opening(self) -> Optional[object]:
        """What stands for a connection to be opened, which counts as opened; None if none is."""
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
        """The connection is there; False if it was given up before."""
        with self._lock:
            return self._openings.pop(opening, None) is not None

    def fail_opening(self, opening: object) -> Optional[Exchange]:
        """It will not be there: one of those who wait has ended for it, if somebody waits."""
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
        """What was to be opened before that instant and is not yet."""
        with self._lock:
            return [opening for opening, begun in self._openings.items() if begun < instant]

    def lose(self) -> None:
        """A connection in use is no longer there."""
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
