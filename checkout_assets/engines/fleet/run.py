"""One run: attach or launch, follow, try again what is worth it, and leave nothing running.

Every decision of a run is made here, by rules that no service changes; what a service says is a
backend's to know.
"""

import logging
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic

from checkout_assets.domain.counting import counted
from checkout_assets.domain.failures import LOST, TRIED_AGAIN, Cause, Diagnosis
from checkout_assets.domain.folders import Folder
from checkout_assets.domain.log_tail import log_tail
from checkout_assets.engines.aws_requests import AwsRequestError
from checkout_assets.engines.clock import Clock
from checkout_assets.engines.fleet.backend import Backend, Ended, Host, Look, R
from checkout_assets.engines.fleet.hosts import Hosts
from checkout_assets.engines.fleet.pace import Pace
from spark_jobs.refusals import meaning_of
from spark_jobs.stores import StoreError

_JITTER = 0.15
_SECONDS_BETWEEN_WORDS = 300.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Unit:
    """A folder that is not done.

    ``number`` is that of the attempt that counts, and no other attempt of any process has it;
    ``attempts`` this run has begun; ``failures`` the folder itself has caused.
    """

    number: int = 1
    attempts: int = 1
    failures: int = 0

    def begin_again(self) -> None:
        """From now on another attempt counts."""
        self.number += 1
        self.attempts += 1


