"""What a run needs from a service that provides machines: a few calls and their results.

A host is a cluster or an instance. A unit is a folder or a month of a table, which a host does as a
step or as one of its worker's folders. A backend knows its service and makes no decisions.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from checkout_assets.domain.failures import Diagnosis
from checkout_assets.engines.seam import Unit, UnitOutcome
from spark_jobs.contract.failures import Failure

U = TypeVar("U", bound=Unit)
R = TypeVar("R", bound=UnitOutcome)
Numbers = Mapping[U, int]
"""Attempt numbers by unit; the number is part of the name of what the attempt writes."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A host that is not gone: ``alive`` if it works or is starting, otherwise it is ending.

    ``group`` is the number of the group of units that it was launched for.
    """

    id: str
    alive: bool
    group: int = 1


@dataclass(frozen=True, slots=True)
class Found:
    """Work that another process gave a host for a unit; ``goes_on`` unless it has failed."""

    number: int
    goes_on: bool


@dataclass(frozen=True, slots=True)
class Ended(Generic[U, R]):
    """An attempt that ended: with a proven result, or with ``why`` it failed.

    ``said`` is the unit's own sentence, if it left one. ``where`` is the display name of what
    worked on it. ``log`` is the end of that one's log, if it has its own.
    """

    unit: U
    number: int
    where: str
    result: R | None = None
    why: Diagnosis | None = None
    said: str = ""
    log: str = ""


@dataclass(frozen=True, slots=True)
class Look(Generic[U, R]):
    """The state of a host at one poll.

    ``over`` is why the host does no more work. ``gone`` says that nothing of it is running any
    more, and ``finished`` that it ended by itself and did all it could. A host that reports
    progress changes its ``sign`` while it is working and describes it in ``progress``; ``urgent``
    says that the description should be shown at once.
    """

    ended: Sequence[Ended[U, R]] = ()
    over: Diagnosis | None = None
    gone: bool = False
    finished: bool = False
    sign: object = None
    progress: str = ""
    urgent: bool = False


class Host(Protocol[U, R]):
    """One machine or cluster of a run."""

    id: str
    """The host's id; empty until it is launched."""
    takes_more: bool
    """Whether it accepts more work than it was launched with."""

    @property
    def given(self) -> Numbers[U]:
        """The attempts that it was given."""

    @property
    def title(self) -> str:
        """The display name of the host."""

    @property
    def link(self) -> str:
        """The URL of the host's page."""

    def launch(self, choice: int) -> None:
        """Launch it with its first work; ``choice`` is incremented after each lack of capacity.

        Raises AwsRequestError. A repeated call asks for the same host again.
        """

    def found(self, units: Sequence[U]) -> Mapping[U, Found]:
        """Return the work that another process gave it, for these units."""

    def give(self, numbers: Numbers[U]) -> None:
        """Give it the attempts that it was not given yet; some hosts accept no more."""

    def collect(self, numbers: Numbers[U]) -> Look[U, R]:
        """Return the state of these attempts; raises AwsRequestError or StoreError."""

    def log(self) -> str:
        """Return the end of its own log; empty if there is none, or not yet."""


class Backend(Protocol[U, R]):
    """One run on one service."""

    host_word: str
    """``instance`` or ``cluster``."""
    unit_word: str
    """``folder`` or ``month``."""
    done_word: str
    """What is done to a unit: ``copied``."""
    store_word: str
    """Where hosts and this run exchange records."""
    choices: int
    """Subnets and types to choose from."""
    repeats_safely: bool
    """Whether repeating a launch request never launches a second host."""
    units_per_host: int
    """How many units a host is given; a run with more units uses several hosts in parallel."""

    def prepare(self) -> None:
        """Prepare what all hosts of the run share."""

    def earlier(self) -> Mapping[str, int]:
        """Return, by unit name, the highest number of an attempt that has written something."""

    def proven(self, numbers: Numbers[U]) -> Sequence[R]:
        """Return the units that records prove done by this run, independently of any host."""

    def failed(self, unit: U, error: str, failure: Failure) -> R:
        """Build the outcome of a unit that is not done."""

    def find(self) -> Sequence[Standing]:
        """Return this run's hosts that are not gone, the latest first."""

    def refusal(self, hosts: int, tell: Callable[[str], None]) -> Diagnosis | None:
        """Return why not a single host can be launched; asked once, before the first launch.

        ``hosts`` is the number of the run's hosts, those that live already among them. ``tell`` is
        told if that many cannot be, or if that is not known.
        """

    def new(self, numbers: Numbers[U], group: int) -> Host[U, R]:
        """Return a host to launch for these attempts; ``group`` is the number of their group."""

    def attach(self, host: str) -> Host[U, R]:
        """Return a host that was found."""

    def is_gone(self, host: str) -> bool:
        """Whether nothing of the host is running any more."""

    def terminate(self, host: str) -> None:
        """Start to terminate it; on a host that this run does not own, only this run's work."""
