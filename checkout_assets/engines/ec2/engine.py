"""The engine that copies folders on an instance of the run's own."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from checkout_assets.domain.counting import counted
from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.folders import ALL_FOLDERS, Folder
from checkout_assets.engines.aws_requests import AwsRequestError
from checkout_assets.engines.clock import Clock, WallClock
from checkout_assets.engines.copying.result import FolderCopied
from checkout_assets.engines.ec2.api import Ec2Api
from checkout_assets.engines.ec2.backend import Ec2Backend
from checkout_assets.engines.ec2.copy_job import CopyJob
from checkout_assets.engines.ec2.options import Ec2Options
from checkout_assets.engines.ec2.user_data import render_user_data
from checkout_assets.engines.fleet.run import FleetRun
from checkout_assets.engines.worker.reports import worker_name
from spark_jobs.stores import Store

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an engine uses: EC2, raw, the fleet's place, and the receiver of progress messages."""

    api: Ec2Api
    raw: Store
    fleet: Store
    tell: Callable[[str], None] = _log.info
    clock: Clock = field(default_factory=WallClock)


class Ec2Engine:
    """Copies folders on EC2, on one instance per group of a run's folders."""

    def __init__(self, options: Ec2Options, job: CopyJob, around: Surroundings) -> None:
        self.options = options
        self.job = job
        self.around = around

    def check(self) -> None:
        """Raise UsageError if user data are too large or the security group has inbound rules."""
        options, api = self.options, self.around.api
        longest = (ALL_FOLDERS[::2], "0" * 36, worker_name(1), datetime.now(UTC))
        render_user_data(self.job.copied_until("").for_worker(options, api.region, *longest))
        if options.ssh_cidr:
            return
        group = options.security_group
        try:
            rules = api.inbound_rules(group)
        except AwsRequestError as error:
            raise UsageError(f"The security group {group} cannot be read: {error}.") from None
        if rules:
            found = counted(rules, "inbound rule")
            raise UsageError(
                f"The security group {group} has {found}: "
                "use one without any, or set ssh_cidr if port 22 should be open."
            )

    def run(self, folders: Sequence[Folder], run_id: str) -> Iterator[FolderCopied]:
        """Yield each folder's outcome; however it ends, the launched instances are terminated."""
        around = self.around
        backend = Ec2Backend(
            self.options, self.job, around.api, around.raw, around.fleet, run_id=run_id
        )
        run = FleetRun(backend, folders, self.options.pace, around.clock, around.tell)
        return run.results()
