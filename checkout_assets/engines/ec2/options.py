"""What an instance is made of and how a run behaves: plain values, checked where they enter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from checkout_assets.engines.fleet.pace import Pace

WORKER_TAG = "checkout-assets:worker"
OWNER_TAG = "checkout-assets:owner"


@dataclass(frozen=True, slots=True)
class Choice:
    """Where to look for an instance: a type in a subnet."""

    instance_type: str
    subnet: str


@dataclass(frozen=True, slots=True)
class Ec2Options:
    """An instance and its run; the defaults are the hand run's instance on a current system.

    ``fleet_uri`` is where instances say how they are, see engines.worker.reports. Of
    ``instance_types`` and ``subnets`` the first are used until AWS has no capacity there.
    ``ami`` is an image's id; empty for the newest Amazon Linux 2023 of ``architecture``.
    ``ssh_cidr`` is the hand run's rule: port 22 open for these addresses; without it a security
    group with inbound rules is refused.
    """

    deployment: str
    fleet_uri: str
    security_group: str
    instance_profile: str
    subnets: Sequence[str]
    owner: str = "data-platform"
    instance_types: Sequence[str] = ("m5.4xlarge",)
    spot: bool = False
    architecture: str = "x86_64"
    ami: str = ""
    volume_gb: int = 30
    volume_kms_key: str = ""
    public_ip: bool = False
    ssh_key: str = ""
    ssh_cidr: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    folders_per_instance: int = 32
    folders_at_once: int = 8
    in_flight: int = 1024
    deadline_hours: float = 36.0
    silence_minutes: int = 30
    most_instances: int = 6
    poll_seconds: float = 30.0
    launch_spread_seconds: float = 30.0

    @property
    def choices(self) -> list[Choice]:
        """All of them, the preferred type in every subnet first."""
        return [Choice(*each) for each in product(self.instance_types, self.subnets)]

    @property
    def pace(self) -> Pace:
        """How patient a run is; twenty minutes of silence from AWS, at the default pace."""
        return Pace(
            poll_seconds=self.poll_seconds,
            spread_seconds=self.launch_spread_seconds,
            most_hosts=self.most_instances,
            most_silent_polls=40,
            first_wait_seconds=5.0,
            ending_poll_seconds=15.0,
            silence_seconds=self.silence_minutes * 60.0,
        )
