"""A cluster and the steps of a run on it."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from checkout_assets.domain.failures import diagnose_cluster, diagnose_folder, diagnose_step
from checkout_assets.domain.folders import Folder
from checkout_assets.engines.emr.api import EmrApi, StepStatus
from checkout_assets.engines.emr.logs import console_link, read_log_end
from checkout_assets.engines.emr.options import MOST_STEPS
from checkout_assets.engines.emr.request import parse_step_name
from checkout_assets.engines.emr.results import RunResults
from checkout_assets.engines.fleet.backend import Ended, Found, Look, Numbers
from checkout_assets.engines.structuring.spark_engine import StructuredFolder
from spark_jobs.stores import open_store

__all__ = ["MOST_STEPS", "Attempt", "Cluster", "run_steps"]

Attempt = tuple[str, int]
"""A folder's name and the attempt's number."""


def run_steps(api: EmrApi, cluster: str, run_id: str) -> Iterator[tuple[Attempt, StepStatus]]:
    """The run's steps on the cluster, newest first."""
    for step in api.steps(cluster):
        attempt = parse_step_name(step.name, run_id)
        if attempt is not None:
            yield attempt, step


class Cluster:
    """A cluster as a host; it accepts more steps as long as it is running."""

    takes_more = True

    def __init__(  # noqa: PLR0913, PLR0917 - what it is made of
        self,
        api: EmrApi,
        results: RunResults,
        run_id: str,
        given: dict[Folder, int],
        launch: Callable[[int], str],
        step: Callable[[Folder, int], Mapping[str, object]],
    ) -> None:
        self._api = api
        self._results = results
        self._run_id = run_id
        self.given = given
        self._launch = launch
        self._step = step
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

    def found(self, folders: Sequence[Folder]) -> Mapping[Folder, Found]:
        """Return this run's steps; a pending, running or completed step goes on."""
        names = {folder.name: folder for folder in folders}
        found: dict[Folder, Found] = {}
        for (name, number), step in run_steps(self._api, self.id, self._run_id):
            folder = names.get(name)
            if folder is None or (folder in found and found[folder].number >= number):
                continue
            found[folder] = Found(number, step.active or step.state == "COMPLETED")
        self.given |= {folder: each.number for folder, each in found.items()}
        return found

    def give(self, numbers: Numbers) -> None:
        """Add as many steps as EMR accepts."""
        active = sum(step.active for step in self._steps.values())
        missing = [each for each in numbers.items() if self.given.get(each[0]) != each[1]]
        missing = missing[: max(MOST_STEPS - active, 0)]
        if missing and self._alive:
            # If the response is lost, the next poll shows whether the steps are there.
            self._api.add_steps(self.id, [self._step(*each) for each in missing])
            self.given |= dict(missing)

    def collect(self, numbers: Numbers) -> Look[StructuredFolder]:
        self._steps = self._look_for(numbers)
        # Read after the steps: a step cancelled on a running cluster was cancelled by someone.
        status = self._api.describe(self.id)
        self._alive, self._log_uri = status.alive, status.log_uri
        ended = []
        for folder, number in numbers.items():
            step = self._steps.get((folder.name, number))
            if step is None:
                continue
            self.given[folder] = number
            if not step.active and (status.alive or step.state == "COMPLETED"):
                ended.append(self._ended(folder, number, step))
        why = diagnose_cluster(status.code, status.message, status.error_codes)
        return Look(ended, why if status.over else None, gone=status.over)

    def log(self) -> str:
        """Return nothing: each step has its own log."""
        return ""

    def _look_for(self, numbers: Numbers) -> dict[Attempt, StepStatus]:
        """Return this run's steps, reading no further back than needed."""
        awaited = {
            (folder.name, number)
            for folder, number in numbers.items()
            if self.given.get(folder) == number
        }
        found: dict[Attempt, StepStatus] = {}
        for attempt, step in run_steps(self._api, self.id, self._run_id):
            found.setdefault(attempt, step)
            if awaited and awaited <= found.keys():
                break
        return found

    def _ended(self, folder: Folder, number: int, step: StepStatus) -> Ended[StructuredFolder]:
        where = f"step {step.id} of cluster {self.id}"
        found = self._results.of(folder, number)
        if found is not None and found.ok:
            return Ended(folder, number, where, found)
        if found is not None:
            why = diagnose_folder(found.error, found.failure)
            return Ended(folder, number, where, why=why, said=found.error)
        log = self._log_of(step) or step.message
        why = diagnose_step(step.state, step.reason, step.message, log)
        return Ended(folder, number, where, why=why, log=log)

    def _log_of(self, step: StepStatus) -> str:
        uri = self._log_uri.replace("s3n://", "s3://").rstrip("/")
        return read_log_end(open_store(uri), self.id, step.id) if uri else ""
