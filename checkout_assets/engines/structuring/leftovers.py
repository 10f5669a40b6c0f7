"""A structured folder with orphaned files is not complete: readers may see rows twice."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from checkout_assets.domain.counting import in_number
from checkout_assets.domain.folders import Folder
from checkout_assets.engines.locations import Location
from checkout_assets.engines.reconciling.lake_side import LakeInventory
from checkout_assets.engines.seam import FolderEngine
from spark_jobs.contract.failures import Failure
from spark_jobs.contract.record_format import RecordError
from spark_jobs.stores import StoreError

if TYPE_CHECKING:
    from checkout_assets.engines.structuring.spark_engine import StructuredFolder

ORPHANS_LEFT = Failure("FilesOrphaned")


class LeftoverWatch:
    """A FolderEngine that wraps another one and checks for orphaned files afterwards.

    The tables are listed once per run, when its first folder is published. A folder with orphaned
    files fails: its rows are published and stay published, and its sentence says what to do.
    """

    def __init__(self, engine: "FolderEngine[StructuredFolder]", lake: Location) -> None:
        self._engine = engine
        self._lake = lake

    def run(
        self, folders: Sequence[Folder], run_id: str
    ) -> "Generator[StructuredFolder, None, None]":
        results = self._engine.run(folders, run_id)
        try:
            yield from self._judged(results, folders)
        finally:
            close = getattr(results, "close", None)  # a plain iterator cannot be closed
            if close is not None:
                close()

    def _judged(
        self, results: "Iterator[StructuredFolder]", folders: Sequence[Folder]
    ) -> "Iterator[StructuredFolder]":
        inventory: LakeInventory | None = None
        for result in results:
            if not result.ok:
                yield result
                continue
            try:
                inventory = inventory or LakeInventory(self._lake.open(), folders)
                yield _judged(result, inventory)
            except (RecordError, StoreError) as error:
                yield _unknown(result, error)


def _judged(result: "StructuredFolder", inventory: LakeInventory) -> "StructuredFolder":
    orphans = inventory.compare(result.folder, deep=False).orphans
    if not orphans:
        return result
    told = in_number(
        len(orphans),
        "# file[|s] of it [lies|lie] in the lake that no record names: readers may see rows twice.",
    )
    return replace(
        result,
        error=f"{result.folder}: its rows are published, but {told} "
        f"See docs/runbook.md#files_orphaned.",
        failure=ORPHANS_LEFT,
    )


def _unknown(result: "StructuredFolder", error: RecordError | StoreError) -> "StructuredFolder":
    why = error.reason if isinstance(error, StoreError) else str(error)
    transient = isinstance(error, StoreError) and error.transient
    return replace(
        result,
        error=f"{result.folder}: its rows are published, but whether orphaned files are left is "
        f"not known: {why}.",
        failure=Failure("LakeNotListed", transient),
    )
