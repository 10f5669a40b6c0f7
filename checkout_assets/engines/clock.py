"""Time and chance as a run sees them, so that tests can let hours pass in milliseconds."""

import random
import time
from typing import Protocol


class Clock(Protocol):
    """How a run waits."""

    def sleep(self, seconds: float) -> None:
        """Wait; an interrupt ends it."""

    def between(self, least: float, most: float) -> float:
        """Some number of that range, another one each time."""


class WallClock:
    """The real one."""

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def between(self, least: float, most: float) -> float:
        return random.uniform(least, most)
