"""One run: attach or launch, follow, replace what is lost, and leave nothing running."""

import logging
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from checkout_assets.domain.failures import Cause, Diagnosis
from checkout_assets.domain.folders import Folder
from checkout_assets.engines.aws_requests import AwsRequestError
from checkout_assets.engines.ec2.api import console_link
from checkout_assets.engines.ec2.following import Follower, Work
from checkout_assets.engines.ec2.launching import Launcher
from checkout_assets.engines.ec2.options import WORKER_TAG
from checkout_assets.engines.ec2.request import Launch
from checkout_assets.engines.ec2.results import FolderCopiedOnEc2, RunRecords
from checkout_assets.engines.ec2.user_data import render_user_data
from checkout_assets.engines.worker.reports import worker_name, workers_of
from spark_jobs.refusals import meaning_of
from spark_jobs.stores import StoreError

if TYPE_CHECKING:
    from checkout_assets.engines.ec2.engine import Ec2Engine

_log = logging.getLogger(__name__)


class Ec2Run:
    """The folders of one run id, from launch to termination."""

    def __init__(self, engine: "Ec2Engine", folders: Sequence[Folder], run_id: str) -> None:
        self._engine = engine
        self._run_id = run_id
        self._left = {folder: Work() for folder in folders}
        self._records = RunRecords(engine.raw, run_id)
        self._launcher = Launcher(engine.options, engine.api, engine.clock, run_id)
        self._job = engine.job
        self._follower: Follower | None = None

    def results(self) -> Iterator[FolderCopiedOnEc2]:
        """See FolderEngine."""
        for copied in self._records.among(list(self._left)):
            del self._left[copied.folder]
            yield copied
        if not self._left:
            return
        try:
            self._job = self._engine.settled_job()
            yield from self._work_through()
        finally:
            self._launcher.terminate()

    def _work_through(self) -> Iterator[FolderCopiedOnEc2]:
        """Use one instance after another, as long as losing one is worth another try."""
        lost: Counter[str] = Counter()
        while self._left:
            end = yield from self._on_an_instance(first=not lost)
            if end is None:
                return
            lost[_kind(end)] += 1
            most = self._engine.options.most_instances - 1
            if lost[_kind(end)] > end.retries or lost.total() > most:
                yield from self._give_up(end)
                return
            self._replace(end)

    def _on_an_instance(self, first: bool) -> Generator[FolderCopiedOnEc2, None, Diagnosis | None]:
        """Work on one instance; returns why it ended before its work, or None if all is done."""
        follower = self._follower = Follower(self._engine, self._run_id, self._left, self._records)
        try:
            if first:
                self._launcher.spread()
            living = self._launcher.find_living() if first else None
            if living is not None:
                follower.attach(living.id, living.tags[WORKER_TAG])
            else:
                follower.begin(self._next_worker(), self._launch)
            end = yield from follower.follow()
            if end is not None:
                self._launcher.end(follower.instance)
            return end
        except AwsRequestError as error:
            return Diagnosis(error.diagnosis.cause, error.diagnosis.reason)
        except StoreError as error:
            place = self._engine.options.fleet_uri
            return Diagnosis(
                Cause.PERMANENT, f"{meaning_of(error.code, 'S3 answers {code}')} at {place}"
            )

    def _next_worker(self) -> str:
        """A name no instance of this run had: its files would be taken for the new one's."""
        used = workers_of(self._engine.fleet, self._run_id)
        return worker_name(max((int(name[1:]) for name in used), default=0) + 1)

    def _launch(self, worker: str) -> str:
        options = self._engine.options
        deadline = datetime.now(UTC) + timedelta(hours=options.deadline_hours)
        job = self._engine.worker_job(self._job, list(self._left), self._run_id, worker, deadline)
        return self._launcher.launch(Launch(self._run_id, worker, render_user_data(job)))

    def _replace(self, end: Diagnosis) -> None:
        self._engine.tell(f"{end.reason}; another instance copies {len(self._left)} folders.")
        if end.cause is Cause.CAPACITY or "Spot" in end.reason:
            self._launcher.try_another_choice()
        for work in self._left.values():
            work.attempts += 1

    def _give_up(self, end: Diagnosis) -> Iterator[FolderCopiedOnEc2]:
        """Every folder left fails for the same reason."""
        follower = self._follower
        instance = follower.instance if follower else ""
        where = ""
        if follower and instance:
            link = console_link(self._engine.api.region, instance)
            where = f" Instance {instance}.{follower.log_end()} See {link}"
        for folder, work in list(self._left.items()):
            del self._left[folder]
            error = f"{folder}: not copied, because {end.reason}.{where}"
            result = FolderCopiedOnEc2(folder, error=error)
            yield replace(result, attempts=work.attempts, instance=instance)


def _kind(end: Diagnosis) -> str:
    """What is counted as the same loss: the reason without what was said of this one."""
    return end.reason.partition(" (")[0]
