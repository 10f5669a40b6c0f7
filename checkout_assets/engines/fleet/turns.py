"""Several courses of work in one thread: while one waits, the others go on."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import TypeVar

from checkout_assets.engines.clock import Clock

T = TypeVar("T")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Wait:
    """A course goes on after so many seconds."""

    seconds: float


Waiting = Generator[Wait, None, V]
"""Work that waits now and then, and returns its result."""
Course = Generator[T | Wait, None, V]
"""The same, which yields other things too."""


def in_turns(courses: Sequence[Course[T, None]], clock: Clock) -> Iterator[T]:
    """What the courses yield; each goes on when its own wait is over.

    Only waiting counts: work makes all that comes after it as much later.
    """
    now = 0.0
    due = [(now, number) for number in range(len(courses))]
    heapify(due)
    while due:
        at, number = heappop(due)
        if at > now:
            clock.sleep(at - now)
            now = at
        for step in courses[number]:
            if isinstance(step, Wait):
                heappush(due, (now + step.seconds, number))
                break
            yield step
