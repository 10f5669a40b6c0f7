"""A cluster and the steps of a run on it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic

from checkout_assets.domain.failures import diagnose_cluster, diagnose_step, diagnose_unit
from checkout_assets.engines.emr.api import EmrApi, StepStatus
from checkout_assets.engines.emr.logs import console_link, read_log_end
from checkout_assets.engines.emr.options import MOST_STEPS
from checkout_assets.engines.emr.request import parse_step_name
from checkout_assets.engines.emr.work import StepWork
from checkout_assets.engines.fleet.backend import Ended, Found, Look, Numbers, R, U
from spark_jobs.stores import open_store

__all__ = ["MOST_STEPS", "Attempt", "Cluster", "run_steps"]

Attempt = tuple[str, int]
"""A unit's name and the attempt's number."""


def run_steps(api: EmrApi, cluster: str, run_id: str) -> Iterator[tuple[Attempt, StepStatus]]:
    """The run's steps on the cluster, newest first."""
    for step in api.steps(cluster):
        attempt = parse_step_name(step.name, run_id)
        if attempt is not None:
            yield attempt, step


class Cluster(Generic[U, R]):
    """A cluster as a host; it accepts more steps as long as it is running."""

    takes_more = True

    def __init__(
        self,
        api: EmrApi,
        work: StepWork[U, R],
        run_id: str,
        given: dict[U, int],
        launch: Callable[[int], str],
    ) -> None:
        self._api = api
        self._work = work
        self._run_id = run_id
        self.given = given
        self._launch = launch
        self._steps: dict[Attempt, StepStatus] = {}
        self._alive = False
        self._log_uri = ""
        self.id = ""

    @property
    def title(self) -> str:
        return self.id

    @property
    def link(self) -> str:
        return console_link(self._api.region, self.id)

    def launch(self, choice: int) -> None:
        self.id = self._launch(choice)

    def found(self, units: Sequence[U]) -> Mapping[U, Found]:
        """Return this run's steps; a pending, running or completed step goes on."""
        names = {unit.name: unit for unit in units}
        found: dict[U, Found] = {}
        for (name, number), step in run_steps(self._api, self.id, self._run_id):
            unit = names.get(name)
            if unit is None or (unit in found and found[unit].number >= number):
                continue
            found[unit] = Found(number, step.active or step.state == "COMPLETED")
        self.given |= {unit: each.number for unit, each in found.items()}
        return found

    def give(self, numbers: Numbers[U]) -> None:
        """Add as many steps as EMR accepts."""
        active = sum(step.active for step in self._steps.values())
        missing = [each for each in numbers.items() if self.given.get(each[0]) != each[1]]
        missing = missing[: max(MOST_STEPS - active, 0)]
        if missing and self._alive:
            # If the response is lost, the next poll shows whether the steps are there.
            self._api.add_steps(self.id, [self._work.step(*each) for each in missing])
            self.given |= dict(missing)

    def collect(self, numbers: Numbers[U]) -> Look[U, R]:
        self._steps = self._look_for(numbers)
        # Read after the steps: a step cancelled on a running cluster was cancelled by someone.
        status = self._api.describe(self.id)
        self._alive, self._log_uri = status.alive, status.log_uri
        ended = []
        for unit, number in numbers.items():
            step = self._steps.get((unit.name, number))
            if step is None:
                continue
            self.given[unit] = number
            if not step.active and (status.alive or step.state == "COMPLETED"):
                ended.append(self._ended(unit, number, step))
        why = diagnose_cluster(status.code, status.message, status.error_codes)
        return Look(ended, why if status.over else None, gone=status.over)

    def log(self) -> str:
        """Return nothing: each step has its own log."""
        return ""

    def _look_for(self, numbers: Numbers[U]) -> dict[Attempt, StepStatus]:
        """Return this run's steps, reading no further back than needed."""
        awaited = {
            (unit.name, number)
            for unit, number in numbers.items()
            if self.given.get(unit) == number
        }
        found: dict[Attempt, StepStatus] = {}
        for attempt, step in run_steps(self._api, self.id, self._run_id):
            found.setdefault(attempt, step)
            if awaited and awaited <= found.keys():
                break
        return found

    def _ended(self, unit: U, number: int, step: StepStatus) -> Ended[U, R]:
        where = f"step {step.id} of cluster {self.id}"
        found = self._work.result(unit, number)
        if found is not None and found.ok:
            return Ended(unit, number, where, found)
        if found is not None:
            why = diagnose_unit(found.error, found.failure)
            return Ended(unit, number, where, why=why, said=found.error)
        log = self._log_of(step) or step.message
        why = diagnose_step(step.state, step.reason, step.message, log)
        return Ended(unit, number, where, why=why, log=log)

    def _log_of(self, step: StepStatus) -> str:
        uri = self._log_uri.replace("s3n://", "s3://").rstrip("/")
        return read_log_end(open_store(uri), self.id, step.id) if uri else ""
