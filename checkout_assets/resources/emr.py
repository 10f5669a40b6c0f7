"""EMR as a Dagster resource: every option of a cluster, checked before anything is launched."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field, PrivateAttr, ValidationError

from checkout_assets.domain.counting import part_of
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.emr.options import RELEASE, EmrOptions, JobPackage
from checkout_assets.engines.locations import canonical_uri, parse_s3_location
from checkout_assets.engines.structuring.choices import StructureChoices
from checkout_assets.resources.engines import StructureEngineResource, given_to
from checkout_assets.resources.stores import Stores

if TYPE_CHECKING:
    from checkout_assets.engines.emr.api import EmrApi
    from checkout_assets.engines.seam import FolderEngine
    from checkout_assets.engines.structuring.spark_engine import StructuredFolder

_ONE_DAY = 24 * 60
_log = logging.getLogger(__name__)


class EmrResource(StructureChoices, StructureEngineResource):
    """Structures on EMR: a cluster a run, a step a folder, nothing left running.

    The Dagster-maintained EMR clients are not used: they end by their own time limit and leave the
    cluster running, and they launch one for each call.
    """

    stores: dg.ResourceDependency[Stores]
    deployment: str = Field(
        default="checkout-assets",
        min_length=1,
        description="names this deployment's clusters, and tags them: the sensor for orphans ends "
        "only these",
    )
    region: str = Field(default="", description="the clusters' region; empty for the environment's")
    endpoint_url: str = Field(default="", description="another EMR endpoint, for tests")
    package_uri: str = Field(
        default="", description="where the packaged job lies: s3://bucket/prefix"
    )
    package_directory: str = Field(
        default="",
        description="what make package built, to be uploaded to package_uri; empty if it is",
    )
    architecture: str = Field(default="x86_64", description="of the core nodes: x86_64 or arm64")
    log_uri: str = Field(default="", description="where EMR puts logs: s3://bucket/prefix")
    release: str = Field(default=RELEASE, pattern=r"^emr-7\.\d+\.\d+$")
    service_role: str = Field(default="EMR_DefaultRole", description="EMR's own role")
    instance_profile: str = Field(
        default="EMR_EC2_DefaultRole", description="of the nodes: reads raw, writes the lake"
    )
    subnets: list[str] = Field(
        default_factory=list, description="one is used, another after a lack of capacity"
    )
    security_configuration: str = Field(
        default="", description="an EMR security configuration's name"
    )
    primary_type: str = Field(default="r5.2xlarge", description="the primary's instance type")
    core_type: str = Field(
        default="c5.4xlarge", description="the core nodes' type; Spark is sized for it"
    )
    core_nodes: int = Field(default=2, ge=1, le=1000, description="how many core nodes")
    core_fleet_types: list[str] = Field(
        default_factory=list,
        description="use instance fleets, core nodes of any of these types; as large as core_type",
    )
    core_spot_nodes: int = Field(
        default=0, ge=0, description="how many core nodes of a fleet are Spot"
    )
    bootstrap_scripts: list[str] = Field(default_factory=list, description="their S3 URIs")
    configurations: list[dict[str, Any]] = Field(
        default_factory=list, description="EMR's Configurations, as its documentation has them"
    )
    spark_config: dict[str, str] = Field(
        default_factory=dict, description="Spark settings that win over the computed ones"
    )
    tags: dict[str, str] = Field(default_factory=dict, description="more tags of the cluster")
    folders_per_cluster: int = Field(
        default=16,
        ge=1,
        le=512,
        description="folders of a cluster; a run of more uses several side by side",
    )
    step_concurrency: int = Field(
        default=1, ge=1, le=256, description="steps at a time on a cluster"
    )
    idle_minutes: int = Field(
        default=30, ge=1, le=7 * _ONE_DAY, description="EMR ends a cluster nobody uses after these"
    )
    cluster_mode: bool = Field(default=True, description="run the driver on a core node")
    cluster_id: str = Field(
        default="",
        description="use this cluster, and neither launch nor terminate one",
        pattern=r"^(j-\w+)?$",
    )
    most_clusters: int = Field(
        default=3,
        ge=1,
        le=10,
        description="clusters that may be used up for one cluster's folders when they break down",
    )
    poll_seconds: float = Field(
        default=90,
        gt=0,
        description="between two looks at a cluster: EMR's quotas allow 90 for 32 runs",
    )
    launch_spread_seconds: float = Field(
        default=60, ge=0, description="runs that start together launch at random within these"
    )
    # pydantic would bind a function that is the default to this resource.
    _tell: Callable[[str], None] | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Tell the run's log how it goes."""
        if context.log is not None:
            self._tell = context.log.info

    def engine(self) -> "FolderEngine[StructuredFolder]":
        from checkout_assets.engines.emr.engine import EmrEngine
        from checkout_assets.engines.emr.options import OrdersJob
        from checkout_assets.engines.structuring.leftovers import LeftoverWatch

        self.stores.check("raw", "lake")
        self._check()
        raw, lake = self.stores.raw(), self.stores.lake()
        api = self.api()
        job = OrdersJob(
            self._package(),
            raw.uri,
            lake.uri,
            self.vanished,
            api.region,
            canonical_uri(self.replaces_raw, "replaced raw"),
            self.largest_body_bytes,
            raw.terms,
            lake.terms,
        )
        engine = EmrEngine(self.options(), job, api, lake.open(), tell=self._tell or _log.info)
        engine.check()
        return LeftoverWatch(engine, lake)

    def api(self) -> "EmrApi":
        """EMR's clients of the environment's account."""
        from checkout_assets.engines.emr.api import emr_clients

        return emr_clients(self.region, self.endpoint_url)

    def options(self) -> EmrOptions:
        """The cluster and the run's behaviour as plain values."""
        log_kms_key = self.stores.terms("fleet").kms_key
        return EmrOptions(**given_to(EmrOptions, self), log_kms_key=log_kms_key)

    def _check(self) -> None:
        for name in ("package_uri", "log_uri"):
            uri = getattr(self, name)
            if not uri.startswith("s3://"):
                raise UsageError(f"EMR needs {name}: set it to s3://bucket/prefix.")
            parse_s3_location(uri, name)
        if not self.stores.lake().uri.startswith("s3://"):
            raise UsageError("EMR needs a lake in S3: set CHECKOUT_LAKE_URI to s3://bucket/prefix.")
        if self.core_spot_nodes and not self.core_fleet_types:
            raise UsageError(
                "Spot core nodes need core_fleet_types: name the types to choose from."
            )
        if self.core_spot_nodes > self.core_nodes:
            raise UsageError(
                f"{part_of(self.core_spot_nodes, self.core_nodes, 'core node')} cannot be Spot: "
                "raise core_nodes or lower core_spot_nodes."
            )

    def _package(self) -> JobPackage:
        from checkout_assets.engines.emr.job_package import upload_job, use_job

        if self.package_directory:
            directory = Path(self.package_directory)
            terms = self.stores.terms("fleet")
            return upload_job(directory, self.package_uri, self.architecture, terms)
        return use_job(self.package_uri, self.architecture)


def emr_resource(
    stores: Stores, choices: Mapping[str, Any], options: Mapping[str, Any]
) -> EmrResource:
    """The resource with these options; raises UsageError that names the first wrong one.

    ``choices`` are the fields of StructureChoices, which are settings of their own.
    """
    known = set(EmrResource.model_fields) - {"stores", *StructureChoices.model_fields}
    for name in sorted(options.keys() - known):
        raise UsageError(
            f'EMR has no option "{displayable(name)}". It has {", ".join(sorted(known))}.'
        )
    try:
        return EmrResource(stores=stores, **choices, **options)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        name = displayable(".".join(str(part) for part in first["loc"]))
        raise UsageError(f'EMR\'s option "{name}" is wrong: {first["msg"].lower()}.') from None
