"""A run's source of time and random numbers, so that tests can simulate hours in milliseconds."""

import random
import time
from typing import Protocol


class Clock(Protocol):
    """Waits, and chooses random numbers."""

    def sleep(self, seconds: float) -> None:
        """Wait for ``seconds``; an interrupt ends it."""

    def between(self, least: float, most: float) -> float:
        """A random number from ``least`` to ``most``."""


class WallClock:
    """The real clock."""

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def between(self, least: float, most: float) -> float:
        return random.uniform(least, most)
