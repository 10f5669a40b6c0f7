"""Counts a folder's objects for a plan, from any listing."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from checkout_assets.domain.copying import ARCHIVED
from checkout_assets.domain.keys import classify
from checkout_assets.domain.planning.workload import FolderLoad, InventoryFacts, Workload
from checkout_assets.engines.copying.parts import PART_BYTES
from checkout_assets.engines.copying.requests import LARGEST_COPY
from spark_jobs.contract.words import ObjectKind


def archived_in(storage_class: str) -> str:
    """The storage class if its objects must be restored before they can be copied; else empty."""
    return storage_class if storage_class in ARCHIVED else ""


def _is_read(key: str) -> bool:
    """Whether structuring reads the object."""
    return classify(key).kind is not ObjectKind.SIDE


@dataclass(slots=True)
class FolderCount:
    """One folder's objects so far; ``archived`` counts by where they are archived."""

    objects: int = 0
    total_bytes: int = 0
    read: int = 0
    large: int = 0
    parts: int = 0
    asked: int = 0
    present: int = 0
    in_raw: int = 0
    old_parts: int = 0
    archived: Counter[str] = field(default_factory=Counter)

    def add(self, key: str, size: int, archived: str = "", asked: bool = False) -> None:
        """Count an object, whose key begins with the folder's name.

        ``archived`` is where it is, if it must be restored before it can be copied. ``asked`` if
        copying has to ask both sides for headers, since tags do not tell.
        """
        self.objects += 1
        self.total_bytes += size
        self.read += _is_read(key)
        self.asked += asked
        if size > LARGEST_COPY:
            self.large += 1
            self.parts += -(-size // PART_BYTES)
        if archived:
            self.archived[archived] += 1

    def add_present(self, key: str) -> None:
        """Count an object that raw holds already: it is structured, but not copied again."""
        self.present += 1
        self.read += _is_read(key)

    @property
    def load(self) -> FolderLoad:
        """The counts so far."""
        return FolderLoad(
            self.objects,
            self.total_bytes,
            self.read,
            archived=self.archived.total(),
            large=self.large,
            parts=self.parts,
            asked=self.asked,
            present=self.present,
            in_raw=self.in_raw,
            old_parts=self.old_parts,
        )


def workload_of(
    counts: Mapping[str, FolderCount], inventory: InventoryFacts | None = None
) -> Workload:
    """Return the loads of these folders by name, and their archived objects by where they are."""
    archived: Counter[str] = Counter()
    for each in counts.values():
        archived.update(each.archived)
    return Workload({name: each.load for name, each in counts.items()}, archived, inventory)
