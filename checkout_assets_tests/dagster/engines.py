"""A second engine, deliberately slow, out of order and faulty, to test the engines' protocol."""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from checkout_assets.domain.copying import CopyFacts
from checkout_assets.domain.folders import Folder
from checkout_assets.engines.copying.result import FolderCopied
from checkout_assets.engines.structuring.spark_engine import StructuredFolder
from checkout_assets.resources.engines import CopyEngineResource, StructureEngineResource
from spark_jobs.contract.totals import StructureTotals


@dataclass
class OddEngine:
    """Ends folders in reverse order after a pause; fails, omits a folder or dies as configured."""

    result: Callable[[Folder, str], Any]
    failing: Sequence[str] = ()
    forgotten: Sequence[str] = ()
    dies_at: str = ""
    dies_of: Exception = field(default_factory=lambda: RuntimeError("the engine died"))
    pause: float = 0.005
    asked: list[tuple[list[str], str]] = field(default_factory=list)
    cancelled: list[bool] = field(default_factory=list)

    def run(self, folders: Sequence[Folder], run_id: str) -> Iterator[Any]:
        """Yield the folders' results, and keep what was asked and whether it was cancelled."""
        self.asked.append(([folder.name for folder in folders], run_id))
        ended = False
        try:
            for folder in reversed(folders):
                time.sleep(self.pause)
                if folder.name == self.dies_at:
                    raise self.dies_of
                if folder.name not in self.forgotten:
                    failed = folder.name in self.failing
                    yield self.result(folder, f"{folder}: it is broken." if failed else "")
            ended = True
        finally:
            self.cancelled.append(not ended)


def copied(folder: Folder, error: str) -> FolderCopied:
    """A folder of three objects, one of them nested, copied or not."""
    facts = CopyFacts(
        listed=3, by_status={"copied": 3}, by_kind={"document": 2, "nested": 1}, total_bytes=300
    )
    return FolderCopied(folder, CopyFacts() if error else facts, error=error)


def structured(folder: Folder, error: str) -> StructuredFolder:
    """A folder of two documents, structured or not."""
    totals = StructureTotals(documents=2, rows=2, nested=1)
    return StructuredFolder(folder, "run", StructureTotals() if error else totals, 1, error=error)


_ENGINES: dict[str, OddEngine] = {}
"""Engines by name: Dagster creates resources from their configuration again and again."""


class OddCopyEngine(CopyEngineResource):
    """The odd engine where ``raw_orders`` expects one."""

    name: str

    @classmethod
    def of(cls, **how: Any) -> "OddCopyEngine":
        """Tell it where to fail."""
        return cls(name=_keep(OddEngine(**{"result": copied, **how})))

    def engine(self) -> Any:
        """The engine that was kept under this name."""
        return _ENGINES[self.name]


class OddStructureEngine(StructureEngineResource):
    """The odd engine where ``structured_orders`` expects one."""

    name: str

    @classmethod
    def of(cls, **how: Any) -> "OddStructureEngine":
        """Tell it where to fail."""
        return cls(name=_keep(OddEngine(**{"result": structured, **how})))

    def engine(self) -> Any:
        """The engine that was kept under this name."""
        return _ENGINES[self.name]


def _keep(engine: OddEngine) -> str:
    name = uuid.uuid4().hex
    _ENGINES[name] = engine
    return name
