"""The source's workload, by listing it: one request per thousand objects and no others."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from checkout_assets.domain.copying import ARCHIVED
from checkout_assets.domain.errors import MigrationError
from checkout_assets.domain.folders import Folder
from checkout_assets.domain.planning.workload import FolderLoad, Workload
from checkout_assets.engines.interruptible import begin_all
from checkout_assets.engines.planning.folder_counts import FolderCount
from spark_jobs.completed import completed
from spark_jobs.refusals import meaning_of
from spark_jobs.stores import StoreError

if TYPE_CHECKING:
    from spark_jobs.stores import S3Store

_FOLDERS_AT_ONCE = 8


def list_workload(source: "S3Store", folders: Sequence[Folder]) -> Workload:
    """The loads of these folders; raises MigrationError if the source cannot be listed."""
    begun = begin_all(
        lambda folder: (folder, _count(source, folder)), folders, _FOLDERS_AT_ONCE, "plan-folder"
    )
    loads: dict[str, FolderLoad] = {}
    archived: Counter[str] = Counter()
    try:
        for folder, count in completed(begun):
            loads[folder.name] = count.load
            archived.update(count.archived)
    except StoreError as error:
        reason = meaning_of(error.code, "S3 answers {code}")
        raise MigrationError(f"The source could not be listed: {reason}.") from None
    return Workload({each.name: loads[each.name] for each in folders}, dict(archived))


def _count(source: "S3Store", folder: Folder) -> FolderCount:
    count = FolderCount()
    for page in source.pages(f"{folder.name}/"):
        for key, size, storage_class in zip(page.keys, page.sizes, page.classes, strict=True):
            count.add(key, size, storage_class if storage_class in ARCHIVED else "")
    return count
