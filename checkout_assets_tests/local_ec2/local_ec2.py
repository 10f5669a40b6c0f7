"""Instances that boot as processes of this machine, fail as configured, and end."""

import base64
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from tempfile import TemporaryDirectory
from typing import Any

import boto3
from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends

from checkout_assets_tests.instance_metadata import InstanceMetadata, instance_metadata
from checkout_assets_tests.local_ec2.api_server import Ec2ApiServer
from checkout_assets_tests.local_ec2.moto_patches import (
    patched_moto,
    set_state,
    terminate_at_once,
)
from checkout_assets_tests.local_quotas import vcpus_of
from checkout_assets_tests.strict_iam.host_requests import OPERATOR
from checkout_assets_tests.worker_machine import WorkerMachine

ACCOUNT = "123456789012"
REGION = "us-east-2"
PROFILE = "copy-workers"
_SMALLEST = "m1.small"
"""What EC2 launches if no type is named."""
_TICK = 0.02
_OFF = "shutdown -h now"


@dataclass
class LocalInstance:
    """An instance: its state in EC2, and the local process that it is."""

    told: Any
    machine: WorkerMachine
    user_data: str
    metadata: InstanceMetadata
    process: "Popen[bytes] | None" = None

    @property
    def id(self) -> str:
        return str(self.told.id)

    @property
    def state(self) -> str:
        return str(self.told.state)

    @property
    def type(self) -> str:
        return str(self.told.instance_type)

    @property
    def spot(self) -> bool:
        return self.told.lifecycle == "spot"

    @property
    def tags(self) -> dict[str, str]:
        return {tag["key"]: tag["value"] for tag in self.told.get_tags()}


@dataclass
class LocalEc2:
    """EC2 of one account and region, with two subnets and a security group.

    ``prepare`` are called with the next instances before they boot, None for one as it is. With
    ``installs`` a worker is really installed; without, it is there when the archive was proved, and
    ``python`` runs it.
    ``frozen`` instances are running and do nothing. ``grace_seconds`` is what processes have
    when their instance is terminated.
    """

    installs: bool = False
    python: Sequence[str] = (sys.executable,)
    prepare: list[Callable[[LocalInstance], None] | None] = field(default_factory=list)
    api: Ec2ApiServer = field(default_factory=Ec2ApiServer)
    instances: list[LocalInstance] = field(default_factory=list)
    frozen: bool = False
    grace_seconds: float = 10
    subnets: list[str] = field(default_factory=list)
    security_group: str = ""

    def __post_init__(self) -> None:
        self._threads: list[threading.Thread] = []

    @contextmanager
    def running(self) -> Iterator["LocalEc2"]:
        """Serve the API and let instances live until the end."""
        _forget()
        with ExitStack() as stack:
            self._home = Path(stack.enter_context(TemporaryDirectory()))
            self._stack = stack
            stack.callback(_forget)
            stack.callback(self._end_all)
            stack.enter_context(patched_moto(self._boot, self._shut_down))
            stack.enter_context(self.api.serving())
            self._build_network()
            self.api.exceeds = self._exceeded_quota
            yield self

    def client(self, service: str) -> Any:
        """A client of this API with all permissions."""
        return boto3.client(
            service,  # type: ignore[call-overload]
            region_name=REGION,
            endpoint_url=self.api.endpoint_url,
            aws_access_key_id=OPERATOR,
            aws_secret_access_key="test",
        )

    def living(self) -> list[str]:
        """The ids of instances that cost money."""
        return [each.id for each in self.instances if each.state != "terminated"]

    def wait_until(self, condition: Callable[[], object], seconds: float = 60) -> None:
        """Wait for something to become true; raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError
            time.sleep(_TICK)

    def die(self, instance: LocalInstance, code: str = "Server.InternalError") -> None:
        """Power off without notice, as broken hardware does."""
        set_state(instance.told, "shutting-down", code)
        _kill(instance)
        set_state(instance.told, "terminated", code)

    def take_back(self, instance: LocalInstance) -> None:
        """End a Spot instance as AWS does: a notice, some time, then power off."""
        instance.metadata.announce("terminate")

        def power_off() -> None:
            with suppress(TimeoutExpired):
                assert instance.process is not None
                instance.process.wait(60)
            self.die(instance, "Server.SpotInstanceTermination")

        self._work(power_off)

    def _exceeded_quota(self, sent: dict[str, str]) -> str:
        token = sent.get("ClientToken")
        if token and any(each.get("ClientToken") == token for each in self.api.launched()):
            return ""  # the answer is the first one's instance
        spot = sent.get("InstanceMarketOptions.MarketType") == "spot"
        living = [each for each in self.instances if each.state in {"pending", "running"}]
        used = [vcpus_of(each.type, 1, each.spot) for each in living]
        return self.api.quotas.exceeded(
            [*used, vcpus_of(sent.get("InstanceType", _SMALLEST), 1, spot)]
        )

    def _boot(self, told: Any) -> None:
        machine_place = self._home / told.id
        metadata = self._stack.enter_context(instance_metadata())
        machine = WorkerMachine(machine_place, metadata.url)
        if not self.installs:
            machine.have_quick_aws()
            machine.have_installed_worker(self.python)
        user_data = base64.b64decode(str(told.user_data)).decode()
        instance = LocalInstance(told, machine, user_data, metadata)
        self.instances.append(instance)
        prepare = self.prepare.pop(0) if self.prepare else None
        if prepare is not None:
            prepare(instance)
        if not self.frozen:
            self._start(instance)

    def _start(self, instance: LocalInstance) -> None:
        process = instance.process = instance.machine.start(instance.user_data)

        def watch() -> None:
            process.wait()
            if _OFF in instance.machine.calls and instance.state == "running":
                _kill(instance)
                set_state(instance.told, "terminated", "Client.InstanceInitiatedShutdown")

        self._work(watch)

    def _shut_down(self, told: Any) -> None:
        """As TerminateInstances does: every process is asked to end, then killed."""
        instance = next(each for each in self.instances if each.told is told)

        def power_off() -> None:
            process = instance.process
            if process is not None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
                with suppress(TimeoutExpired):
                    process.wait(self.grace_seconds)
            _kill(instance)
            set_state(told, "terminated")

        self._work(power_off)

    def _work(self, action: Callable[[], None]) -> None:
        thread = threading.Thread(target=action, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _end_all(self) -> None:
        for instance in self.instances:
            _kill(instance)
        for thread in self._threads:
            thread.join()
        for instance in self.instances:
            terminate_at_once(instance.told)

    def _build_network(self) -> None:
        ec2, iam = self.client("ec2"), self.client("iam")
        network = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
        for number, zone in enumerate("ab"):
            made = ec2.create_subnet(
                VpcId=network,
                CidrBlock=f"10.7.{number}.0/24",
                AvailabilityZone=f"{REGION}{zone}",
            )
            self.subnets.append(made["Subnet"]["SubnetId"])
        group = ec2.create_security_group(
            GroupName="copy-workers", Description="No way in", VpcId=network
        )
        self.security_group = group["GroupId"]
        iam.create_instance_profile(InstanceProfileName=PROFILE)
        self.api.requests.clear()
        self.api.calls.clear()


def _kill(instance: LocalInstance) -> None:
    if instance.process is not None:
        with suppress(ProcessLookupError):
            os.killpg(instance.process.pid, signal.SIGKILL)
        instance.process.wait()


def _forget() -> None:
    ec2_backends[ACCOUNT][REGION].reset()
    iam_backends[ACCOUNT]["aws"].reset()
