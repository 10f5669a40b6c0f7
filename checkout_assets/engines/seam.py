"""The one method every engine implements, so that local, EC2 and EMR engines are exchangeable."""

from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

from checkout_assets.domain.folders import Folder


class FolderResult(Protocol):
    """How work on one folder ended."""

    @property
    def folder(self) -> Folder:
        """The folder this is about."""

    @property
    def error(self) -> str:
        """One sentence that says what is not done; empty if all is."""

    @property
    def ok(self) -> bool:
        """Whether the folder is done."""


R_co = TypeVar("R_co", bound=FolderResult, covariant=True)


class FolderEngine(Protocol[R_co]):
    """Does one kind of work on many folders."""

    def run(self, folders: Sequence[Folder], run_id: str) -> Iterator[R_co]:
        """Yield each folder's result when it ends, in any order.

        Raises only for what concerns all folders. Closing the iterator cancels. Calling it again
        with the same ``run_id`` re-attaches: only what is left is done.
        """
