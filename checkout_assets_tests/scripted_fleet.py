"""Doubles for a run: a scripted service, and a clock that only waiting moves."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from checkout_assets.domain.failures import Cause, Diagnosis, diagnose_request
from checkout_assets.domain.folders import Folder, select_folders
from checkout_assets.engines.aws_requests import AwsRequestError
from checkout_assets.engines.fleet.backend import Ended, Found, Look, Numbers, Standing
from checkout_assets.engines.fleet.pace import Pace
from checkout_assets.engines.fleet.run import FleetRun
from checkout_assets.engines.seam import FolderOutcome
from spark_jobs.contract.failures import Failure

FOLDERS = select_folders(["00_CheckoutOrder..02_CheckoutOrder"])
FIRST, SECOND, THIRD = FOLDERS
PACE = Pace(
    poll_seconds=100,
    spread_seconds=60,
    most_hosts=4,
    most_silent_polls=3,
    first_wait_seconds=8,
    ending_poll_seconds=10,
    silence_seconds=1000,
)
THROTTLED = AwsRequestError(diagnose_request("ThrottlingException"), in_doubt=False)
NO_ANSWER = AwsRequestError(diagnose_request("InternalServerException"), in_doubt=True)
DENIED = AwsRequestError(diagnose_request("AccessDeniedException"), in_doubt=False)
NO_CAPACITY = AwsRequestError(diagnose_request("InsufficientInstanceCapacity"), in_doubt=False)
BROKEN = Diagnosis(Cause.TRANSIENT, "it broke", 2, "Broke")
SPOT = Diagnosis(Cause.TRANSIENT, "it was taken back", 99, "Spot", elsewhere=True)
ENDS = Diagnosis(Cause.PERMANENT, "it must not be", code="Never")
PASSES = Diagnosis(Cause.TRANSIENT, "it may pass", 1, "Passing")

FakeLook = Look[Folder, FolderOutcome]
Script = Callable[["FakeHost", Numbers[Folder]], FakeLook]


class FakeClock:
    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def between(self, least: float, most: float) -> float:
        return (least + most) / 2


def done(host: "FakeHost", numbers: Numbers[Folder]) -> FakeLook:
    """All units that it was given have succeeded."""
    given = [folder for folder, number in numbers.items() if host.given.get(folder) == number]
    return Look([ended_well(folder, numbers[folder]) for folder in given])


def nothing(host: "FakeHost", numbers: Numbers[Folder]) -> FakeLook:
    return Look()


def over(why: Diagnosis, *, gone: bool = True, finished: bool = False) -> Script:
    return lambda _host, _numbers: Look(over=why, gone=gone, finished=finished)


def fails(folder: Folder, why: Diagnosis, said: str = "") -> Script:
    def look(_host: FakeHost, numbers: Numbers[Folder]) -> FakeLook:
        return Look([Ended(folder, numbers[folder], "step s-1", why=why, said=said)])

    return look


def raises(error: Exception) -> Script:
    def look(_host: FakeHost, _numbers: Numbers[Folder]) -> FakeLook:
        raise error

    return look


def ended_well(folder: Folder, number: int) -> Ended[Folder, FolderOutcome]:
    return Ended(folder, number, "it", FolderOutcome(folder))


@dataclass
class FakeHost:
    backend: "FakeBackend"
    given: dict[Folder, int]
    takes_more: bool = True
    id: str = ""
    title: str = "it"
    link: str = "https://it"
    held: Mapping[Folder, Found] = field(default_factory=dict)

    def launch(self, choice: int) -> None:
        self.backend.launches.append((choice, dict(self.given)))
        answer = self.backend.answers.pop(0) if self.backend.answers else None
        if answer is not None:
            raise answer
        self.id = f"h{len(self.backend.launches)}"

    def found(self, folders: Sequence[Folder]) -> Mapping[Folder, Found]:
        held = {folder: each for folder, each in self.held.items() if folder in folders}
        self.given |= {folder: each.number for folder, each in held.items()}
        return held

    def give(self, numbers: Numbers[Folder]) -> None:
        if self.takes_more:
            self.given |= numbers

    def collect(self, numbers: Numbers[Folder]) -> FakeLook:
        self.backend.looks += 1
        self.backend.seen.append((self.id, dict(numbers)))
        script = self.backend.scripts.get(self.id) or self.backend.script
        return (script.pop(0) if script else done)(self, numbers)

    def log(self) -> str:
        return "the end"


@dataclass
class FakeBackend:
    """``answers`` to launches and ``script`` of looks, each used once; then all succeeds.

    ``scripts`` are those of the looks at one host, by its id; ``held`` is what an earlier process
    left any host to do, ``held_by`` what it left one.
    """

    answers: list[AwsRequestError | None] = field(default_factory=list)
    script: list[Script] = field(default_factory=list)
    standing: list[Standing] = field(default_factory=list)
    records: set[Folder] = field(default_factory=set)
    before: dict[str, int] = field(default_factory=dict)
    held: dict[Folder, Found] = field(default_factory=dict)
    held_by: dict[str, dict[Folder, Found]] = field(default_factory=dict)
    scripts: dict[str, list[Script]] = field(default_factory=dict)
    units_per_host: int = 512
    repeats_safely: bool = True
    grows: bool = True
    choices: int = 1
    host_word: str = "host"
    unit_word: str = "folder"
    done_word: str = "done"
    store_word: str = "the place"
    refuses: Diagnosis | None = None
    wanted_hosts: list[int] = field(default_factory=list)
    looks: int = 0
    finds: int = 0
    prepared: int = 0
    launches: list[tuple[int, dict[Folder, int]]] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)
    seen: list[tuple[str, Numbers[Folder]]] = field(default_factory=list)
    terminated: list[str] = field(default_factory=list)

    def prepare(self) -> None:
        assert not self.launches, "a host may already use what is settled here"
        self.prepared += 1

    def earlier(self) -> Mapping[str, int]:
        return self.before

    def proven(self, numbers: Numbers[Folder]) -> Sequence[FolderOutcome]:
        return [FolderOutcome(folder) for folder in numbers if folder in self.records]

    def failed(self, folder: Folder, error: str, failure: Failure) -> FolderOutcome:
        return FolderOutcome(folder, error=error, failure=failure)

    def find(self) -> Sequence[Standing]:
        self.finds += 1
        return self.standing

    def refusal(self, hosts: int, tell: Callable[[str], None]) -> Diagnosis | None:
        assert not self.launches, "asked before the first launch"
        self.wanted_hosts.append(hosts)
        if self.refuses is not None:
            tell(self.refuses.reason)
        return self.refuses

    def new(self, numbers: Numbers[Folder], group: int) -> FakeHost:
        self.groups.append(group)
        return FakeHost(self, dict(numbers), self.grows)

    def attach(self, host: str) -> FakeHost:
        return FakeHost(self, {}, self.grows, host, held=self.held_by.get(host, self.held))

    def is_gone(self, host: str) -> bool:
        return host in self.terminated

    def terminate(self, host: str) -> None:
        self.terminated.append(host)


def started(backend: FakeBackend, clock: FakeClock | None = None) -> Iterator[FolderOutcome]:
    return FleetRun(backend, FOLDERS, PACE, clock or FakeClock()).results()


def run(
    backend: FakeBackend, clock: FakeClock | None = None, **pace: float
) -> dict[Folder, FolderOutcome]:
    chosen = Pace(**{**{name: getattr(PACE, name) for name in PACE.__slots__}, **pace})
    fleet = FleetRun(backend, FOLDERS, chosen, clock or FakeClock(), logging.getLogger().info)
    return {each.folder: each for each in fleet.results()}


def all_done(told: dict[Folder, FolderOutcome]) -> bool:
    return sorted(told) == list(FOLDERS) and all(each.ok for each in told.values())
