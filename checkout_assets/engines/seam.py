"""The one method every engine implements, so that local, EC2 and EMR engines are exchangeable."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from checkout_assets.domain.folders import Folder
from spark_jobs.contract.failures import Failure


class FolderResult(Protocol):
    """What every engine tells of a folder, also one that only looks at it."""

    @property
    def folder(self) -> Folder:
        """The folder this is about."""

    @property
    def error(self) -> str:
        """One sentence that says what is not done; empty if all is."""

    @property
    def ok(self) -> bool:
        """Whether the folder is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderOutcome:
    """How work on one folder ended, wherever it was done.

    ``error`` is one sentence, empty if all is done, and ``failure`` says whether trying again may
    help; None also if an earlier version does not tell. ``host`` is the id of the instance or
    cluster, empty for this machine; ``attempts`` counts from 1 how often this run began the work.
    """

    folder: Folder = field(kw_only=False)
    seconds: float = 0.0
    error: str = ""
    failure: Failure | None = None
    attempts: int = 1
    host: str = ""

    @property
    def ok(self) -> bool:
        """Whether the folder is done."""
        return not self.error


R_co = TypeVar("R_co", bound=FolderResult, covariant=True)


class FolderEngine(Protocol[R_co]):
    """Does one kind of work on many folders."""

    def run(self, folders: Sequence[Folder], run_id: str) -> Iterator[R_co]:
        """Yield each folder's result when it ends, in any order.

        Raises only for what concerns all folders. Closing the iterator cancels. Calling it again
        with the same ``run_id`` re-attaches: only what is left is done.
        """
