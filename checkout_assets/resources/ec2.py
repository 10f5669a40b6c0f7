"""EC2 as a Dagster resource: every option of an instance, checked before anything is launched."""

import logging
from collections.abc import Callable, Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field, PrivateAttr, ValidationError

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.ec2.options import Ec2Options
from checkout_assets.engines.fleet.tags import DEPLOYMENT_TAG
from checkout_assets.engines.locations import (
    Location,
    S3Location,
    canonical_uri,
    parse_s3_location,
    refuse_overlap,
)
from checkout_assets.resources.engines import CopyEngineResource, given_to
from checkout_assets.resources.stores import Stores
from checkout_assets.settings import ENVIRONMENT_PREFIX

if TYPE_CHECKING:
    from checkout_assets.engines.ec2.api import Ec2Api
    from checkout_assets.engines.ec2.engine import Ec2Engine
    from checkout_assets.engines.ec2.worker_package import WorkerArchive

_log = logging.getLogger(__name__)

_OURS = DEPLOYMENT_TAG.partition(":")[0] + ":"
_REPLACES_SOURCE = f"{ENVIRONMENT_PREFIX}REPLACES_SOURCE"
_REQUIRED = {
    "fleet_uri": "s3://bucket/prefix, where instances report",
    "package_uri": "s3://bucket/prefix, where the packaged worker lies",
    "security_group": "the id of one without inbound rules",
    "instance_profile": "the name or ARN of the profile that may copy",
}


class Ec2Resource(CopyEngineResource):
    """Copies on EC2: an instance a run, replaced if it is lost, nothing left running."""

    stores: dg.ResourceDependency[Stores]
    deployment: str = Field(
        default="checkout-assets",
        min_length=1,
        max_length=200,
        description="names this deployment's instances, and tags them: the sensor for orphans ends "
        "only these",
    )
    owner: str = Field(default="data-platform", min_length=1, description="a tag: whom to ask")
    region: str = Field(default="", description="raw's region; empty for the environment's")
    endpoint_url: str = Field(default="", description="another endpoint of EC2 and SSM, for tests")
    package_uri: str = Field(
        default="", description="where the packaged worker lies: s3://bucket/prefix"
    )
    package_directory: str = Field(
        default="",
        description="what make package built, to be uploaded to package_uri; empty if it is",
    )
    architecture: str = Field(
        default="x86_64", pattern="^(x86_64|arm64)$", description="of the instance types"
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
        description="open port 22 of the security group for these addresses, as the hand run did",
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
        default=30, ge=5, le=1440, description="an instance nobody follows stops after these"
    )
    most_instances: int = Field(
        default=6,
        ge=1,
        le=50,
        description="instances that may be used up for one instance's folders when they are lost",
    )
    poll_seconds: float = Field(default=30, gt=0, description="between two looks at an instance")
    launch_spread_seconds: float = Field(
        default=30, ge=0, description="runs that start together launch at random within these"
    )
    variables: dict[str, str] = Field(
        default_factory=dict, description="the settings of the copy, see worker_variables"
    )
    # pydantic would bind a function that is the default to this resource.
    _tell: Callable[[str], None] | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Tell the run's log how it goes."""
        if context.log is not None:
            self._tell = context.log.info

    def engine(self) -> "Ec2Engine":
        from checkout_assets.engines.copying.cutoff import Origin, refuse_other_source
        from checkout_assets.engines.ec2.copy_job import CopyJob
        from checkout_assets.engines.ec2.engine import Ec2Engine, Surroundings

        self._check()
        self.stores.check("raw")
        api = self.api()
        raw, fleet = self.stores.raw().open(), self._fleet().open()
        replaced = canonical_uri(self.variables.get(_REPLACES_SOURCE, ""), "replaced source")
        refuse_other_source(raw, Origin(self.stores.source().uri, replaced))
        around = Surroundings(api, raw, fleet, self._tell or _log.info)
        engine = Ec2Engine(self.options(), CopyJob(self._archive(), self.variables), around)
        engine.check()
        return engine

    def api(self) -> "Ec2Api":
        """EC2's clients of the environment's account."""
        from checkout_assets.engines.ec2.api import ec2_clients

        return ec2_clients(self.region, self.endpoint_url)

    def options(self) -> Ec2Options:
        """The instance and the run's behaviour as plain values."""
        return Ec2Options(**given_to(Ec2Options, self))

    def _check(self) -> None:
        for name, meaning in _REQUIRED.items():
            if not getattr(self, name):
                raise UsageError(f"EC2 needs {name}: set it to {meaning}.")
        if not self.subnets:
            raise UsageError("EC2 needs subnets: name at least one, better one a zone.")
        places: dict[str, Location] = {
            "source": self.stores.source(),
            "raw": self.stores.raw(),
            "fleet_uri": self._fleet(),
        }
        if self.stores.lake_uri:
            places["lake"] = self.stores.lake()
        refuse_overlap(places)
        parse_s3_location(self.package_uri, "package_uri")
        self._check_ssh()
        for key in self.tags:
            if key.lower().startswith(("aws:", _OURS)) or key == "Name":
                raise UsageError(f'The tag "{displayable(key)}" is set by AWS or by this program.')
        if self.silence_minutes * 60 < 4 * self.poll_seconds:
            raise UsageError(
                f"poll_seconds {self.poll_seconds:g} is too long for silence_minutes "
                f"{self.silence_minutes}: instances would believe that nobody listens."
            )

    def _fleet(self) -> S3Location:
        return parse_s3_location(self.fleet_uri, "fleet_uri", self.stores.terms("fleet"))

    def _check_ssh(self) -> None:
        if self.ssh_cidr:
            try:
                network = ip_network(self.ssh_cidr)
            except ValueError:
                raise UsageError(
                    f'ssh_cidr "{displayable(self.ssh_cidr)}" is no range of addresses: write '
                    "something like 203.0.113.7/32."
                ) from None
            if network.prefixlen == 0:
                raise UsageError("ssh_cidr opens port 22 for the whole world: name your addresses.")
        if bool(self.ssh_cidr) != bool(self.ssh_key):
            raise UsageError(
                "SSH needs both ssh_key and ssh_cidr; without them use Session Manager."
            )

    def _archive(self) -> "WorkerArchive":
        from checkout_assets.engines.ec2.worker_package import upload_worker, use_worker

        if self.package_directory:
            directory = Path(self.package_directory)
            terms = self.stores.terms("fleet")
            return upload_worker(directory, self.package_uri, self.architecture, terms)
        return use_worker(self.package_uri, self.architecture)


def ec2_resource(
    stores: Stores, variables: Mapping[str, str], options: Mapping[str, Any]
) -> Ec2Resource:
    """The resource with these options; raises UsageError that names the first wrong one."""
    known = set(Ec2Resource.model_fields) - {"stores", "variables"}
    for name in sorted(options.keys() - known):
        raise UsageError(
            f'EC2 has no option "{displayable(name)}". It has {", ".join(sorted(known))}.'
        )
    try:
        return Ec2Resource(stores=stores, variables=dict(variables), **options)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        name = displayable(".".join(str(part) for part in first["loc"]))
        raise UsageError(f'EC2\'s option "{name}" is wrong: {first["msg"].lower()}.') from None
