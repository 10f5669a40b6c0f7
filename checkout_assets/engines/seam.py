"""The method that every engine implements, so that local, EC2 and EMR engines interchange."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from checkout_assets.domain.folders import Folder
from spark_jobs.contract.failures import Failure


class FolderResult(Protocol):
    """The result of any engine for a folder, also of one that only compares it."""

    @property
    def folder(self) -> Folder:
        """The folder of this result."""

    @property
    def error(self) -> str:
        """One sentence that says what is not done; empty if all is done."""

    @property
    def ok(self) -> bool:
        """Whether the folder is done."""


class Unit(Protocol):
    """What is done, retried and reported as a whole: a folder, or a month of a table."""

    @property
    def name(self) -> str:
        """Its name, which no other unit has: it is part of keys and of steps' names."""

    def __hash__(self) -> int:
        """Units are the keys of what is known of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitOutcome:
    """The outcome of work on one unit, on any machine.

    ``error`` is one sentence, empty if all is done. ``failure`` says whether a retry may help; it
    is None without an error, or if an earlier version reported none. ``host`` is the id of the
    instance or cluster, empty for this machine. ``attempts`` counts this run's attempts, from 1.
    """

    seconds: float = 0.0
    error: str = ""
    failure: Failure | None = None
    attempts: int = 1
    host: str = ""

    @property
    def unit(self) -> Any:
        """The unit of this outcome."""
        raise NotImplementedError

    @property
    def ok(self) -> bool:
        """Whether the unit is done."""
        return not self.error


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderOutcome(UnitOutcome):
    """The outcome of work on one folder."""

    folder: Folder = field(kw_only=False)

    @property
    def unit(self) -> Folder:
        return self.folder


R_co = TypeVar("R_co", bound=FolderResult, covariant=True)


class FolderEngine(Protocol[R_co]):
    """Does one kind of work on many folders."""

    def run(self, folders: Sequence[Folder], run_id: str) -> Iterator[R_co]:
        """Yield each folder's result when it ends, in any order.

        Raises only for failures that concern all folders. Closing the iterator cancels. Calling it
        again with the same ``run_id`` re-attaches: only unfinished folders are processed.
        """
