"""The workload: objects and bytes per folder, listed or given by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from checkout_assets.domain.folders import ALL_FOLDERS, Folder


@dataclass(frozen=True, slots=True)
class FolderLoad:
    """One folder's objects.

    ``read`` of them are documents or nested objects. ``archived`` objects must be restored before
    they can be copied. ``large`` objects are copied in ``parts`` parts altogether.
    """

    objects: int
    total_bytes: int
    read: int
    archived: int = 0
    large: int = 0
    parts: int = 0


@dataclass(frozen=True, slots=True)
class Workload:
    """The loads of all planned folders, by name; ``archived`` counts objects by storage class."""

    folders: Mapping[str, FolderLoad]
    archived: Mapping[str, int] = field(default_factory=dict)

    @property
    def objects(self) -> int:
        """The number of objects of all folders."""
        return sum(each.objects for each in self.folders.values())

    @property
    def total_bytes(self) -> int:
        """The bytes of all folders."""
        return sum(each.total_bytes for each in self.folders.values())

    @property
    def read(self) -> int:
        """The number of objects that structuring reads."""
        return sum(each.read for each in self.folders.values())


def spread_evenly(
    objects: int, total_bytes: int, folders: Sequence[Folder] = ALL_FOLDERS
) -> Workload:
    """A workload of ``objects`` documents, spread evenly over the folders."""
    count = len(folders)
    return Workload(
        {
            folder.name: FolderLoad(
                share := objects // count + (at < objects % count),
                total_bytes // count + (at < total_bytes % count),
                share,
            )
            for at, folder in enumerate(folders)
        }
    )
