"""The fleets of a canary as it uses them, and a clock with a limit."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from checkout_assets.domain.errors import MigrationError
from checkout_assets.engines.clock import WallClock
from checkout_assets.engines.seam import FolderEngine, FolderOutcome

R = TypeVar("R", bound=FolderOutcome)


class Machine(Protocol):
    """An instance or a cluster that is not gone; ``alive`` if it is not ending already."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def alive(self) -> bool:
        """Whether it works or is starting."""


@dataclass(frozen=True, slots=True)
class CanaryFleet(Generic[R]):
    """One fleet: ``engine`` checks the options and returns the engine, or raises UsageError.

    ``find`` returns the canary's machines that are not gone, and ``end`` begins to end one.
    ``began`` returns whether a machine began with the work that it was launched for.
    """

    engine: Callable[[], FolderEngine[R]]
    find: Callable[[], Sequence[Machine]]
    end: Callable[[str], None]
    began: Callable[[str], bool]


class LimitedClock(WallClock):
    """The real clock until a limit; then waiting raises MigrationError, which ends the work."""

    def __init__(self, minutes: float) -> None:
        self._minutes = minutes
        self._end = time.monotonic() + minutes * 60

    def sleep(self, seconds: float) -> None:
        if time.monotonic() + seconds > self._end:
            raise MigrationError(f"It was given up after {self._minutes:g} minutes.")
        super().sleep(seconds)
