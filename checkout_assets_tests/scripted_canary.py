"""A canary without any service: two scripted fleets, a source and raw in memory, a directory."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from checkout_assets.domain.canary import Link, canary_uri, new_canary_id
from checkout_assets.domain.doctor import CheckResult, CheckState
from checkout_assets.domain.failures import diagnose_request
from checkout_assets.domain.folders import select_folders
from checkout_assets.engines.aws_requests import AwsRequestError
from checkout_assets.engines.canary.chain import Canary, CanaryRun
from checkout_assets.engines.canary.fleets import CanaryFleet
from checkout_assets.engines.canary.places import CanaryPlaces
from checkout_assets.engines.copying.result import FolderCopied
from checkout_assets.engines.seam import FolderOutcome
from checkout_assets.engines.structuring.spark_engine import StructuredFolder
from checkout_assets.engines.worker.reports import FolderReport, WorkerReports, worker_prefix
from spark_jobs.contract.completion import CompletionRecord
from spark_jobs.contract.keys import publication_record_key, quarantine_prefix
from spark_jobs.contract.publication import PUBLISHED, PublicationRecord, PublishedFile
from spark_jobs.contract.totals import StructureTotals
from spark_jobs.stores import StoreError, open_store

NOW = datetime(2026, 11, 28, tzinfo=UTC)
BEGUN = NOW.isoformat()
RUN_ID = new_canary_id(NOW, "0a1b2c3d")
(ONE,) = select_folders(["07_CheckoutOrder"])
ORDINARY, TAGGED, MULTIPART = (f"{ONE}/A/id/{number}" for number in range(1, 4))
ORDER = [each.value for each in Link]
QUARANTINE = f"{quarantine_prefix(ONE.name)}run.0.parquet"
FILE = f"consumable_tables/checkout/YEAR=2018/MONTH=10/DAY=31/{ONE}.run.0.parquet"


def refusal(code: str) -> AwsRequestError:
    return AwsRequestError(diagnose_request(code), in_doubt=False, code=code)


@dataclass
class Objects:
    """Objects by key: their tag and their own tags."""

    found: dict[str, tuple[str, dict[str, str]]]
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    denied: bool = False
    prefix: str = ""

    def pages(self, prefix: str, ahead: int) -> Iterator["Objects"]:
        assert (prefix, ahead) == (f"{ONE}/", 1)
        if self.denied:
            raise StoreError("AccessDenied", prefix)
        yield self

    def entries(self) -> list[tuple[object, ...]]:
        return [(key, 2, etag, NOW, "STANDARD") for key, (etag, _) in self.found.items()]

    def sizes(self, keys: Sequence[str]) -> dict[str, int | None]:
        return {key: 2 if key in self.found else None for key in keys}

    def tags(self, key: str) -> Mapping[str, str]:
        return self.found[key][1]

    def head(self, key: str) -> Mapping[str, str]:
        return self.headers.get(key, {})


def three_objects() -> Objects:
    return Objects({ORDINARY: ("1", {}), TAGGED: ("2", {"a": "b"}), MULTIPART: ("3-1", {})})


@dataclass
class Machine:
    id: str
    alive: bool = True


@dataclass
class ScriptedFleet:
    """A fleet whose engine launches one machine, then does ``work`` and returns its outcome.

    ``unusable`` is what making the engine raises. ``lost`` is what the engine raises after its
    launch, as it does if it is given up. ``find`` raises ``unseen``, and ``end`` what ``unended``
    has for the machine. A machine that is ending is gone after as many looks as ``slow`` says.
    """

    machine: str
    work: Callable[[], FolderOutcome]
    unusable: BaseException | None = None
    lost: BaseException | None = None
    unseen: BaseException | None = None
    unended: dict[str, BaseException] = field(default_factory=dict)
    begins: bool = True
    slow: int = 1
    living: list[Machine] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    launched: int = 0

    def engine(self) -> Any:
        if self.unusable is not None:
            raise self.unusable
        return self

    def run(self, folders: Sequence[object], run_id: str) -> Iterator[FolderOutcome]:
        assert list(folders) == [ONE]
        assert run_id == RUN_ID
        self.launched += 1
        self.living.append(Machine(self.machine))
        if self.lost is not None:
            raise self.lost
        yield replace(self.work(), host=self.machine)

    def find(self) -> list[Machine]:
        if self.unseen is not None:
            raise self.unseen
        for each in list(self.living):
            if not each.alive:
                self.slow -= 1
                if self.slow < 0:
                    self.living.remove(each)
        return list(self.living)

    def end(self, machine: str) -> None:
        if machine in self.unended:
            raise self.unended[machine]
        (found,) = [each for each in self.living if each.id == machine]
        assert found.alive, "what is ending already is not ended again"
        found.alive = False
        self.ended.append(machine)

    def recover(self) -> None:
        """Look again without an error, and after that end machines without one."""
        if self.unseen is None:
            self.unended.clear()
        self.unseen = None

    def began(self, machine: str) -> bool:
        assert machine == self.machine
        return self.begins


class ScriptedCanary:
    """A healthy canary; a test breaks one of its parts, then lets it ``fly``."""

    def __init__(self, directory: Path) -> None:
        self.source, self.raw_objects = three_objects(), three_objects()
        self.identity: Callable[[], str] = lambda: "arn:aws:iam::123456789012:user/me"
        self.raw, self.lake, self.fleet = (
            open_store(str(directory / name)) for name in ("raw", "lake", "fleet")
        )
        self.own_lake = open_store(canary_uri(str(directory / "lake"), RUN_ID))
        self.instances = ScriptedFleet("i-1", self._copies)
        self.clusters = ScriptedFleet("j-1", self._structures)
        self.report = FolderReport(ONE, ok=True)
        self.proven = 3
        self.copied = FolderCopied(ONE)
        self.structured = StructuredFolder(ONE, RUN_ID)
        self.record: PublicationRecord | None = publication(size=4)
        self.quarantined = b"bad"
        self.paused: list[float] = []
        self.on_pause: Callable[[], None] = lambda: None
        self.results: list[CheckResult] = []

    @property
    def fleets(self) -> tuple[ScriptedFleet, ScriptedFleet]:
        return self.instances, self.clusters

    def fly(self, tell: Callable[[CheckResult], None] | None = None) -> None:
        run: Any = CanaryRun(
            RUN_ID,
            ONE,
            source=lambda: self.source,  # type: ignore[arg-type, return-value]
            raw=lambda: self.raw_objects,  # type: ignore[arg-type, return-value]
            lake=self.own_lake,
            places=CanaryPlaces(self.raw, self.lake, self.fleet),
            identity=self.identity,
            copying=_fleet(self.instances),
            structuring=_fleet(self.clusters),
            pause=self._pause,
        )
        Canary(run, tell or self.results.append).fly()

    def in_state(self, state: CheckState) -> dict[str, str]:
        return {each.check: each.reason for each in self.results if each.state is state}

    @property
    def failed(self) -> dict[str, str]:
        return self.in_state(CheckState.FAILED)

    def left(self) -> list[str]:
        """What is below the places of this canary."""
        return [entry.key for store in (self.raw, self.lake, self.fleet) for entry in store.list()]

    def _pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        self.on_pause()

    def _copies(self) -> FolderCopied:
        self.raw.put(f"_canary/{RUN_ID}/a", b"{}")
        reports = WorkerReports(self.fleet, worker_prefix(RUN_ID, "w001"))
        reports.assign([ONE])
        reports.finish_folder(self.report)
        record = CompletionRecord(
            ONE.name, RUN_ID, BEGUN, BEGUN, [], {}, {}, 6, "", listed=self.proven, run_id=RUN_ID
        )
        done = self.copied.ok and self.proven
        return replace(self.copied, record=record if done else None)

    def _structures(self) -> StructuredFolder:
        self.own_lake.put(FILE, b"rows")
        self.own_lake.put(QUARANTINE, self.quarantined)
        if self.record is not None:
            self.own_lake.put(publication_record_key(ONE.name), self.record.to_json())
        return self.structured


def publication(size: int) -> PublicationRecord:
    """The record of a table's file of that size in bytes, which has four, and of quarantine's."""
    totals = StructureTotals(documents=4, rows=3, quarantined={"not_json": 1})
    files = [PublishedFile(FILE, size, 3)]
    bad = [PublishedFile(QUARANTINE, 3, 1)]
    return PublicationRecord(
        ONE.name, RUN_ID, PUBLISHED, "copy", "digest", "1", files, bad, [], totals
    )


def unreadable_record(canary: ScriptedCanary) -> None:
    """A record of the wrong form lies where the published one would."""
    canary.record = None
    canary.own_lake.put(publication_record_key(ONE.name), json.dumps({"folder": 1}).encode())


def _fleet(scripted: ScriptedFleet) -> CanaryFleet[Any]:
    return CanaryFleet(scripted.engine, scripted.find, scripted.end, scripted.began)