class FleetRun(Generic[R]):
    """The folders of one run id, from launch to termination."""

    def __init__(
        self,
        backend: Backend[R],
        folders: Sequence[Folder],
        pace: Pace,
        clock: Clock,
        tell: Callable[[str], None] = _log.info,
    ) -> None:
        self._backend = backend
        self._left = {folder: Unit() for folder in folders}
        self._pace = pace
        self._clock = clock
        self._tell = tell
        self._hosts = Hosts(backend, pace, clock)
        self._host: Host[R] | None = None
        self._silent = 0
        self._sign: object = None
        self._quiet = self._untold = 0.0

    def results(self) -> Iterator[R]:
        """See FolderEngine; closing it ends the run's hosts."""
        yield from self._done_before()
        if not self._left:
            return
        try:
            self._backend.prepare()
            yield from self._work_through()
        finally:
            self._hosts.release()

    def _done_before(self) -> Iterator[R]:
        earlier = self._backend.earlier()
        latest = {folder: max(earlier.get(folder.name, 0), 1) for folder in self._left}
        for result in self._backend.proven(latest):
            del self._left[result.folder]
            yield result
        for folder, unit in self._left.items():
            unit.number = earlier.get(folder.name, 0) + 1

    def _work_through(self) -> Iterator[R]:
        """Use one host after another, as long as losing one is worth another try."""
        lost: Counter[str] = Counter()
        while self._left:
            end = yield from self._on_a_host(first=not lost)
            if end is None:
                return
            lost[end.code] += 1
            if lost[end.code] > end.retries or lost.total() >= self._pace.most_hosts:
                yield from self._give_up(end)
                return
            self._replace(end)

    def _on_a_host(self, first: bool) -> Generator[R, None, Diagnosis | None]:
        """Work on one host; returns why it ended before its work, or None if all is done."""
        self._host = None
        try:
            # Runs that start together do not ask the service together.
            self._clock.sleep(self._clock.between(0, self._pace.spread_seconds))
            living = self._hosts.find_living() if first else None
            host = self._host = self._begin() if living is None else self._attach(living)
            return (yield from self._follow(host))
        except AwsRequestError as error:
            return replace(error.diagnosis, retries=0)
        except StoreError as error:
            said = meaning_of(error.code, "S3 answers {code}")
            return Diagnosis(
                Cause.PERMANENT, f"{said} at {self._backend.store_word}", 0, error.code
            )

    def _begin(self) -> Host[R]:
        host = self._hosts.launch(self._numbers())
        self._tell(f"Launched {host.title} for {counted(len(self._left), 'folder')}: {host.link}")
        self._pause()
        return host

    def _attach(self, host: Host[R]) -> Host[R]:
        """Go on where another process stopped.

        What failed there has been told of; whoever asks again wants it done again.
        """
        for folder, found in host.found(list(self._left)).items():
            unit = self._left[folder]
            if found.number >= unit.number:
                unit.number = found.number if found.goes_on else found.number + 1
        self._tell(f"Following {host.title}, which this run launched before.")
        return host

    def _follow(self, host: Host[R]) -> Generator[R, None, Diagnosis | None]:
        """Yield each folder when it ends; returns why the host ended early, or None."""
        self._silent = 0
        self._sign, self._quiet, self._untold = None, 0.0, _SECONDS_BETWEEN_WORDS
        while self._left:
            try:
                end = yield from self._look(host)
            except (AwsRequestError, StoreError) as error:
                self._bear(error)
            else:
                self._silent = 0
                if end is not None:
                    return end
            if self._left:
                self._pause()
        return None

    def _bear(self, error: AwsRequestError | StoreError) -> None:
        """Raise what will not pass, or has not for long."""
        self._silent += 1
        refused = isinstance(error, AwsRequestError) and not error.diagnosis.passes
        if refused or self._silent > self._pace.most_silent_polls:
            raise error
        _log.warning("%s; asking again", error.code or error)

    def _look(self, host: Host[R]) -> Generator[R, None, Diagnosis | None]:
        look = host.collect(self._numbers())
        for ended in look.ended:
            result = self._settle(host, ended)
            if result is not None:
                yield result
        if look.over is not None:
            for proven in self._backend.proven(self._numbers()):
                yield self._end(proven)
            return self._ended(host, look, look.over)
        if self._is_lost(look):
            return self._ended(host, look, LOST)
        host.give(self._numbers())
        return None

    def _settle(self, host: Host[R], ended: Ended[R]) -> R | None:
        """The folder's outcome; None if another attempt counts, or is to be made."""
        unit = self._left.get(ended.folder)
        if unit is None or ended.number != unit.number:
            return None
        if ended.result is not None:
            return self._end(ended.result)
        assert ended.why is not None
        unit.failures += 1
        told = ended.said or f"{ended.folder}: {ended.why.reason}."
        if unit.failures <= ended.why.retries:
            self._tell(f"{told} It is tried again.")
            unit.begin_again()
            return None
        where = f"Attempt {unit.attempts}, {ended.where}.{_shown(ended.log or host.log())}"
        error = f"{told} {where} See {host.link}"
        return self._end(self._backend.failed(ended.folder, error, ended.why.failure))

    def _end(self, result: R) -> R:
        unit = self._left.pop(result.folder)
        host = self._host.id if self._host else ""
        return replace(result, attempts=unit.attempts, host=host)

    def _ended(self, host: Host[R], look: Look[R], why: Diagnosis) -> Diagnosis | None:
        """Why the host is done with, which from here on does nothing more."""
        if not self._left:
            return None
        self._hosts.end(host.id, look.gone)
        waits = all(host.given.get(folder) != number for folder, number in self._numbers().items())
        return TRIED_AGAIN if look.finished and waits else why

    def _is_lost(self, look: Look[R]) -> bool:
        """Whether a host that tells how it goes has told nothing new for too long."""
        sign = (look.sign, len(look.ended))
        if sign != self._sign:
            self._sign, self._quiet = sign, 0.0
        if look.progress and (look.urgent or self._untold >= _SECONDS_BETWEEN_WORDS):
            self._untold = 0.0
            self._tell(look.progress)
        return self._quiet > self._pace.silence_seconds

    def _replace(self, end: Diagnosis) -> None:
        word = self._backend.host_word
        self._tell(
            f"{end.reason}; another {word} does the {counted(len(self._left), 'folder')} left."
        )
        if end.elsewhere:
            self._hosts.go_elsewhere()
        given = self._host.given if self._host else {}
        for folder, unit in self._left.items():
            if given.get(folder) == unit.number:
                unit.begin_again()

    def _give_up(self, end: Diagnosis) -> Iterator[R]:
        """Every folder left fails for the same reason."""
        where, host = "", self._host
        if host is not None:
            word = self._backend.host_word.capitalize()
            where = f" {word} {host.id}.{_shown(host.log())} See {host.link}"
        for folder in list(self._left):
            error = f"{folder}: not {self._backend.done_word}, because {end.reason}.{where}"
            yield self._end(self._backend.failed(folder, error, end.failure))

    def _numbers(self) -> dict[Folder, int]:
        return {folder: unit.number for folder, unit in self._left.items()}

    def _pause(self) -> None:
        seconds = self._pace.poll_seconds
        chosen = self._clock.between(seconds * (1 - _JITTER), seconds * (1 + _JITTER))
        self._clock.sleep(chosen)
        self._quiet += chosen
        self._untold += chosen


def _shown(log: str) -> str:
    tail = " | ".join(log_tail(log))
    return f" Its log ends: {tail}" if tail else ""
