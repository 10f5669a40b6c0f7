"""The product's definitions with engines that do nothing, for Dagster's own processes to load."""

from collections.abc import Iterator, Sequence
from typing import Any

from dagster_aws.s3 import S3Resource

from checkout_assets.definitions import build_defs
from checkout_assets.domain.copying import CopyFacts
from checkout_assets.domain.folders import Folder
from checkout_assets.domain.reconciliation import FolderReconciled
from checkout_assets.engines.copying.result import FolderCopied
from checkout_assets.engines.structuring.spark_engine import StructuredFolder
from checkout_assets.resources.engines import (
    CopyEngineResource,
    ReconcilerResource,
    StructureEngineResource,
)
from checkout_assets.resources.stores import Stores
from checkout_assets.settings import Settings
from checkout_assets_tests.dagster.engines import OddEngine
from spark_jobs.contract.totals import StructureTotals


def copied(folder: Folder, _: str) -> FolderCopied:
    """A folder of two documents, copied, of which no check warns."""
    facts = CopyFacts(listed=2, by_status={"copied": 2}, by_kind={"document": 2}, total_bytes=300)
    return FolderCopied(folder, facts)


def structured(folder: Folder, _: str) -> StructuredFolder:
    """The same folder, structured."""
    return StructuredFolder(folder, "run", StructureTotals(documents=2, rows=2), 1)


class IdleCopyResource(CopyEngineResource):
    """Reports each folder as copied after ``pause`` seconds."""

    pause: float = 0.0

    def engine(self) -> Any:
        """An engine that ends every folder well."""
        return OddEngine(copied, pause=self.pause)


class IdleStructureResource(StructureEngineResource):
    """Reports each folder as structured after ``pause`` seconds."""

    pause: float = 0.0

    def engine(self) -> Any:
        """An engine that ends every folder well."""
        return OddEngine(structured, pause=self.pause)


class IdleReconciler:
    """Finds every folder complete."""

    ended = ""
    with_source = True

    def run(self, folders: Sequence[Folder], _: str) -> Iterator[FolderReconciled]:
        """Every folder, without a difference."""
        return map(FolderReconciled, folders)

    def unexpected(self) -> tuple[str, ...]:
        """No other folder is in the source or in raw."""
        return ()


class IdleReconcilerResource(ReconcilerResource):
    """Compares nothing; what it finds is stored as always."""

    def engine(self) -> Any:
        """The reconciler that compares nothing."""
        return IdleReconciler()

    def compare_tables(self, _: Sequence[FolderReconciled]) -> list[Any]:
        """No table is compared."""
        return []


_SETTINGS = Settings()

defs = build_defs(
    _SETTINGS,
    {
        "copy_engine": IdleCopyResource(),
        "structure_engine": IdleStructureResource(),
        "reconciler": IdleReconcilerResource(
            stores=Stores(raw_uri=_SETTINGS.raw_uri, lake_uri=_SETTINGS.lake_uri, s3=S3Resource())
        ),
    },
)
