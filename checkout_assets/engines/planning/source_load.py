"""The source's workload, by listing it: one request per thousand objects and no others."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from checkout_assets.domain.errors import MigrationError
from checkout_assets.domain.folders import Folder
from checkout_assets.domain.planning.workload import Workload
from checkout_assets.engines.interruptible import begin_all
from checkout_assets.engines.planning.folder_counts import FolderCount, archived_in, workload_of
from spark_jobs.completed import completed
from spark_jobs.refusals import meaning_of
from spark_jobs.stores import StoreError

if TYPE_CHECKING:
    from spark_jobs.stores import S3Store

_FOLDERS_AT_ONCE = 8


def list_workload(source: "S3Store", folders: Sequence[Folder]) -> Workload:
    """The loads of these folders; raises MigrationError if the source cannot be listed."""
    return counted_workload(lambda folder: _count(source, folder), folders, "source")


def counted_workload(
    count: Callable[[Folder], FolderCount], folders: Sequence[Folder], what: str
) -> Workload:
    """The loads of these folders, some counted side by side; ``what`` is listed.

    Raises MigrationError if it cannot be.
    """
    begun = begin_all(
        lambda folder: (folder, count(folder)), folders, _FOLDERS_AT_ONCE, "plan-folder"
    )
    try:
        found = {folder.name: each for folder, each in completed(begun)}
    except StoreError as error:
        reason = meaning_of(error.code, "S3 answers {code}")
        raise MigrationError(f"The {what} could not be listed: {reason}.") from None
    return workload_of({each.name: found[each.name] for each in folders})


def _count(source: "S3Store", folder: Folder) -> FolderCount:
    count = FolderCount()
    for page in source.pages(f"{folder.name}/"):
        for key, size, storage_class in zip(page.keys, page.sizes, page.classes, strict=True):
            count.add(key, size, archived_in(storage_class))
    return count
