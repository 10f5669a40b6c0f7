"""Objects under way, and their outcomes in the order in which the objects began."""

import threading
from collections import deque
from collections.abc import Callable, Sequence

from checkout_assets.domain.copying import Sighting, SourceObject
from checkout_assets.engines.copying.attempts import ObjectOutcome
from checkout_assets.engines.copying.earlier import EarlierRow


class Due:
    """A key under work: what both sides and the earlier copies show of it, and its outcome."""

    __slots__ = ("earlier", "outcome", "raw", "raw_key", "source")

    def __init__(
        self,
        raw_key: str,
        source: SourceObject | None,
        raw: Sighting | None,
        earlier: Sequence[EarlierRow],
    ) -> None:
        self.raw_key = raw_key
        self.source = source
        self.raw = raw
        self.earlier = earlier
        self.outcome: ObjectOutcome | None = None


class InOrder:
    """What has begun and is not written yet; ``write`` gets each with its outcome, in order.

    One thread adds and settles; outcomes come from any thread.
    """

    def __init__(self, write: Callable[[Due, ObjectOutcome], None]) -> None:
        self.waiting: deque[Due] = deque()
        self._write = write
        self._awaited: Due | None = None
        self._ended = threading.Event()

    def end(self, due: Due, outcome: ObjectOutcome) -> None:
        """On another thread: the outcome first, so that whoever waits misses nothing."""
        due.outcome = outcome
        if self._awaited is due:
            self._ended.set()

    def settle(self, leave: int) -> None:
        """Write what has ended, in order; wait until at most ``leave`` are waiting."""
        waiting = self.waiting
        while waiting and (waiting[0].outcome is not None or len(waiting) > leave):
            due = waiting.popleft()
            self._write(due, self._outcome_of(due))

    def _outcome_of(self, due: Due) -> ObjectOutcome:
        if due.outcome is None:
            self._awaited = due
            while due.outcome is None:
                self._ended.wait()
                self._ended.clear()
            self._awaited = None
        return due.outcome
