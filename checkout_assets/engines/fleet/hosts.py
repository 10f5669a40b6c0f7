"""Finding, launching and ending a run's hosts: never two where one was asked for, none left."""

import logging
from collections.abc import Callable
from typing import Generic

from checkout_assets.domain.failures import Cause
from checkout_assets.engines.aws_requests import AwsRequestError
from checkout_assets.engines.clock import Clock
from checkout_assets.engines.fleet.backend import Backend, Host, Numbers, R
from checkout_assets.engines.fleet.pace import Pace

_MOST_TRIES = 8
_LONGEST_WAIT = 120.0
"""Seconds between two tries to launch."""
_MOST_ROUNDS = 3
_ROUND_WAIT = 120.0
"""Seconds until all choices are asked again."""
_MOST_ENDING_POLLS = 40

_log = logging.getLogger(__name__)


class Hosts(Generic[R]):
    """The hosts of one run, as far as it knows them."""

    def __init__(self, backend: Backend[R], pace: Pace, clock: Clock) -> None:
        self._backend = backend
        self._pace = pace
        self._clock = clock
        self._choice = 0
        self._in_doubt = False
        self._known: set[str] = set()

    def find_living(self) -> Host[R] | None:
        """The living host of this run, launched by another process or unseen.

        One that is ending is waited for, as long as it takes: it may still write.
        """
        for _ in range(_MOST_ENDING_POLLS):
            found = self._backend.find()
            living = [each.id for each in found if each.alive]
            if living:
                self._known.update(living)
                return self._backend.attach(living[0])
            if not found:
                break
            self._clock.sleep(self._pace.ending_poll_seconds)
        return None

    def launch(self, numbers: Numbers) -> Host[R]:
        """A new host, wherever there is capacity.

        Raises AwsRequestError if the service refuses it, has none anywhere, or never answers.
        """
        host = self._backend.new(numbers)
        for left in reversed(range(_MOST_ROUNDS * self._backend.choices)):
            try:
                self._launch_there(host)
            except AwsRequestError as error:
                if error.diagnosis.cause is not Cause.CAPACITY or not left:
                    raise
                _log.warning("%s; asking elsewhere", error)
                self.go_elsewhere()
                if left % self._backend.choices == 0:
                    self._clock.sleep(self._clock.between(_ROUND_WAIT / 2, _ROUND_WAIT))
            else:
                return host
        raise AssertionError("the last round raises")

    def go_elsewhere(self) -> None:
        """The next launch asks for another type or subnet, if there are several."""
        self._choice += 1

    def end(self, host: str, gone: bool) -> None:
        """End this host and wait until nothing of it runs.

        Raises AwsRequestError if the service refuses, or does not answer.
        """
        if not gone:
            self._backend.terminate(host)
            self._wait_until_gone(host)
        self._known.discard(host)

    def release(self) -> None:
        """End all hosts of this run, also one whose launch was never answered.

        An error is logged and not raised: the sensor for orphans and the host's own limits remain.
        """
        if self._in_doubt:
            self._attempt(self._look_again)
        for host in sorted(self._known):
            self._attempt(lambda host=host: self._backend.terminate(host))  # type: ignore[misc]

    def _launch_there(self, host: Host[R]) -> None:
        wait = self._pace.first_wait_seconds
        for left in reversed(range(_MOST_TRIES)):
            try:
                self._ask(host)
            except AwsRequestError as error:
                if error.diagnosis.cause is not Cause.TRANSIENT or not left:
                    raise
                self._clock.sleep(self._clock.between(wait / 2, wait))
                wait = min(wait * 2, _LONGEST_WAIT)
                if error.in_doubt and self._was_launched(host):
                    return
            else:
                return
        raise AssertionError("the last try raises")

    def _ask(self, host: Host[R]) -> None:
        """Launch it, and remember whether a launch may have been done without an answer."""
        before, self._in_doubt = self._in_doubt, True
        try:
            host.launch(self._choice)
        except AwsRequestError as error:
            self._in_doubt = before or error.in_doubt
            raise
        self._in_doubt = before
        self._known.add(host.id)

    def _was_launched(self, host: Host[R]) -> bool:
        """Whether the host is there although the launch was not answered."""
        if self._backend.repeats_safely:
            return False
        found = self.find_living()
        host.id = found.id if found is not None else ""
        return found is not None

    def _wait_until_gone(self, host: str) -> None:
        for _ in range(_MOST_ENDING_POLLS):
            if self._backend.is_gone(host):
                return
            self._clock.sleep(self._pace.ending_poll_seconds)

    def _look_again(self) -> None:
        self._known.update(each.id for each in self._backend.find() if each.alive)

    def _attempt(self, action: Callable[[], None]) -> None:
        try:
            action()
        except AwsRequestError as error:
            _log.error("a host of this run may still run: %s", error)
