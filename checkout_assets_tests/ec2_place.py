"""An engine on a local EC2 with its own orders and buckets, for tests."""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from checkout_assets.domain.access.host_policies import host_role
from checkout_assets.domain.access.launch_policies import launch_role
from checkout_assets.domain.access.terms import AccessTerms, Place
from checkout_assets.domain.folders import Folder, select_folders
from checkout_assets.engines.copying.result import FolderCopied
from checkout_assets.engines.ec2.api import Ec2Api, ec2_clients
from checkout_assets.engines.ec2.copy_job import CopyJob
from checkout_assets.engines.ec2.engine import Ec2Engine, Surroundings
from checkout_assets.engines.ec2.options import Ec2Options
from checkout_assets.engines.ec2.worker_package import worker_archive
from checkout_assets.engines.worker.reports import WorkerReports, worker_prefix
from checkout_assets.packaging.stored import PackagePlace
from checkout_assets_tests.local_ec2.local_ec2 import PROFILE, REGION, LocalEc2
from checkout_assets_tests.orders_place import OrdersPlace
from checkout_assets_tests.strict_iam.host_requests import (
    OPERATOR,
    Host,
    asks_of_ec2,
    role_arn,
)
from checkout_assets_tests.worker_machine import X86
from spark_jobs.stores import open_store

FOUR = select_folders(["00_CheckoutOrder..03_CheckoutOrder"])
OBJECTS = 3


class ImpatientClock:
    """Waits only a moment, and not at random."""

    def __init__(self, longest: float = 0.2) -> None:
        self._longest = longest
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        time.sleep(min(seconds, self._longest))

    def between(self, least: float, most: float) -> float:
        return (least + most) / 2


class Ec2Place:
    """Orders to copy, a packaged worker, and an engine for each run."""

    def __init__(self, ec2: LocalEc2, orders: OrdersPlace, package: Path) -> None:
        self.ec2 = ec2
        self.orders = orders
        place = f"s3://{orders.raw.bucket}"
        self.options = Ec2Options(
            deployment="orders",
            fleet_uri=f"{place}/fleet",
            security_group=ec2.security_group,
            instance_profile=PROFILE,
            subnets=ec2.subnets,
            poll_seconds=0.2,
        )
        variables = {
            "CHECKOUT_SOURCE_URI": orders.source.uri,
            "CHECKOUT_RAW_URI": orders.raw.uri,
        }
        self.job = CopyJob(
            worker_archive(PackagePlace(f"{place}/package", X86, str(package))), variables
        )
        self.clock = ImpatientClock()
        self.fleet = open_store(self.options.fleet_uri)
        self.raw = orders.raw.open()
        self.told: list[str] = []
        self.host = Host([*host_role(self.terms()), *launch_role(self.terms())])
        ec2.api.denies = self._denies

    def terms(self) -> AccessTerms:
        """The terms of the access policies for this place's instances."""
        return AccessTerms(
            source=Place("source"),
            raw=Place("raw", "copies/"),
            lake=None,
            copy_role=role_arn("copier"),
            expires=datetime.now(UTC) + timedelta(days=30),
            requester="a test",
            worker_role=role_arn(PROFILE),
            reports=Place(self.orders.raw.bucket, "fleet/"),
            deployment=self.options.deployment,
        )

    def _denies(self, access_key: str, service: str, operation: str, sent: dict[str, str]) -> str:
        if access_key == OPERATOR or service not in {"ec2", "servicequotas", "ssm"}:
            return ""
        tags = {each.id: each.tags for each in self.ec2.instances}
        asks = asks_of_ec2(service, operation, sent, lambda each: tags.get(each, {}))
        return self.host.denies(asks)

    def fill(self, folders: Sequence[Folder] = FOUR, objects: int = OBJECTS) -> None:
        """Put some documents into each folder of the source."""
        for folder in folders:
            for number in range(objects):
                self.orders.put(f"{folder}/A/id/{number}")

    def api(self) -> Ec2Api:
        return ec2_clients(REGION, self.ec2.api.endpoint_url)

    def engine(self, job: CopyJob | None = None, **options: Any) -> Ec2Engine:
        chosen = self.options.model_copy(update=options)
        around = Surroundings(self.api(), self.raw, self.fleet, self.told.append, self.clock)
        return Ec2Engine(chosen, job or self.job, around)

    def start(
        self, folders: Sequence[Folder] = FOUR, run_id: str = "run", **options: Any
    ) -> Iterator[FolderCopied]:
        return self.engine(**options).run(folders, run_id)

    def run(
        self, folders: Sequence[Folder] = FOUR, run_id: str = "run", **options: Any
    ) -> dict[str, FolderCopied]:
        """All results, by folder name; afterwards no instance is left."""
        told = {each.folder.name: each for each in self.start(folders, run_id, **options)}
        self.ec2.wait_until(lambda: not self.ec2.living())
        return told

    def reports(self, worker: str, run_id: str = "run") -> WorkerReports:
        return WorkerReports(self.fleet, worker_prefix(run_id, worker))

    def told_of(self, words: str) -> bool:
        """Whether the run has reported this."""
        return any(words in line for line in self.told)

    def recorded(self) -> set[str]:
        """The folders of which raw has a completion record."""
        return {folder.name for folder in FOUR if self.orders.record(folder.name) is not None}
