"""Finding, launching and terminating the cluster of a run: never two where one was asked for."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from checkout_assets.domain.failures import Cause
from checkout_assets.engines.aws_requests import AwsRequestError
from checkout_assets.engines.clock import Clock
from checkout_assets.engines.emr.api import ClusterStatus, EmrApi
from checkout_assets.engines.emr.options import EmrOptions
from checkout_assets.engines.emr.request import cluster_name, cluster_tags, launch_request

_MOST_TRIES = 8
_FIRST_WAIT = 15.0
_LONGEST_WAIT = 120.0
"""Seconds between tries to launch. 32 clusters launched at once need 44 s: EMR takes 10, then one
every 2 s."""
_ENDING_POLL = 30.0

_log = logging.getLogger(__name__)


class Launcher:
    """The run's own cluster; ``cluster`` is the id of what it must terminate, or empty."""

    def __init__(self, options: EmrOptions, api: EmrApi, clock: Clock, run_id: str) -> None:
        self._options = options
        self._api = api
        self._clock = clock
        self._run_id = run_id
        self._subnet = 0
        self._in_doubt = False
        self.cluster = ""

    def spread(self) -> None:
        """Wait at random, so that runs that start together do not ask EMR together."""
        self._clock.sleep(self._clock.between(0, self._options.launch_spread_seconds))

    def find_living(self) -> str:
        """The id of the living cluster of this run id, or empty.

        One that is ending is waited for: its steps may still write.
        """
        while found := self._find():
            living = [each for each in found if each.alive]
            if living:
                self.cluster = living[0].id
                return self.cluster
            self._clock.sleep(_ENDING_POLL)
        return ""

    def launch(self, steps: Sequence[Mapping[str, Any]]) -> str:
        """Launch a cluster.

        Raises AwsRequestError if EMR refuses it, or never answers.
        """
        self.cluster = ""
        request = launch_request(self._options, self._run_id, steps, self._subnet)
        wait = _FIRST_WAIT
        for left in reversed(range(_MOST_TRIES)):
            self._in_doubt = True
            try:
                self.cluster = self._api.launch(request)
            except AwsRequestError as error:
                self._in_doubt = error.in_doubt
                if error.diagnosis.cause is not Cause.TRANSIENT or not left:
                    raise
                self._clock.sleep(self._clock.between(wait / 2, wait))
                wait = min(wait * 2, _LONGEST_WAIT)
                if self._in_doubt and self.find_living():
                    break
            else:
                break
        self._in_doubt = False
        _log.info("cluster %s of run %s", self.cluster, self._run_id)
        return self.cluster

    def try_another_subnet(self) -> None:
        """The next launch goes to the next availability zone, if there are several."""
        self._subnet += 1

    def terminate(self) -> None:
        """End the cluster; one whose launch was never answered is looked for.

        An error is logged and not raised: the sensor for orphans and the idle limit remain.
        """
        try:
            if self._in_doubt and not self.cluster:
                self.cluster = next((each.id for each in self._find() if each.alive), "")
            if self.cluster:
                self._api.terminate(self.cluster)
        except AwsRequestError as error:
            _log.error("cluster %s was not terminated: %s", self.cluster, error)

    def _find(self) -> list[ClusterStatus]:
        name, tags = cluster_name(self._options, self._run_id), cluster_tags
        return self._api.find(name, tags(self._options, self._run_id))
