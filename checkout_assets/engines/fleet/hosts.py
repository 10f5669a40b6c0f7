"""Launch and end the hosts of a group: never two instead of one, and none left running."""

import logging
from collections.abc import Callable, Iterable
from typing import Generic

from checkout_assets.domain.failures import Cause
from checkout_assets.engines.aws_requests import AwsRequestError
from checkout_assets.engines.clock import Clock
from checkout_assets.engines.fleet.backend import Backend, Host, Numbers, R, Standing, U
from checkout_assets.engines.fleet.pace import Pace
from checkout_assets.engines.fleet.turns import Wait, Waiting

_MOST_TRIES = 8
_LONGEST_WAIT = 120.0
"""Seconds between two attempts to launch."""
_MOST_ROUNDS = 3
_ROUND_WAIT = 120.0
"""Seconds until all choices are tried again."""
_MOST_ENDING_POLLS = 40

_log = logging.getLogger(__name__)


class Hosts(Generic[U, R]):
    """The hosts of one group of a run's units that the run knows of."""

    def __init__(self, backend: Backend[U, R], pace: Pace, clock: Clock, group: int) -> None:
        self._backend = backend
        self._pace = pace
        self._clock = clock
        self._group = group
        self._choice = 0
        self._in_doubt = False
        self._known: set[str] = set()

    def attach(self, host: str) -> Host[U, R]:
        """Return a host that another process launched; from now on it is ended with the others."""
        self._known.add(host)
        return self._backend.attach(host)

    def launch(self, numbers: Numbers[U]) -> Waiting[Host[U, R]]:
        """Launch a host with any choice that has capacity, and return it.

        Raises AwsRequestError if the service refuses it, has no capacity anywhere, or never
        answers.
        """
        host = self._backend.new(numbers, self._group)
        for left in reversed(range(_MOST_ROUNDS * self._backend.choices)):
            try:
                yield from self._launch_there(host)
            except AwsRequestError as error:
                if error.diagnosis.cause is not Cause.CAPACITY or not left:
                    raise
                _log.warning("%s; asking elsewhere", error)
                self.go_elsewhere()
                if left % self._backend.choices == 0:
                    yield Wait(self._clock.between(_ROUND_WAIT / 2, _ROUND_WAIT))
            else:
                return host
        raise AssertionError("the last round raises")

    def go_elsewhere(self) -> None:
        """Use another type or subnet for the next launch, if there are several."""
        self._choice += 1

    def end(self, host: str, gone: bool) -> Waiting[None]:
        """End this host and wait until nothing of it is running.

        Raises AwsRequestError if the service refuses, or does not answer.
        """
        if not gone:
            self._backend.terminate(host)
            yield from self.wait_until_gone([host])
        self._known.discard(host)

    def wait_until_gone(self, hosts: Iterable[str]) -> Waiting[None]:
        """Wait, without a limit, for hosts that are ending: they may still write."""
        for host in hosts:
            for _ in range(_MOST_ENDING_POLLS):
                if self._backend.is_gone(host):
                    break
                yield Wait(self._pace.ending_poll_seconds)

    def release(self) -> None:
        """End all hosts of the group, including one whose launch was never answered.

        Errors are logged and not raised: the sensor for orphans and the host's own limits remain.
        """
        if self._in_doubt:
            self._attempt(self._look_again)
        for host in sorted(self._known):
            self._attempt(lambda host=host: self._terminate(host))  # type: ignore[misc]

    def _launch_there(self, host: Host[U, R]) -> Waiting[None]:
        wait = self._pace.first_wait_seconds
        for left in reversed(range(_MOST_TRIES)):
            try:
                self._ask(host)
            except AwsRequestError as error:
                if error.diagnosis.cause is not Cause.TRANSIENT or not left:
                    raise
                yield Wait(self._clock.between(wait / 2, wait))
                wait = min(wait * 2, _LONGEST_WAIT)
                if error.in_doubt and (yield from self._was_launched(host)):
                    return
            else:
                return
        raise AssertionError("the last try raises")

    def _ask(self, host: Host[U, R]) -> None:
        """Launch it, and remember if the launch may have succeeded without a response."""
        before, self._in_doubt = self._in_doubt, True
        try:
            host.launch(self._choice)
        except AwsRequestError as error:
            self._in_doubt = before or error.in_doubt
            raise
        self._in_doubt = before
        self._known.add(host.id)

    def _was_launched(self, host: Host[U, R]) -> Waiting[bool]:
        """Whether the host exists although its launch request got no response."""
        if self._backend.repeats_safely:
            return False
        for _ in range(_MOST_ENDING_POLLS):
            found = self._found()
            living = [each.id for each in found if each.alive]
            self._known.update(living)
            if living or not found:
                host.id = living[0] if living else ""
                return bool(living)
            yield Wait(self._pace.ending_poll_seconds)
        return False

    def _found(self) -> list[Standing]:
        """Return the group's hosts that are not gone, whichever process launched them."""
        return [each for each in self._backend.find() if each.group == self._group]

    def _look_again(self) -> None:
        self._known.update(each.id for each in self._found() if each.alive)
        self._in_doubt = False

    def _terminate(self, host: str) -> None:
        self._backend.terminate(host)
        self._known.discard(host)

    def _attempt(self, action: Callable[[], None]) -> None:
        try:
            action()
        except AwsRequestError as error:
            _log.error("a host of this run may still run: %s", error)
