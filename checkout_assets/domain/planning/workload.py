"""The workload: objects and bytes per folder, listed or given by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from checkout_assets.domain.folders import ALL_FOLDERS, Folder


@dataclass(frozen=True, slots=True)
class FolderLoad:
    """One folder's objects that are to be copied.

    ``read`` of them are documents or nested objects. ``archived`` objects must be restored before
    they can be copied. ``large`` objects are copied in ``parts`` parts altogether. Tags of
    ``asked`` objects do not tell their bytes, so copying requests the headers of both sides.

    ``present`` are further objects of the source that raw holds already, and which structuring
    reads too. ``in_raw`` are all objects of raw, and ``old_parts`` the parts of earlier manifests
    that a copy reads.
    """

    objects: int
    total_bytes: int
    read: int
    archived: int = 0
    large: int = 0
    parts: int = 0
    asked: int = 0
    present: int = 0
    in_raw: int = 0
    old_parts: int = 0

    @property
    def listed(self) -> int:
        """The number of objects at the source."""
        return self.objects + self.present


@dataclass(frozen=True, slots=True)
class InventoryFacts:
    """What an S3 Inventory says beside the loads.

    ``in_parts`` objects were uploaded in parts; ``elsewhere`` are objects outside of the planned
    folders; ``encryptions`` counts by encryption status. ``lacking`` are fields that it does not
    have.
    """

    taken_at: datetime
    in_parts: int
    elsewhere: int
    encryptions: Mapping[str, int]
    lacking: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Workload:
    """The loads of all planned folders, by name; ``archived`` counts objects by storage class.

    ``inventory`` is set if an S3 Inventory was read instead of listing the source.
    """

    folders: Mapping[str, FolderLoad]
    archived: Mapping[str, int] = field(default_factory=dict)
    inventory: InventoryFacts | None = None

    @property
    def objects(self) -> int:
        """The number of objects of all folders."""
        return sum(each.objects for each in self.folders.values())

    @property
    def total_bytes(self) -> int:
        """The bytes of all folders."""
        return sum(each.total_bytes for each in self.folders.values())

    @property
    def present(self) -> int:
        """The number of objects that raw holds already."""
        return sum(each.present for each in self.folders.values())

    @property
    def missing(self) -> list[str]:
        """The names of folders without an object."""
        return [name for name, load in self.folders.items() if not load.listed]

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
