"""The engine that copies folders on an instance of the run's own."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from checkout_assets.domain.copying import CutOff, parse_as_of
from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.folders import ALL_FOLDERS, Folder
from checkout_assets.engines.aws_requests import AwsRequestError
from checkout_assets.engines.clock import Clock, WallClock
from checkout_assets.engines.copying.cutoff import settle_cut_off
from checkout_assets.engines.ec2.api import Ec2Api
from checkout_assets.engines.ec2.options import Ec2Options
from checkout_assets.engines.ec2.results import FolderCopiedOnEc2
from checkout_assets.engines.ec2.run import Ec2Run
from checkout_assets.engines.ec2.user_data import WorkerJob, render_user_data
from checkout_assets.engines.ec2.worker_package import WorkerArchive
from checkout_assets.engines.worker.reports import worker_name, worker_uri
from checkout_assets.settings import ENVIRONMENT_PREFIX
from spark_jobs.stores import Store

_AS_OF = f"{ENVIRONMENT_PREFIX}AS_OF"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CopyJob:
    """What every instance of a run has in common; ``variables`` are those of worker_variables."""

    archive: WorkerArchive
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an engine speaks to: EC2, raw, the fleet's place, and whoever reads how it goes."""

    api: Ec2Api
    raw: Store
    fleet: Store
    tell: Callable[[str], None] = _log.info
    clock: Clock = field(default_factory=WallClock)


class Ec2Engine:
    """Copies folders on EC2, one instance a run."""

    def __init__(self, options: Ec2Options, job: CopyJob, around: Surroundings) -> None:
        self.options = options
        self.job = job
        self.api = around.api
        self.raw = around.raw
        self.fleet = around.fleet
        self.tell = around.tell
        self.clock = around.clock

    def check(self) -> None:
        """Raise UsageError if no instance may be launched so: too much to tell it, an open door."""
        settled = replace(self.job, variables={**self.job.variables, _AS_OF: ""})
        worst = ALL_FOLDERS[::2]
        now = datetime.now(UTC)
        render_user_data(self.worker_job(settled, worst, "0" * 36, worker_name(1), now))
        if self.options.ssh_cidr:
            return
        group = self.options.security_group
        try:
            rules = self.api.inbound_rules(group)
        except AwsRequestError as error:
            raise UsageError(f"The security group {group} cannot be read: {error}.") from None
        if rules:
            raise UsageError(
                f"The security group {group} lets somebody in, by {rules} inbound rules: name one "
                "without any, or set ssh_cidr if port 22 is meant to be open."
            )

    def settled_job(self) -> CopyJob:
        """The job with a cut-off that is the same for every instance."""
        asked = parse_as_of(self.job.variables.get(_AS_OF, ""))
        if asked is not CutOff.NOW:
            return self.job
        instant = settle_cut_off(self.raw, asked)
        return replace(self.job, variables={**self.job.variables, _AS_OF: instant.isoformat()})

    def worker_job(
        self, job: CopyJob, folders: Sequence[Folder], run_id: str, worker: str, deadline: datetime
    ) -> WorkerJob:
        """What one instance is told."""
        options = self.options
        return WorkerJob(
            folders=folders,
            run_id=run_id,
            report_uri=worker_uri(options.fleet_uri, run_id, worker),
            archive=job.archive,
            deadline=deadline,
            region=self.api.region,
            silence_minutes=options.silence_minutes,
            folders_at_once=options.folders_at_once,
            in_flight=options.in_flight,
            variables=job.variables,
        )

    def run(self, folders: Sequence[Folder], run_id: str) -> Iterator[FolderCopiedOnEc2]:
        """See FolderEngine; however it ends, the instances it launched are terminated."""
        return Ec2Run(self, folders, run_id).results()
