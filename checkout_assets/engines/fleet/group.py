"""One group of a run's units: it uses one host after another until each unit has ended.

What a group does is decided here, by the same rules for every service. A backend only reports what
its service says.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Generic

from checkout_assets.domain.counting import counted
from checkout_assets.domain.failures import LOST, TRIED_AGAIN, Cause, Diagnosis
from checkout_assets.domain.log_tail import log_tail
from checkout_assets.engines.aws_requests import AwsRequestError
from checkout_assets.engines.clock import Clock
from checkout_assets.engines.fleet.backend import Backend, Ended, Host, Look, R, U
from checkout_assets.engines.fleet.hosts import Hosts
from checkout_assets.engines.fleet.pace import Pace
from checkout_assets.engines.fleet.turns import Course, Wait, Waiting
from spark_jobs.refusals import meaning_of
from spark_jobs.stores import StoreError

_JITTER = 0.15
_SECONDS_BETWEEN_WORDS = 300.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class UnitState:
    """How far a unit is that is not done.

    ``number`` is that of the current attempt; no other attempt of any process has the same number.
    ``attempts`` counts those that this run began, ``failures`` those that the unit itself caused.
    """

    number: int = 1
    attempts: int = 1
    failures: int = 0

    def begin_again(self) -> None:
        """Count a new attempt as the current one."""
        self.number += 1
        self.attempts += 1


UnitStates = dict[U, UnitState]


@dataclass(frozen=True, slots=True)
class FleetContext(Generic[U, R]):
    """What all groups of a run have in common."""

    backend: Backend[U, R]
    pace: Pace
    clock: Clock
    tell: Callable[[str], None]


class Group(Generic[U, R]):
    """Some units of a run, on one host at a time.

    ``living`` is a host that another process launched for the group. ``ending`` are hosts that may
    still write: nothing is launched before they are gone.
    """

    def __init__(
        self,
        context: FleetContext[U, R],
        number: int,
        units: UnitStates[U],
        living: str = "",
        ending: Sequence[str] = (),
    ) -> None:
        self._backend, self._pace, self._clock = context.backend, context.pace, context.clock
        self._tell = context.tell
        self._left = units
        self._ending = ending
        self._hosts = Hosts(context.backend, context.pace, context.clock, number)
        self._host = self._hosts.attach(living) if living else None
        self._silent = 0
        self._sign: object = None
        self._quiet = self._untold = 0.0

    @property
    def works(self) -> bool:
        """Whether it has units that are not done."""
        return bool(self._left)

    def claim(self, units: UnitStates[U]) -> None:
        """Take from ``units`` those that its living host was already given.

        A unit that failed there gets a new attempt: the failure was reported, and running the
        unit again asks for a retry.
        """
        assert self._host is not None
        for unit, found in self._host.found(list(units)).items():
            state = self._left[unit] = units.pop(unit)
            if found.number >= state.number:
                state.number = found.number if found.goes_on else found.number + 1

    def fill(self, units: UnitStates[U]) -> None:
        """Take more units, up to the number per host, if its living host accepts more."""
        if self._host is not None and self._host.takes_more:
            room = max(self._backend.units_per_host - len(self._left), 0)
            for unit in list(units)[:room]:
                self._left[unit] = units.pop(unit)

    def course(self) -> Course[R, None]:
        """Yield each unit's result when it ends; afterwards no host of the group is left.

        Uses one host after another, as long as the loss of a host is worth a retry.
        """
        if self._host is not None:
            self._tell(f"Following {self._host.title}, which this run launched before.")
        lost: Counter[str] = Counter()
        while self._left:
            end = yield from self._on_a_host()
            if end is None:
                break
            lost[end.code] += 1
            if lost[end.code] > end.retries or lost.total() >= self._pace.most_hosts:
                yield from self._give_up(end)
                break
            self._replace(end)
            yield Wait(self._clock.between(0, self._pace.spread_seconds))
        self.release()

    def release(self) -> None:
        """End all hosts of the group; hosts that have ended are not polled again."""
        self._hosts.release()

    def _on_a_host(self) -> Course[R, Diagnosis | None]:
        """Work on one host; returns why it ended early, or None if all work is done."""
        try:
            if self._host is None:
                self._host = yield from self._begin()
            return (yield from self._follow(self._host))
        except (AwsRequestError, StoreError) as error:
            return diagnose_error(error, self._backend.store_word)

    def _begin(self) -> Waiting[Host[U, R]]:
        yield from self._hosts.wait_until_gone(self._ending)
        self._ending = ()
        host = yield from self._hosts.launch(self._numbers())
        self._tell(f"Launched {host.title} for {self._unfinished()}: {host.link}")
        yield self._pause()
        return host

    def _follow(self, host: Host[U, R]) -> Course[R, Diagnosis | None]:
        """Yield each unit when it ends; returns why the host ended early, or None."""
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
                yield self._pause()
        return None

    def _bear(self, error: AwsRequestError | StoreError) -> None:
        """Log a transient error; raises it if it is permanent or has lasted for too many polls."""
        self._silent += 1
        refused = isinstance(error, AwsRequestError) and not error.diagnosis.passes
        if refused or self._silent > self._pace.most_silent_polls:
            raise error
        _log.warning("%s; asking again", error.code or error)

    def _look(self, host: Host[U, R]) -> Course[R, Diagnosis | None]:
        look = host.collect(self._numbers())
        for ended in look.ended:
            result = self._settle(host, ended)
            if result is not None:
                yield result
        if look.over is not None:
            for proven in self._backend.proven(self._numbers()):
                yield self._end(proven)
            return (yield from self._ended(host, look, look.over))
        if self._is_lost(look):
            return (yield from self._ended(host, look, LOST))
        host.give(self._numbers())
        return None

    def _settle(self, host: Host[U, R], ended: Ended[U, R]) -> R | None:
        """Return the unit's outcome; None if the attempt is outdated or is to be repeated."""
        state = self._left.get(ended.unit)
        if state is None or ended.number != state.number:
            return None
        if ended.result is not None:
            return self._end(ended.result)
        assert ended.why is not None
        state.failures += 1
        told = ended.said or f"{ended.unit}: {ended.why.reason}."
        if state.failures <= ended.why.retries:
            self._tell(f"{told} It is retried.")
            state.begin_again()
            return None
        where = f"Attempt {state.attempts}, {ended.where}.{_shown(ended.log or host.log())}"
        error = f"{told} {where} See {host.link}"
        return self._end(self._backend.failed(ended.unit, error, ended.why.failure))

    def _end(self, result: R) -> R:
        state = self._left.pop(result.unit)
        host = self._host.id if self._host else ""
        return replace(result, attempts=state.attempts, host=host)

    def _ended(
        self, host: Host[U, R], look: Look[U, R], why: Diagnosis
    ) -> Waiting[Diagnosis | None]:
        """End the host and return why it ended; afterwards it does nothing more."""
        if not self._left:
            return None
        yield from self._hosts.end(host.id, look.gone)
        waits = all(host.given.get(unit) != number for unit, number in self._numbers().items())
        return TRIED_AGAIN if look.finished and waits else why

    def _is_lost(self, look: Look[U, R]) -> bool:
        """Whether a host that reports progress has reported nothing new for too long."""
        sign = (look.sign, len(look.ended))
        if sign != self._sign:
            self._sign, self._quiet = sign, 0.0
        if look.progress and (look.urgent or self._untold >= _SECONDS_BETWEEN_WORDS):
            self._untold = 0.0
            self._tell(look.progress)
        return self._quiet > self._pace.silence_seconds

    def _replace(self, end: Diagnosis) -> None:
        word = self._backend.host_word
        self._tell(f"{end.reason}; another {word} does the unfinished {self._unfinished()}.")
        if end.elsewhere:
            self._hosts.go_elsewhere()
        given = self._host.given if self._host else {}
        for unit, state in self._left.items():
            if given.get(unit) == state.number:
                state.begin_again()
        self._host = None

    def _give_up(self, end: Diagnosis) -> Iterator[R]:
        where, host = "", self._host
        if host is not None:
            word = self._backend.host_word.capitalize()
            where = f" {word} {host.id}.{_shown(host.log())} See {host.link}"
        for given_up in all_failed(self._backend, list(self._left), end, where):
            yield self._end(given_up)

    def _numbers(self) -> dict[U, int]:
        return {unit: state.number for unit, state in self._left.items()}

    def _unfinished(self) -> str:
        return counted(len(self._left), self._backend.unit_word)

    def _pause(self) -> Wait:
        seconds = self._pace.poll_seconds
        chosen = self._clock.between(seconds * (1 - _JITTER), seconds * (1 + _JITTER))
        self._quiet += chosen
        self._untold += chosen
        return Wait(chosen)


def diagnose_error(error: AwsRequestError | StoreError, store_word: str) -> Diagnosis:
    """Explain why no progress is possible: what a service, or ``store_word``'s store, refused."""
    if isinstance(error, AwsRequestError):
        return replace(error.diagnosis, retries=0)
    said = meaning_of(error.code, "S3 answers {code}")
    return Diagnosis(Cause.PERMANENT, f"{said} at {store_word}", 0, error.code)


def all_failed(
    backend: Backend[U, R], units: Sequence[U], end: Diagnosis, where: str = ""
) -> Iterator[R]:
    """Return every unit as failed for the same reason; ``where`` says with which host."""
    for unit in units:
        error = f"{unit}: not {backend.done_word}, because {end.reason}.{where}"
        yield backend.failed(unit, error, end.failure)


def _shown(log: str) -> str:
    tail = " | ".join(log_tail(log))
    return f" Its log ends: {tail}" if tail else ""
