"""Run several courses of work in one thread: while one waits, the others continue."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import TypeVar

from checkout_assets.engines.clock import Clock

T = TypeVar("T")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Wait:
    """The course continues after that many seconds."""

    seconds: float


Waiting = Generator[Wait, None, V]
"""Work that sometimes waits, and returns its result."""
Course = Generator[T | Wait, None, V]
"""Work that sometimes waits, and also yields other values."""


def in_turns(courses: Sequence[Course[T, None]], clock: Clock) -> Iterator[T]:
    """Yield what the courses yield; each continues when its own wait is over.

    Only waits are timed: time that work takes delays everything after it by as much.
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
