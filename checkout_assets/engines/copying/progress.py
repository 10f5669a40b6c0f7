"""How a copy tells whoever watches; called from many threads, so implementations must be safe."""

from typing import Protocol

from checkout_assets.domain.folders import Folder


class CopyProgress(Protocol):
    """Hears of a copy as it goes."""

    def on_folder_begun(self, folder: Folder) -> None:
        """A folder is being listed and copied."""

    def on_object(self, size: int, copied: bool) -> None:
        """An object of that many bytes is in raw; ``copied`` if this copy put it there."""

    def on_folder(self, folder: Folder, error: str) -> None:
        """A folder has ended, with a sentence if it is not complete."""


class NoProgress:
    """Tells nobody."""

    def on_folder_begun(self, folder: Folder) -> None:
        """See CopyProgress."""

    def on_object(self, size: int, copied: bool) -> None:
        """See CopyProgress."""

    def on_folder(self, folder: Folder, error: str) -> None:
        """See CopyProgress."""
