"""Remove orphaned files from the lake, folder by folder, by way of the publication record."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from checkout_assets.domain.folders import Folder
from checkout_assets.domain.orphans import OrphanedFile
from checkout_assets.engines.reconciling.lake_side import LakeInventory, orphaned
from spark_jobs.contract.publication import PUBLISHING, PublicationRecord
from spark_jobs.contract.record_format import RecordError
from spark_jobs.job.plan import FolderError
from spark_jobs.job.publishing import finish_interrupted, remove_unnamed
from spark_jobs.stores import StoreError

if TYPE_CHECKING:
    from spark_jobs.stores import Store

_T = TypeVar("_T")
_FOLDERS_AT_ONCE = 8
_BEING_PUBLISHED = (
    "its publication is unfinished: a run died, or works, while publishing it. Structure the "
    "folder again, or remove its orphaned files, which finishes a publication that a run left."
)
_NO_RECORD = (
    "it has no publication record that says which files are its, so none of them is removed. "
    "Structure the folder, then remove its orphaned files."
)


@dataclass(frozen=True, slots=True)
class FolderOrphans:
    """The orphaned files of a folder; ``problem`` says why they are unknown or not removable.

    Only the files of a folder that ``has_record`` may be removed; an unfinished publication is
    finished first.
    """

    folder: Folder
    orphans: tuple[OrphanedFile, ...] = ()
    problem: str = ""
    has_record: bool = True

    def removable(self, least_age: timedelta, now: datetime) -> int:
        """Count the files that a removal at ``now`` would take if it spares younger ones."""
        return self.has_record and sum(not f.is_younger(least_age, now) for f in self.orphans)


@dataclass(frozen=True, slots=True)
class FolderCleaned:
    """The result for a folder's orphaned files; ``problem`` says why some are still there."""

    folder: Folder
    removed: tuple[OrphanedFile, ...] = ()
    left: tuple[OrphanedFile, ...] = ()
    problem: str = ""


def find_orphans(lake: "Store", folders: Sequence[Folder]) -> Iterator[FolderOrphans]:
    """Yield folders that have orphaned files or could not be checked; changes nothing."""
    inventory = LakeInventory(lake, folders)
    for found in _at_once(lambda folder: _found(inventory, folder), folders):
        if found.orphans or found.problem:
            yield found


def _at_once(work: Callable[[Folder], _T], folders: Sequence[Folder]) -> Iterator[_T]:
    with ThreadPoolExecutor(_FOLDERS_AT_ONCE) as pool:
        yield from pool.map(work, folders)


def _found(inventory: LakeInventory, folder: Folder) -> FolderOrphans:
    try:
        seen = inventory.compare(folder, deep=False)
    except RecordError as error:
        return FolderOrphans(folder, problem=f"{error}.")
    except StoreError as error:
        return FolderOrphans(folder, problem=f"{error.reason}.")
    if seen.record is None:
        why = f"{seen.problem}. See docs/runbook.md#unreadable-record." if seen.problem else ""
        problem = why or (_NO_RECORD if seen.orphans else "")
        return FolderOrphans(folder, seen.orphans, problem, has_record=False)
    unfinished = seen.record.state == PUBLISHING
    return FolderOrphans(folder, seen.orphans, _BEING_PUBLISHED if unfinished else "")


class OrphanRemover:
    """Removes orphaned files that are at least ``least_age`` old.

    A file is removed only if it has not changed since it was first listed. The folder's record is
    written first: it must not name the file, and then says that the file is to be removed. From
    then on no other run can publish the folder. A folder without a record keeps all its files,
    because they may be its rows.
    """

    def __init__(self, lake: "Store", least_age: timedelta) -> None:
        self._lake = lake
        self._least_age = least_age

    def run(self, folders: Sequence[Folder]) -> Iterator[FolderCleaned]:
        """Yield each folder that had orphaned files or could not be checked.

        Interrupted publications and removals are finished first.
        """
        problems = dict(zip(folders, _at_once(self._finish, folders), strict=True))
        for folder in folders:
            if problems[folder]:
                yield FolderCleaned(folder, problem=problems[folder])
        for found in find_orphans(self._lake, [each for each in folders if not problems[each]]):
            if found.problem:
                yield FolderCleaned(found.folder, left=found.orphans, problem=found.problem)
            else:
                yield self._remove(found.folder, found.orphans)

    def _finish(self, folder: Folder) -> str:
        """Finish what was interrupted; returns why the record is unusable, or an empty text."""
        try:
            finish_interrupted(self._lake, folder.name)
        except (FolderError, StoreError) as error:
            return _told(folder, error)
        return ""

    def _remove(self, folder: Folder, listed: Sequence[OrphanedFile]) -> FolderCleaned:
        try:
            base = finish_interrupted(self._lake, folder.name)
            if base.record is None:
                return FolderCleaned(folder, left=tuple(listed), problem=_NO_RECORD)
            kept, removed = self._judge(base.record, listed)
            if removed:
                remove_unnamed(self._lake, base, [each.path for each in removed])
        except (FolderError, StoreError) as error:
            return FolderCleaned(folder, left=self._left(listed), problem=_told(folder, error))
        why = " ".join(dict.fromkeys(kept.values()))
        return FolderCleaned(folder, tuple(removed), tuple(kept), why)

    def _left(self, listed: Sequence[OrphanedFile]) -> tuple[OrphanedFile, ...]:
        """Return the files still there after a failed removal; all of them if that is unknown."""
        with suppress(StoreError):
            there = self._listed_again(listed)
            return tuple(each for each in listed if each.path in there)
        return tuple(listed)

    def _judge(
        self, record: PublicationRecord, listed: Sequence[OrphanedFile]
    ) -> tuple[dict[OrphanedFile, str], list[OrphanedFile]]:
        """Return the files that stay, with reasons, and those to remove; some may be gone."""
        named = {file.path for file in record.all_files}
        there = self._listed_again(listed)
        kept: dict[OrphanedFile, str] = {}
        removed = []
        for each in listed:
            if each.path in named or each.path not in there:
                continue
            why = self._why_kept(record, each, there[each.path])
            if why:
                kept[each] = why
            else:
                removed.append(each)
        return kept, removed

    def _why_kept(self, record: PublicationRecord, listed: OrphanedFile, now: OrphanedFile) -> str:
        if not record.may_name(listed.path):
            return "The folder's record cannot name such a file: remove it by hand."
        if listed != now:
            return "A file changed after it was listed: run it again."
        if now.is_younger(self._least_age, datetime.now(UTC)):
            return "A file is younger than the least age: run it again later."
        return ""

    def _listed_again(self, listed: Sequence[OrphanedFile]) -> dict[str, OrphanedFile]:
        prefixes = sorted({each.path.rpartition("/")[0] + "/" for each in listed})
        again = (entry for prefix in prefixes for entry in self._lake.list(prefix))
        return {entry.key: orphaned(entry) for entry in again}


def _told(folder: Folder, error: FolderError | StoreError) -> str:
    """Return the reason as a sentence without the folder's name, which is shown beside it."""
    if isinstance(error, StoreError):
        return f"{error.reason}."
    return str(error).removeprefix(f"{folder}: ")
