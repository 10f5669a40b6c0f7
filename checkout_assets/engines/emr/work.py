"""What a run's steps do, one unit each: the same clusters structure folders and compact months."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic

from checkout_assets.engines.fleet.backend import R, U
from spark_jobs.contract.failures import Failure


class StepWork(ABC, Generic[U, R]):
    """The work of one run, and what proves it."""

    unit_word: str
    """``folder`` or ``month``."""
    done_word: str
    """What is done to a unit: ``structured``."""
    units_per_cluster: int
    """How many units a cluster of the run's own is given."""

    @abstractmethod
    def attempts(self) -> Mapping[str, int]:
        """Return, by the unit's name, the highest attempt that left a result."""

    @abstractmethod
    def result(self, unit: U, attempt: int) -> R | None:
        """Return how the unit ended; None if the attempt proves nothing."""

    @abstractmethod
    def step(self, unit: U, attempt: int) -> Mapping[str, Any]:
        """Build the step of that attempt; raises StoreError if what it reads cannot be written."""

    @abstractmethod
    def failed(self, unit: U, error: str, failure: Failure) -> R:
        """Build the outcome of a unit that is not done."""
