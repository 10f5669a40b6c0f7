"""Following the steps of one cluster: which ended, which are tried again, what each left behind."""

import logging
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from checkout_assets.domain.failures import (
    Cause,
    Diagnosis,
    diagnose_cluster,
    diagnose_folder,
    diagnose_step,
)
from checkout_assets.domain.folders import Folder
from checkout_assets.domain.log_tail import log_tail
from checkout_assets.engines.aws_requests import AwsRequestError
from checkout_assets.engines.emr.api import StepStatus
from checkout_assets.engines.emr.logs import console_link, read_log_end
from checkout_assets.engines.emr.options import MOST_STEPS
from checkout_assets.engines.emr.request import parse_step_name, step_request
from checkout_assets.engines.emr.results import RunResults
from checkout_assets.engines.structuring.spark_engine import StructuredFolder
from spark_jobs.refusals import meaning_of
from spark_jobs.stores import StoreError, open_store

if TYPE_CHECKING:
    from checkout_assets.engines.emr.engine import EmrEngine

_JITTER = 0.15
_MOST_SILENT_POLLS = 20
"""Half an hour without an answer from EMR, or from the lake, at the default pace."""

_log = logging.getLogger(__name__)

Attempt = tuple[str, int]
"""A folder's name and the attempt's number."""


@dataclass(slots=True)
class Work:
    """A folder that is not done: its latest attempt, and how many tries this run has given it."""

    attempt: int = 1
    tries: int = 1


