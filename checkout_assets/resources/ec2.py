"""EC2 as a Dagster resource: its options are checked before anything is launched."""

from collections.abc import Mapping
from ipaddress import ip_network
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.ec2.options import Ec2Options
from checkout_assets.engines.fleet.tags import DEPLOYMENT_TAG
from checkout_assets.engines.locations import (
    Location,
    S3Location,
    canonical_uri,
    parse_s3_location,
    principal,
    refuse_overlap,
)
from checkout_assets.resources.engines import CopyEngineResource, given_to, parse_options
from checkout_assets.resources.fleet import FleetResource
from checkout_assets.resources.stores import Stores
from checkout_assets.settings import ENVIRONMENT_PREFIX

if TYPE_CHECKING:
    from checkout_assets.engines.ec2.api import Ec2Api
    from checkout_assets.engines.ec2.engine import Ec2Engine

_OURS = DEPLOYMENT_TAG.partition(":")[0] + ":"
_REPLACES_SOURCE = f"{ENVIRONMENT_PREFIX}REPLACES_SOURCE"
_REQUIRED = {
    "fleet_uri": "s3://bucket/prefix, where instances report",
    "package_uri": "s3://bucket/prefix, where the packaged worker lies",
    "security_group": "the id of one without inbound rules",
    "instance_profile": "the name or ARN of the profile that may copy",
}


class Ec2Resource(Ec2Options, FleetResource, CopyEngineResource):
    """Copies on EC2: replaces lost instances, and leaves none running."""

    stores: dg.ResourceDependency[Stores]
    variables: dict[str, str] = Field(
        default_factory=dict, description="the settings of the copy, see worker_variables"
    )

    def engine(self) -> "Ec2Engine":
        from checkout_assets.engines.copying.cutoff import Origin, refuse_other_source
        from checkout_assets.engines.ec2.copy_job import CopyJob
        from checkout_assets.engines.ec2.engine import Ec2Engine, Surroundings
        from checkout_assets.engines.ec2.worker_package import worker_archive

        self._check()
        self.stores.refuse_over_budget()
        self.stores.check("raw")
        api = self.api()
        session = principal(region=api.region)
        raw, fleet = self.stores.raw().open(session), self._fleet().open(session)
        replaced = canonical_uri(self.variables.get(_REPLACES_SOURCE, ""), "replaced source")
        refuse_other_source(raw, Origin(self.stores.source().uri, replaced))
        around = Surroundings(api, raw, fleet, self.tell, self._clock)
        engine = Ec2Engine(
            self.options(),
            CopyJob(worker_archive(self.package_place(self.stores.terms("fleet"))), self.variables),
            around,
        )
        engine.check()
        return engine

    def api(self) -> "Ec2Api":
        """EC2's clients for the configured account."""
        from checkout_assets.engines.ec2.api import ec2_clients

        return ec2_clients(self.region, self.endpoint_url)

    def options(self) -> Ec2Options:
        """The options of instances and runs as plain values."""
        return given_to(Ec2Options, self)

    def _check(self) -> None:
        for name, meaning in _REQUIRED.items():
            if not getattr(self, name):
                raise UsageError(f"EC2 needs {name}: set it to {meaning}.")
        if not self.subnets:
            raise UsageError("EC2 needs subnets: name at least one, better one per zone.")
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
                f"{self.silence_minutes}: instances would stop although a run follows them."
            )

    def _fleet(self) -> S3Location:
        return parse_s3_location(self.fleet_uri, "fleet_uri", self.stores.terms("fleet"))

    def _check_ssh(self) -> None:
        if self.ssh_cidr:
            try:
                network = ip_network(self.ssh_cidr)
            except ValueError:
                raise UsageError(
                    f'ssh_cidr "{displayable(self.ssh_cidr)}" is not an address range: write '
                    "something like 203.0.113.7/32."
                ) from None
            if network.prefixlen == 0:
                raise UsageError("ssh_cidr opens port 22 to all addresses: name your own.")
        if bool(self.ssh_cidr) != bool(self.ssh_key):
            raise UsageError(
                "SSH needs both ssh_key and ssh_cidr; without them use Session Manager."
            )


def ec2_resource(
    stores: Stores, variables: Mapping[str, str], options: Mapping[str, Any]
) -> Ec2Resource:
    """The resource with these options; raises UsageError that names the first wrong one."""
    chosen = parse_options(Ec2Options, "EC2", options)
    return Ec2Resource(stores=stores, variables=dict(variables), **chosen)
