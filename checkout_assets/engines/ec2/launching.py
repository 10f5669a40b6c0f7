"""Finding, launching and terminating a run's instances: never two where one was asked for."""

import logging
from collections.abc import Callable, Sequence

from checkout_assets.domain.failures import Cause
from checkout_assets.engines.aws_requests import AwsRequestError
from checkout_assets.engines.clock import Clock
from checkout_assets.engines.ec2.api import Ec2Api, InstanceStatus
from checkout_assets.engines.ec2.options import WORKER_TAG, Choice, Ec2Options
from checkout_assets.engines.ec2.request import Image, Launch, launch_request, run_tags

_MOST_TRIES = 8
_FIRST_WAIT = 5.0
_LONGEST_WAIT = 120.0
"""Seconds between tries to launch."""
_MOST_ROUNDS = 3
_ROUND_WAIT = 120.0
"""Seconds until all types and subnets are asked again."""
_ENDING_POLL = 15.0
_MOST_ENDING_POLLS = 40

_log = logging.getLogger(__name__)


class Launcher:
    """The instances of one run."""

    def __init__(self, options: Ec2Options, api: Ec2Api, clock: Clock, run_id: str) -> None:
        self._options = options
        self._api = api
        self._clock = clock
        self._run_id = run_id
        self._choice = 0
        self._image: Image | None = None
        self._asked = False
        self._known: set[str] = set()

    def spread(self) -> None:
        """Wait at random, so that runs that start together do not ask EC2 together."""
        self._clock.sleep(self._clock.between(0, self._options.launch_spread_seconds))

    def find_living(self) -> InstanceStatus | None:
        """The living instance of this run id.

        One that is ending is waited for: it may still be copying.
        """
        for _ in range(_MOST_ENDING_POLLS):
            found = self._find()
            living = [each for each in found if each.alive]
            if living:
                self._known.update(each.id for each in living)
                return max(living, key=lambda each: each.tags[WORKER_TAG])
            if not found:
                break
            self._clock.sleep(_ENDING_POLL)
        return None

    def launch(self, launch: Launch) -> str:
        """Launch an instance, wherever there is capacity.

        Raises AwsRequestError if EC2 refuses it, has none anywhere, or never answers.
        """
        image = self._prepare()
        choices = self._options.choices
        for left in reversed(range(_MOST_ROUNDS * len(choices))):
            try:
                return self._launch_there(launch, image, choices[self._choice % len(choices)])
            except AwsRequestError as error:
                if error.diagnosis.cause is not Cause.CAPACITY or not left:
                    raise
                self._choice += 1
                _log.warning("%s; asking for another type or subnet", error)
                if left % len(choices) == 0:
                    self._clock.sleep(self._clock.between(_ROUND_WAIT / 2, _ROUND_WAIT))
        raise AssertionError("the last round raises")

    def try_another_choice(self) -> None:
        """The next launch asks for another type or subnet, if there are several."""
        self._choice += 1

    def end(self, instance: str) -> None:
        """End this instance and wait until it copies no more.

        Raises AwsRequestError if EC2 refuses, or does not answer.
        """
        self._api.terminate(instance)
        for _ in range(_MOST_ENDING_POLLS):
            status = self._api.describe(instance)
            if status is None or status.state == "terminated":
                return
            self._clock.sleep(_ENDING_POLL)

    def terminate(self) -> None:
        """End all instances of this run, also one whose launch was never answered.

        An error is logged and not raised: the sensor for orphans, the instance's own deadline and
        its listening for this run remain.
        """
        if not self._asked and not self._known:
            return
        self._attempt(self._look_again)
        for instance in sorted(self._known):
            self._attempt(lambda instance=instance: self._api.terminate(instance))  # type: ignore[misc]

    def _look_again(self) -> None:
        self._known.update(each.id for each in self._find() if each.alive)

    def _attempt(self, action: Callable[[], None]) -> None:
        try:
            action()
        except AwsRequestError as error:
            _log.error("instances of run %s may still run: %s", self._run_id, error)

    def _prepare(self) -> Image:
        """What all launches of a run have in common."""
        if self._image is None:
            if self._options.ssh_cidr:
                self._api.allow_ssh(self._options.security_group, self._options.ssh_cidr)
            ami = self._options.ami or self._api.newest_image(self._options.architecture)
            self._image = self._api.image(ami)
        return self._image

    def _launch_there(self, launch: Launch, image: Image, choice: Choice) -> str:
        """Ask until there is an answer; a repeated request never gives a second instance."""
        request = launch_request(self._options, image, launch, choice)
        wait = _FIRST_WAIT
        self._asked = True
        for left in reversed(range(_MOST_TRIES)):
            try:
                instance = self._api.launch(request)
            except AwsRequestError as error:
                if error.diagnosis.cause is not Cause.TRANSIENT or not left:
                    raise
                self._clock.sleep(self._clock.between(wait / 2, wait))
                wait = min(wait * 2, _LONGEST_WAIT)
            else:
                self._known.add(instance)
                return instance
        raise AssertionError("the last try raises")

    def _find(self) -> Sequence[InstanceStatus]:
        return self._api.find(run_tags(self._options, self._run_id))
