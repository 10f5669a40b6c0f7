"""Objects in progress, and their outcomes in the order in which the objects were started."""

import threading
from collections import deque
from collections.abc import Callable, Sequence

from checkout_assets.domain.copying import Sighting, SourceObject
from checkout_assets.engines.copying.attempts import ObjectOutcome
from checkout_assets.engines.copying.earlier import EarlierRow


class Due:
    """A key in progress: what both sides and earlier copies show of it, and its outcome."""

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
    """Objects that were started and not yet written; ``write`` gets each outcome in that order.

    One thread adds and settles; outcomes arrive on any thread.
    """

    def __init__(self, write: Callable[[Due, ObjectOutcome], None]) -> None:
        self.waiting: deque[Due] = deque()
        self._write = write
        self._awaited: Due | None = None
        self._ended = threading.Event()

    def end(self, due: Due, outcome: ObjectOutcome) -> None:
        """Set the outcome, then wake the waiting thread; called on any thread."""
        due.outcome = outcome
        if self._awaited is due:
            self._ended.set()

    def settle(self, leave: int) -> None:
        """Write finished objects in order; wait until at most ``leave`` objects are unwritten."""
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
