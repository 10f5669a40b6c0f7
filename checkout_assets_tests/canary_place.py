"""A source with a sample, and both fleets of this machine, for tests of the canary."""

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import pytest

from checkout_assets.cli.main import run
from checkout_assets.engines.canary.fleets import LimitedClock
from checkout_assets.engines.clock import WallClock
from checkout_assets.resources import canary
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.ec2_place import ImpatientClock
from checkout_assets_tests.emr_place import build_job
from checkout_assets_tests.fault_proxy import FaultProxy
from checkout_assets_tests.local_ec2.local_ec2 import PROFILE, REGION, LocalEc2
from checkout_assets_tests.local_emr.commands import one_line_script_for_s3
from checkout_assets_tests.local_emr.local_emr import Command, LocalEmr
from checkout_assets_tests.orders_place import OrdersPlace
from spark_jobs.stores import open_store

FOLDER = "07_CheckoutOrder"
ORDER = json.dumps({"Id": "v1-01", "LastChange": "2018-10-31T14:00:00Z"}).encode()
ORDINARY, TAGGED, MULTIPART, FOURTH = (f"{FOLDER}/A/id/{n}" for n in range(1, 5))
LINKS = [
    "identity",
    "source readable",
    "instance launched",
    "worker started",
    "objects copied",
    "reports received",
    "completion record",
    "instance ended",
    "cluster started",
    "step completed",
    "rows published",
    "cluster ended",
    "everything removed",
]


class CanaryPlace:
    """Source, raw and lake of a migration that has not begun, and the settings for both fleets."""

    def __init__(self, place: OrdersPlace, patch: pytest.MonkeyPatch) -> None:
        self.orders = place
        self.patch = patch
        self.bucket = f"s3://{place.raw.bucket}"
        self.lake_uri = f"{self.bucket}/lake"
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def fill(self) -> None:
        """Put one object of each kind into the folder, and a fourth that is not copied."""
        for key in (ORDINARY, TAGGED, FOURTH):
            self.orders.put(key, ORDER)
        self.tag(TAGGED)
        self.orders.put_in_parts(MULTIPART, ORDER)

    def tag(self, key: str) -> None:
        source = self.orders.source
        self.orders.client.put_object_tagging(
            Bucket=source.bucket,
            Key=source.prefix + key,
            Tagging={"TagSet": [{"Key": "kind", "Value": "order"}]},
        )

    def start_fleets(
        self,
        aws: EmbeddedS3Server,
        package: Path,
        directory: Path,
        command: Command = one_line_script_for_s3,
        **environment: str,
    ) -> None:
        """Start both fleets, and configure them by variables; all reach S3 through ``proxy``."""
        self.proxy = self._stack.enter_context(FaultProxy(aws.endpoint_url).serving())
        self.patch.setenv("AWS_ENDPOINT_URL_S3", self.proxy.endpoint_url)
        self.ec2 = self._stack.enter_context(LocalEc2().running())
        self.emr = self._stack.enter_context(LocalEmr(command, environment).running())
        self.patch.setenv("AWS_ENDPOINT_URL_STS", self.ec2.api.endpoint_url)
        build_job(directory / "job")
        self.patch.setattr(canary, "LimitedClock", QuickLimitedClock)
        self.patch.setattr(canary, "WallClock", ImpatientClock)
        self.configure(
            SOURCE_URI=self.orders.source.uri,
            RAW_URI=self.orders.raw.uri,
            LAKE_URI=self.lake_uri,
            COPY_ENGINE="ec2",
            STRUCTURE_ENGINE="emr",
            EC2_REGION=REGION,
            EC2_ENDPOINT_URL=self.ec2.api.endpoint_url,
            EC2_PACKAGE_URI=f"{self.bucket}/worker",
            EC2_PACKAGE_DIRECTORY=str(package),
            EC2_FLEET_URI=f"{self.bucket}/fleet",
            EC2_SUBNETS=json.dumps(self.ec2.subnets),
            EC2_SECURITY_GROUP=self.ec2.security_group,
            EC2_INSTANCE_PROFILE=PROFILE,
            EMR_REGION=REGION,
            EMR_ENDPOINT_URL=self.emr.api.endpoint_url,
            EMR_PACKAGE_URI=f"{self.bucket}/job",
            EMR_PACKAGE_DIRECTORY=str(directory / "job"),
            EMR_LOG_URI=f"{self.bucket}/logs",
        )

    def configure(self, **options: str) -> None:
        """Set variables, without their prefix."""
        for name, value in options.items():
            self.patch.setenv(f"CHECKOUT_{name}", value)

    def fly(self, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, dict[str, Any]]:
        """The exit code and the document of a canary."""
        capsys.readouterr()
        code = run(["doctor", "--canary", FOLDER, "--json", *options])
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        return code, document

    def left(self) -> list[str]:
        """The keys of canaries' objects, anywhere; none of the migration's own is there either."""
        where = {self.orders.raw.uri: "", self.lake_uri: "", f"{self.bucket}/fleet": ""}
        return [
            f"{uri}/{entry.key}"
            for uri, prefix in where.items()
            for entry in open_store(uri).list(prefix)
        ]

    def living(self) -> list[str]:
        """The ids of instances and clusters that cost money."""
        return [*self.ec2.living(), *self.emr.living()]


class QuickLimitedClock(LimitedClock):
    """Counts its limit in the seconds that it is asked to wait, and waits only a moment."""

    def __init__(self, minutes: float) -> None:
        super().__init__(minutes)
        self._left = minutes * 60
        self._minutes = minutes

    def sleep(self, seconds: float) -> None:
        self._left -= seconds
        if self._left < 0:
            super().sleep(float("inf"))
        WallClock().sleep(min(seconds, 0.2))


def in_state(document: dict[str, Any], state: str) -> dict[str, str]:
    """Reason by link, of those in that state."""
    return {each["check"]: each["reason"] for each in document["checks"] if each["state"] == state}
