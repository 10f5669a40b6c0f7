"""The options of an instance and of a run, each defined once."""

from dataclasses import dataclass
from itertools import product

from pydantic import Field

from checkout_assets.engines.fleet.options import FleetOptions
from checkout_assets.engines.fleet.pace import Pace
from checkout_assets.engines.fleet.vcpu_quotas import HostNodes

WORKER_TAG = "checkout-assets:worker"
OWNER_TAG = "checkout-assets:owner"


@dataclass(frozen=True, slots=True)
class Choice:
    """What to launch: a type in a subnet."""

    instance_type: str
    subnet: str


class Ec2Options(FleetOptions):
    """An instance and its run; the defaults are the hand run's instance on a current system.

    Each option is defined here once: settings, the Dagster resource and the launch follow. Where
    instances report, below ``fleet_uri``, is told in engines.worker.reports.
    """

    deployment: str = Field(
        default="checkout-assets",
        min_length=1,
        max_length=200,
        description="names this deployment's instances, and tags them: the sensor for orphans ends "
        "only these",
    )
    owner: str = Field(
        default="data-platform", min_length=1, description="a tag: the person or team to contact"
    )
    fleet_uri: str = Field(default="", description="where instances report: s3://bucket/prefix")
    instance_types: list[str] = Field(
        default_factory=lambda: ["m5.4xlarge"],
        min_length=1,
        description="the first one is used, the next ones when AWS has none; for Spot name several",
    )
    subnets: list[str] = Field(
        default_factory=list,
        description="one is used, the next after a lack of capacity; a gateway endpoint for S3 is "
        "enough to install and to copy within a region; listing a source in another region needs "
        "NAT or public_ip",
    )
    security_group: str = Field(default="", description="one without inbound rules")
    instance_profile: str = Field(default="", description="may copy, by the access policies")
    spot: bool = Field(default=False, description="Spot instances, a third of the price or less")
    ami: str = Field(
        default="",
        pattern=r"^(ami-[0-9a-f]+)?$",
        description="an image's id; empty for the newest Amazon Linux 2023",
    )
    volume_gb: int = Field(default=30, ge=10, le=1000, description="of the encrypted gp3 volume")
    volume_kms_key: str = Field(default="", description="its KMS key; empty for the account's")
    public_ip: bool = Field(default=False, description="a public address, if a subnet needs one")
    ssh_key: str = Field(default="", description="a key pair's name; Session Manager needs none")
    ssh_cidr: str = Field(
        default="",
        description="open port 22 of the security group for these addresses",
    )
    tags: dict[str, str] = Field(default_factory=dict, description="more tags of the instances")
    folders_per_instance: int = Field(
        default=32,
        ge=1,
        le=512,
        description="folders of an instance; a run of more uses several side by side",
    )
    folders_at_once: int = Field(default=8, ge=1, le=64, description="folders side by side")
    in_flight: int = Field(default=1024, ge=1, le=4096, description="requests under way at once")
    deadline_hours: float = Field(
        default=36, gt=0, le=240, description="an instance stops after these, done or not"
    )
    silence_minutes: int = Field(
        default=30,
        ge=5,
        le=1440,
        description="the minutes after which an instance stops if no run follows it",
    )
    most_instances: int = Field(
        default=6,
        ge=1,
        le=50,
        description="instances that folders_per_instance folders may use up when they are lost",
    )
    poll_seconds: float = Field(default=30, gt=0, description="between two looks at an instance")
    launch_spread_seconds: float = Field(
        default=30, ge=0, description="runs that start together launch at random within these"
    )

    @property
    def choices(self) -> list[Choice]:
        """All choices, the preferred type in every subnet first."""
        return [Choice(*each) for each in product(self.instance_types, self.subnets)]

    @property
    def host_nodes(self) -> list[HostNodes]:
        """The instance of the preferred type: a quota that it exceeds does not lead to the next."""
        return [HostNodes(self.instance_types[:1], spot=self.spot)]

    @property
    def pace(self) -> Pace:
        """The run's pace; by default it allows twenty minutes of silence from AWS."""
        return Pace(
            poll_seconds=self.poll_seconds,
            spread_seconds=self.launch_spread_seconds,
            most_hosts=self.most_instances,
            most_silent_polls=40,
            first_wait_seconds=5.0,
            ending_poll_seconds=15.0,
            silence_seconds=self.silence_minutes * 60.0,
        )
