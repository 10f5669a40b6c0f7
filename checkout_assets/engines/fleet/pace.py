"""How long a run waits for a service, and how many hosts it may use."""

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between polls, and when to give up.

    ``first_wait_seconds`` is the wait after a launch without a response; it doubles each time.
    ``ending_poll_seconds`` is the interval between polls of a host that is ending. A service may
    not answer for ``most_silent_polls``. A host that reports progress may report nothing new for
    ``silence_seconds``. Each group of a run's units may use up ``most_hosts``.
    """

    poll_seconds: float
    spread_seconds: float
    most_hosts: int
    most_silent_polls: int
    first_wait_seconds: float
    ending_poll_seconds: float
    silence_seconds: float = inf
