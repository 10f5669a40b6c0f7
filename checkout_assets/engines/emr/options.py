"""The options of a cluster and of a run, each defined once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from checkout_assets.domain.sizing import ClusterShape
from checkout_assets.engines.fleet.options import FleetOptions
from checkout_assets.engines.fleet.pace import Pace
from checkout_assets.engines.fleet.vcpu_quotas import HostNodes
from spark_jobs.contract.limits import LARGEST_BODY_BYTES
from spark_jobs.stores.terms import NO_TERMS, StoreTerms

RELEASE = "emr-7.13.0"
"""The newest release in Amazon's "About Amazon EMR Releases", as of 2026-04."""

MOST_STEPS = 256
"""EMR's limit of pending and running steps, in a launch or in all."""
_ONE_DAY = 24 * 60


class EmrChoices(FleetOptions):
    """The options of a cluster and its run; the defaults are the hand run's, on a current release.

    Each option is defined here once: settings, the Dagster resource and the launch follow. In
    cluster mode the driver runs on a core node, the only place that has the job's libraries. In
    client mode a bootstrap script must install them on the primary.
    """

    deployment: str = Field(
        default="checkout-assets",
        min_length=1,
        description="names this deployment's clusters, and tags them: the sensor for orphans ends "
        "only these",
    )
    log_uri: str = Field(default="", description="where EMR puts logs: s3://bucket/prefix")
    release: str = Field(
        default=RELEASE,
        pattern=r"^emr-7\.\d+\.\d+$",
        description="of EMR; from 7.10 on it has the job's Python, 3.11",
    )
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
    months_per_cluster: int = Field(
        default=64,
        ge=4,
        le=1024,
        description="months of the analysts' tables of a cluster; a run of more uses several side "
        "by side",
    )
    step_concurrency: int = Field(
        default=1, ge=1, le=256, description="steps at a time on a cluster"
    )
    idle_minutes: int = Field(
        default=30,
        ge=1,
        le=7 * _ONE_DAY,
        description="EMR ends a cluster after these minutes without work",
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
        description="clusters that the folders or months of one may use up when they break down",
    )
    poll_seconds: float = Field(
        default=90,
        gt=0,
        description="between two looks at a cluster: EMR's quotas allow 90 for 32 clusters",
    )
    launch_spread_seconds: float = Field(
        default=60, ge=0, description="runs that start together launch at random within these"
    )

    @property
    def shape(self) -> ClusterShape:
        """The cluster's shape, for which Spark is sized."""
        return ClusterShape(self.primary_type, self.core_type, self.core_nodes)

    @property
    def host_nodes(self) -> list[HostNodes]:
        """The instances of a cluster."""
        core = self.core_fleet_types or [self.core_type]
        on_demand = self.core_nodes - self.core_spot_nodes
        return [
            HostNodes([self.primary_type]),
            HostNodes(core, on_demand),
            HostNodes(core, self.core_spot_nodes, spot=True),
        ]

    @property
    def pace(self) -> Pace:
        """The run's pace; by default it allows half an hour of silence from AWS.

        Launching 32 clusters at once takes 44 s: EMR allows 10, then one every 2 s. A cluster that
        the run does not own is not replaced.
        """
        return Pace(
            poll_seconds=self.poll_seconds,
            spread_seconds=self.launch_spread_seconds,
            most_hosts=1 if self.cluster_id else self.most_clusters,
            most_silent_polls=20,
            first_wait_seconds=15.0,
            ending_poll_seconds=30.0,
        )


class EmrOptions(EmrChoices):
    """The options of a launch; ``log_kms_key`` encrypts what EMR writes to ``log_uri``."""

    log_kms_key: str = ""


@dataclass(frozen=True, slots=True)
class JobPackage:
    """The packaged job in S3: its script, and the spark-submit arguments before it."""

    script_uri: str
    spark_options: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class OrdersJob:
    """What all steps of a run have in common; ``region`` is that of raw, lake and cluster.

    A container on a node gets its region only from here.
    """

    package: JobPackage
    raw_uri: str
    lake_uri: str
    vanished: str
    region: str
    replaces_raw: str = ""
    largest_body: int = LARGEST_BODY_BYTES
    raw_terms: StoreTerms = NO_TERMS
    lake_terms: StoreTerms = NO_TERMS

    def arguments(self, folder: str, run_id: str) -> list[str]:
        """The script's arguments for a folder; ``run_id`` is that of the attempt."""
        return [
            *("--raw", self.raw_uri, "--lake", self.lake_uri),
            *("--run-id", run_id),
            *("--vanished", self.vanished),
            *(("--replaces-raw", self.replaces_raw) if self.replaces_raw else ()),
            *("--largest-body-bytes", str(self.largest_body)),
            *self.terms_arguments(),
            folder,
        ]

    def terms_arguments(self) -> list[str]:
        """The job's arguments for the terms of raw and the lake."""
        named = {
            "--raw-account": self.raw_terms.owner,
            "--lake-encryption": self.lake_terms.encryption,
            "--lake-kms-key": self.lake_terms.kms_key,
        }
        return [word for name, value in named.items() if value for word in (name, value)]


@dataclass(frozen=True, slots=True)
class MonthsJob:
    """What all steps of a run that compacts have in common.

    The analysts' tables have no terms of their own: a lake with encryption in its terms is refused
    when their catalog is opened.
    """

    package: JobPackage
    lake_uri: str
    region: str
    target_bytes: int

    def arguments(self, month: str, run_id: str) -> list[str]:
        """The script's arguments for a month's unit; ``run_id`` is that of the attempt."""
        return ["--lake", self.lake_uri, "--run-id", run_id, month]
