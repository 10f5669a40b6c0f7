"""What a run needs of a service that lends machines: a few calls, and what they tell.

A host is a cluster or an instance; a unit of work is a folder, which a host does as a step or as
one of its worker's folders. A backend knows its service and decides nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from checkout_assets.domain.failures import Diagnosis
from checkout_assets.domain.folders import Folder
from checkout_assets.engines.seam import FolderOutcome
from spark_jobs.contract.failures import Failure

R = TypeVar("R", bound=FolderOutcome)
Numbers = Mapping[Folder, int]
"""By folder, the number of the attempt that is meant: it names what the attempt leaves behind."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A host that is not gone: ``alive`` if it works or begins to, else it is ending.

    ``group`` is the number of the group of folders that it was launched for.
    """

    id: str
    alive: bool
    group: int = 1


@dataclass(frozen=True, slots=True)
class Found:
    """What another process left a host to do with a folder: ``goes_on`` unless it has failed."""

    number: int
    goes_on: bool


@dataclass(frozen=True, slots=True)
class Ended(Generic[R]):
    """An attempt that ended: with what is proven, or else with ``why``.

    ``said`` is the folder's own sentence, if it left one; ``where`` is what did it, for people;
    ``log`` is the end of that one's log, if it has one of its own.
    """

    folder: Folder
    number: int
    where: str
    result: R | None = None
    why: Diagnosis | None = None
    said: str = ""
    log: str = ""


@dataclass(frozen=True, slots=True)
class Look(Generic[R]):
    """One look at a host.

    ``over`` is why it does no more work; ``gone`` says that nothing of it runs any more, and
    ``finished`` that it ended by itself, with all it could do. A host that tells how it goes shows
    another ``sign`` as long as it goes on, and says so in ``progress``; ``urgent`` if people should
    read that at once.
    """

    ended: Sequence[Ended[R]] = ()
    over: Diagnosis | None = None
    gone: bool = False
    finished: bool = False
    sign: object = None
    progress: str = ""
    urgent: bool = False


class Host(Protocol[R]):
    """One machine or cluster of a run."""

    id: str
    """Empty until it is launched."""
    takes_more: bool
    """Whether it can be given more than it was launched with."""

    @property
    def given(self) -> Numbers:
        """The attempts that it was given to do."""

    @property
    def title(self) -> str:
        """What people call it."""

    @property
    def link(self) -> str:
        """Where people see it."""

    def launch(self, choice: int) -> None:
        """Launch it with its first work; ``choice`` counts up where there was no capacity.

        Raises AwsRequestError. Called again it asks for the same host again.
        """

    def found(self, folders: Sequence[Folder]) -> Mapping[Folder, Found]:
        """What it was given by another process, of these."""

    def give(self, numbers: Numbers) -> None:
        """Add the attempts that it was not given and can take; some hosts take no more."""

    def collect(self, numbers: Numbers) -> Look[R]:
        """What became of these attempts; raises AwsRequestError or StoreError."""

    def log(self) -> str:
        """The end of its own log; empty if there is none, or not yet."""


class Backend(Protocol[R]):
    """One run at one service."""

    host_word: str
    """``instance`` or ``cluster``."""
    done_word: str
    """What becomes of a folder: ``copied``."""
    store_word: str
    """Where hosts and this run meet."""
    choices: int
    """Subnets and types to choose from."""
    repeats_safely: bool
    """Whether a launch that is asked for again never gives a second host."""
    folders_per_host: int
    """How many folders a host is given; a run of more uses several side by side."""

    def prepare(self) -> None:
        """Settle what all hosts of the run share."""

    def earlier(self) -> Mapping[str, int]:
        """By folder name, the highest number of an attempt that has left something."""

    def proven(self, numbers: Numbers) -> Sequence[R]:
        """The folders that records prove done by this run, whatever a host says."""

    def failed(self, folder: Folder, error: str, failure: Failure) -> R:
        """The outcome of a folder that is not done."""

    def find(self) -> Sequence[Standing]:
        """This run's hosts that are not gone, the latest first."""

    def new(self, numbers: Numbers, group: int) -> Host[R]:
        """A host to be launched for these attempts, which are of that group of the run."""

    def attach(self, host: str) -> Host[R]:
        """A host that was found."""

    def is_gone(self, host: str) -> bool:
        """Whether nothing of it runs any more."""

    def terminate(self, host: str) -> None:
        """Begin to end it, or what this run does on one that is somebody else's."""