class Follower:
    """The work ``left`` of a run on one cluster; folders that end are taken out of ``left``."""

    def __init__(
        self, engine: "EmrEngine", run_id: str, left: dict[Folder, Work], results: RunResults
    ) -> None:
        self._options = engine.options
        self._job = engine.job
        self._api = engine.api
        self._clock = engine.clock
        self._run_id = run_id
        self._left = left
        self._results = results
        self._submitted: set[Attempt] = set()
        self._pause_first = False
        self._log_uri = ""
        self.cluster = ""

    def begin(self, launch: Callable[[Sequence[Mapping[str, Any]]], str]) -> None:
        """Launch a cluster with the first steps."""
        first = list(self._left)[:MOST_STEPS]
        self.cluster = launch([self._step(folder) for folder in first])
        self._submitted.update(self._attempt(folder) for folder in first)
        self._pause_first = True

    def attach(self, cluster: str) -> None:
        """Go on where another process stopped: its waiting, running and completed steps count.

        A step that failed there has been told of; whoever asks again wants a new one.
        """
        self.cluster = cluster
        names = {folder.name: work for folder, work in self._left.items()}
        for (name, attempt), step in self._steps(whole=True).items():
            work = names.get(name)
            if work is None or attempt < work.attempt:
                continue
            if step.active or step.state == "COMPLETED":
                work.attempt = attempt
                self._submitted.add((name, attempt))
            else:
                work.attempt = attempt + 1

    def follow(self) -> Generator[StructuredFolder, None, Diagnosis | None]:
        """Yield each folder when it ends; returns why the cluster ended early, or None.

        Raises AwsRequestError if EMR refuses to answer, or does not for long.
        """
        silent = 0
        if self._pause_first:
            self._pause()
        while self._left:
            try:
                end = yield from self._poll()
                silent = 0
            except AwsRequestError as error:
                silent += 1
                if error.diagnosis.cause is not Cause.TRANSIENT or silent > _MOST_SILENT_POLLS:
                    raise
                _log.warning("EMR: %s; asking again", error)
            except StoreError as error:
                silent += 1
                if silent > _MOST_SILENT_POLLS:
                    return Diagnosis(
                        Cause.PERMANENT, meaning_of(error.code, "the lake answers {code}")
                    )
                _log.warning("the lake answers %s; asking again", error.code)
            else:
                if end is not None:
                    return end
            if self._left:
                self._pause()
        return None

    def cancel(self) -> None:
        """Cancel this run's waiting and running steps; the cluster itself is somebody else's."""
        try:
            ours = [step.id for step in self._steps(whole=True).values() if step.active]
            if ours:
                self._api.cancel_steps(self.cluster, ours)
        except AwsRequestError as error:
            _log.error("steps on %s were not cancelled: %s", self.cluster, error)

    def _poll(self) -> Generator[StructuredFolder, None, Diagnosis | None]:
        steps = self._steps()
        # Asked after the steps: a step cancelled on a cluster that lives was cancelled by someone.
        status = self._api.describe(self.cluster)
        self._log_uri = status.log_uri
        for folder in list(self._left):
            step = steps.get(self._attempt(folder))
            if step is not None and not step.active and (status.alive or step.state == "COMPLETED"):
                ended = self._settle(folder, step)
                if ended is not None:
                    yield ended
        if status.over:
            yield from self._published()
            return diagnose_cluster(status.code, status.message, status.error_codes)
        if status.alive:
            self._submit(steps)
        return None

    def _settle(self, folder: Folder, step: StepStatus) -> StructuredFolder | None:
        """The folder's result, or None if it is to be tried again."""
        work = self._left[folder]
        found = self._results.of(folder, work.attempt)
        if found is not None and found.ok:
            return self._end(folder, found)
        log = ""
        if found is not None:
            diagnosis = diagnose_folder(found.error, found.failure)
        else:
            log = self._log_of(step) or step.message
            diagnosis = diagnose_step(step.state, step.reason, step.message, log)
        if work.tries <= diagnosis.retries:
            _log.warning("%s: %s; trying again", folder, diagnosis.reason)
            work.attempt += 1
            work.tries += 1
            return None
        failed = StructuredFolder(
            folder, self._run_id, error=self._sentence(folder, step, diagnosis, log)
        )
        return self._end(folder, failed)

    def _published(self) -> list[StructuredFolder]:
        """What ended unseen before its cluster did."""
        found = [
            (folder, self._results.of(folder, work.attempt)) for folder, work in self._left.items()
        ]
        return [self._end(folder, each) for folder, each in found if each is not None and each.ok]

    def _end(self, folder: Folder, result: StructuredFolder) -> StructuredFolder:
        work = self._left.pop(folder)
        return replace(result, attempts=work.tries, cluster=self.cluster)

    def _submit(self, steps: Mapping[Attempt, StepStatus]) -> None:
        """Add the steps that the cluster has not, as many as it takes."""
        active = sum(step.active for step in steps.values())
        missing = [
            folder
            for folder in self._left
            if self._attempt(folder) not in steps and self._attempt(folder) not in self._submitted
        ][: max(MOST_STEPS - active, 0)]
        if not missing:
            return
        # If the answer is lost, the next poll sees whether the steps are there.
        self._api.add_steps(self.cluster, [self._step(folder) for folder in missing])
        self._submitted.update(self._attempt(folder) for folder in missing)

    def _steps(self, whole: bool = False) -> dict[Attempt, StepStatus]:
        """This run's steps; unless ``whole``, no further back than what is waited for."""
        awaited = {self._attempt(folder) for folder in self._left} & self._submitted
        found: dict[Attempt, StepStatus] = {}
        for step in self._api.steps(self.cluster):
            parsed = parse_step_name(step.name, self._run_id)
            if parsed is not None:
                found.setdefault(parsed, step)
            if not whole and awaited and awaited <= found.keys():
                break
        return found

    def _step(self, folder: Folder) -> dict[str, Any]:
        attempt = self._left[folder].attempt
        return step_request(self._options, self._job, folder, self._run_id, attempt)

    def _attempt(self, folder: Folder) -> Attempt:
        return folder.name, self._left[folder].attempt

    def _log_of(self, step: StepStatus) -> str:
        uri = self._log_uri.replace("s3n://", "s3://").rstrip("/")
        return read_log_end(open_store(uri), self.cluster, step.id) if uri else ""

    def _sentence(self, folder: Folder, step: StepStatus, why: Diagnosis, log: str) -> str:
        told = why.reason if why.reason.startswith(folder.name) else f"{folder}: {why.reason}."
        attempt = self._left[folder].tries
        where = f"Attempt {attempt}, step {step.id} of cluster {self.cluster}."
        tail = " | ".join(log_tail(log))
        said = f" Its log ends: {tail}" if tail else ""
        return f"{told} {where}{said} See {console_link(self._api.region, self.cluster)}"

    def _pause(self) -> None:
        seconds = self._options.poll_seconds
        self._clock.sleep(self._clock.between(seconds * (1 - _JITTER), seconds * (1 + _JITTER)))
