"""How patient a run is, and how much it may use up."""

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between questions, and when to stop asking.

    ``first_wait_seconds`` is the wait after a launch that was not answered; it doubles each time.
    ``ending_poll_seconds`` lie between two looks at a host that is ending. ``most_silent_polls``
    is for how many polls a service may not answer; ``silence_seconds`` for how long a host that
    tells how it goes may tell nothing new. ``most_hosts`` may be used up for each group of a run's
    folders.
    """

    poll_seconds: float
    spread_seconds: float
    most_hosts: int
    most_silent_polls: int
    first_wait_seconds: float
    ending_poll_seconds: float
    silence_seconds: float = inf
