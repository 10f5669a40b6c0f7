"""What the source holds, by listing it: one request per thousand objects, nothing else."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from checkout_assets.domain.copying import ARCHIVED
from checkout_assets.domain.errors import MigrationError
from checkout_assets.domain.folders import Folder
from checkout_assets.domain.keys import classify
from checkout_assets.domain.planning.workload import FolderLoad, Workload
from checkout_assets.engines.copying.parts import PART_BYTES
from checkout_assets.engines.copying.requests import LARGEST_COPY
from checkout_assets.engines.interruptible import begin_all
from spark_jobs.completed import completed
from spark_jobs.contract.words import ObjectKind
from spark_jobs.refusals import meaning_of
from spark_jobs.stores import StoreError

if TYPE_CHECKING:
    from spark_jobs.stores import S3Store

_FOLDERS_AT_ONCE = 8


def list_workload(source: "S3Store", folders: Sequence[Folder]) -> Workload:
    """The loads of these folders; raises MigrationError if the source cannot be listed."""
    begun = begin_all(
        lambda folder: (folder, *_load(source, folder)), folders, _FOLDERS_AT_ONCE, "plan-folder"
    )
    loads: dict[str, FolderLoad] = {}
    archived: Counter[str] = Counter()
    try:
        for folder, load, classes in completed(begun):
            loads[folder.name] = load
            archived.update(classes)
    except StoreError as error:
        reason = meaning_of(error.code, "S3 answers {code}")
        raise MigrationError(f"The source could not be listed: {reason}.") from None
    return Workload({each.name: loads[each.name] for each in folders}, dict(archived))


def _load(source: "S3Store", folder: Folder) -> tuple[FolderLoad, Counter[str]]:
    objects = total = read = large = parts = 0
    archived: Counter[str] = Counter()
    for page in source.pages(f"{folder.name}/"):
        objects += len(page.keys)
        total += sum(page.sizes)
        read += sum(classify(key).kind is not ObjectKind.SIDE for key in page.keys)
        for size in page.sizes:
            if size > LARGEST_COPY:
                large += 1
                parts += -(-size // PART_BYTES)
        archived.update(each for each in page.classes if each in ARCHIVED)
    return FolderLoad(objects, total, read, sum(archived.values()), large, parts), archived
