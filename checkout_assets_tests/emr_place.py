"""An engine on a local EMR with its own lake, for tests."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from checkout_assets.domain.access.host_policies import host_role
from checkout_assets.domain.access.launch_policies import launch_role
from checkout_assets.domain.access.terms import AccessTerms, Place
from checkout_assets.domain.folders import Folder, select_folders
from checkout_assets.engines.clock import Clock
from checkout_assets.engines.emr.api import EmrApi, emr_clients
from checkout_assets.engines.emr.engine import EmrEngine
from checkout_assets.engines.emr.options import EmrOptions, JobPackage, OrdersJob
from checkout_assets.engines.structuring.spark_engine import StructuredFolder
from checkout_assets.packaging.archives import Member, python_sources, tar_gz_archive, zip_archive
from checkout_assets.packaging.contents import Artifact, Package, Role
from checkout_assets_tests.local_emr.local_emr import REGION, LocalEmr
from checkout_assets_tests.strict_iam.host_requests import Host, asks_of_emr, role_arn
from spark_jobs.stores import open_store

ROOT = Path(__file__).resolve().parents[1]
X86 = "x86_64"
SIX = select_folders(["00_CheckoutOrder..05_CheckoutOrder"])
JOB = JobPackage("s3://artifacts/structure_orders.py", ("--py-files", "s3://artifacts/jobs.zip"))


def build_job(directory: Path) -> None:
    """A package of this checkout's job; the libraries are this environment's, so none are in it."""
    directory.mkdir()
    files = (
        (Role.SPARK_CODE, "spark_jobs.zip", zip_archive(python_sources(ROOT / "spark_jobs"))),
        (Role.SPARK_SCRIPT, "run.py", (ROOT / "spark_jobs" / "structure_orders.py").read_bytes()),
        (
            Role.COMPACTION_SCRIPT,
            "compact.py",
            (ROOT / "spark_jobs/compact_months.py").read_bytes(),
        ),
        (Role.SPARK_DEPENDENCIES, "deps.tar.gz", tar_gz_archive([Member("none", b"")])),
    )
    artifacts = []
    for role, name, data in files:
        (directory / name).write_bytes(data)
        platform = (X86, "3.11") if role is Role.SPARK_DEPENDENCIES else ("", "")
        artifacts.append(Artifact(role, name, len(data), "", *platform))
    (directory / "manifest.json").write_text(Package("0.1.0", tuple(artifacts)).to_json())


def emr_options(emr: LocalEmr, bucket: str, directory: Path) -> dict[str, Any]:
    """EMR's options with a job that is packaged in ``directory`` and uploaded to the bucket."""
    build_job(directory / "dist")
    return {
        "region": REGION,
        "endpoint_url": emr.api.endpoint_url,
        "package_uri": f"s3://{bucket}/artifacts",
        "package_directory": str(directory / "dist"),
        "log_uri": f"s3://{bucket}/logs",
        "poll_seconds": 1,
        "launch_spread_seconds": 0,
    }


class QuickClock:
    """Runs a thousand times faster: a poll of 90 s takes 90 ms."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        time.sleep(seconds / 1000)

    def between(self, least: float, most: float) -> float:
        return (least + most) / 2


class WatchingClock(QuickClock):
    """Calls a function whenever a run waits."""

    def __init__(self, look: Callable[[], None]) -> None:
        super().__init__()
        self._look = look

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self._look()


class EmrPlace:
    """A lake and logs on disk, and an engine for each run."""

    def __init__(self, emr: LocalEmr, directory: Path) -> None:
        self.emr = emr
        self.lake = open_store(str(directory / "lake"))
        self.options = EmrOptions(deployment="orders", log_uri=str(directory / "logs"))
        self.job = OrdersJob(JOB, "s3://raw/copies", str(directory / "lake"), "keep", REGION)
        self.clock = QuickClock()
        self.told: list[str] = []
        self.host = Host([*host_role(self.terms()), *launch_role(self.terms())])
        emr.api.denies = self._denies

    def terms(self) -> AccessTerms:
        """The terms of the access policies for this place's clusters."""
        return AccessTerms(
            source=Place("source"),
            raw=Place("raw", "copies/"),
            lake=Place("lake"),
            copy_role=role_arn("copier"),
            expires=datetime.now(UTC) + timedelta(days=30),
            requester="a test",
            structure_role=role_arn(self.options.instance_profile),
            emr_service_role=role_arn(self.options.service_role),
            cluster_deployment=self.options.deployment,
        )

    def _denies(self, operation: str, sent: dict[str, Any]) -> str:
        tags = {
            each.id: {tag["Key"]: tag["Value"] for tag in each.tags} for each in self.emr.clusters
        }
        return self.host.denies(asks_of_emr(operation, sent, lambda each: tags.get(each, {})))

    def api(self) -> EmrApi:
        return emr_clients(REGION, self.emr.api.endpoint_url)

    def impatient_api(self) -> EmrApi:
        """An engine whose client does not retry, so that a test sees the engine's own retries."""
        client: Any = boto3.client(
            "emr",
            region_name=REGION,
            endpoint_url=self.emr.api.endpoint_url,
            config=Config(retries={"total_max_attempts": 1}),
        )
        return EmrApi(client, client, self.api().quotas)

    def engine(self, clock: Clock | None = None, **options: Any) -> EmrEngine:
        chosen = self.options.model_copy(update=options)
        clock = clock or self.clock
        return EmrEngine(chosen, self.job, self.api(), self.lake, clock, tell=self.told.append)

    def start(
        self, folders: Sequence[Folder] = SIX, run_id: str = "run", **options: Any
    ) -> Iterator[StructuredFolder]:
        return self.engine(**options).run(folders, run_id)

    def run(
        self, folders: Sequence[Folder] = SIX, run_id: str = "run", **options: Any
    ) -> dict[str, StructuredFolder]:
        return {each.folder.name: each for each in self.start(folders, run_id, **options)}

    def published(self) -> set[str]:
        return {
            entry.key.split("/")[-1].removesuffix(".json")
            for entry in self.lake.list("_published/")
        }
