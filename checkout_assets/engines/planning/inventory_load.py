"""The source's workload from an S3 Inventory, without requests to the source."""

from collections import Counter
from collections.abc import Iterator, Sequence

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.folders import Folder
from checkout_assets.domain.planning.inventory import InvalidInventoryError
from checkout_assets.domain.planning.workload import InventoryFacts, Workload
from checkout_assets.engines.locations import S3Location
from checkout_assets.engines.planning.folder_counts import FolderCount, archived_in, workload_of
from checkout_assets.engines.planning.inventory_files import Inventory, open_inventory
from checkout_assets.engines.planning.inventory_rows import ListedObject, listed_objects

_ARCHIVE_TIERS = frozenset({"ARCHIVE", "ARCHIVE_ACCESS", "DEEP_ARCHIVE", "DEEP_ARCHIVE_ACCESS"})
"""Tiers of INTELLIGENT_TIERING whose objects must be restored: S3 user guide, "How S3
Intelligent-Tiering works"."""

_KMS = frozenset({"SSE-KMS", "DSSE-KMS"})
_ENCRYPTIONS = _KMS | {"SSE-S3", "SSE-C", "NOT-SSE"}
_OTHER = "other"


def inventory_workload(
    uri: str, source: S3Location | None, folders: Sequence[Folder], role_arn: str = ""
) -> Workload:
    """The loads of these folders from the inventory whose manifest is at that URI or path.

    ``source`` is the place of the folders; without it, they are at the top of the inventory's
    bucket. With ``role_arn`` the inventory is read with that role. Raises UsageError if the
    inventory cannot be used or is of another bucket.
    """
    inventory = open_inventory(uri, role_arn)
    prefix = _prefix_in(inventory, source)
    count = _Count(prefix, folders)
    for listed in _all_listed(inventory):
        count.add(listed)
    if not count.within:
        where = S3Location(inventory.manifest.source_bucket, prefix).uri
        raise inventory.refused(
            f"it lists no object of these folders below {displayable(where)}: check --source"
        )
    return count.workload(inventory)


def _prefix_in(inventory: Inventory, source: S3Location | None) -> str:
    bucket = inventory.manifest.source_bucket
    if source is not None and source.bucket != bucket:
        raise inventory.refused(f"it is of the bucket {bucket}, and the source is {source.uri}")
    return source.prefix if source else ""


def _all_listed(inventory: Inventory) -> Iterator[ListedObject]:
    for file, data in inventory.files():
        try:
            yield from listed_objects(inventory.manifest, data)
        except InvalidInventoryError as error:
            raise inventory.refused(f"of its file {displayable(file.key)}, {error}") from None


def _archive_of(listed: ListedObject) -> str:
    """The object's archive class or tier; empty if S3 can copy it as it is."""
    tier = f"INTELLIGENT_TIERING, {listed.tier}" if listed.tier in _ARCHIVE_TIERS else ""
    return archived_in(listed.storage_class) or tier


class _Count:
    """Counts the objects in the folders and elsewhere."""

    def __init__(self, prefix: str, folders: Sequence[Folder]) -> None:
        self._prefix = prefix
        self._folders = {folder.name: FolderCount() for folder in folders}
        self._in_parts = 0
        self._elsewhere = 0
        self._encryptions: Counter[str] = Counter()

    @property
    def within(self) -> int:
        """The number of objects in the folders."""
        return sum(each.objects for each in self._folders.values())

    def add(self, listed: ListedObject) -> None:
        """Count one object."""
        key = listed.key.removeprefix(self._prefix)
        folder, slash, _ = key.partition("/")
        count = self._folders.get(folder)
        if count is None or not slash or not listed.key.startswith(self._prefix):
            self._elsewhere += 1
            return
        # Entity tags of objects under a KMS key are not MD5s; those of parts are never compared.
        asked = listed.encryption in _KMS and not listed.in_parts
        count.add(key, listed.size, _archive_of(listed), asked)
        self._in_parts += listed.in_parts
        if listed.encryption:
            known = listed.encryption in _ENCRYPTIONS
            self._encryptions[listed.encryption if known else _OTHER] += 1

    def workload(self, inventory: Inventory) -> Workload:
        """The loads so far."""
        facts = InventoryFacts(
            inventory.manifest.taken_at,
            self._in_parts,
            self._elsewhere,
            dict(self._encryptions),
            inventory.manifest.lacking,
        )
        return workload_of(self._folders, facts)
