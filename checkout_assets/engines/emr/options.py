"""What a cluster is made of and how a run behaves: plain values, checked where they enter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from checkout_assets.domain.sizing import ClusterShape
from checkout_assets.engines.fleet.pace import Pace
from spark_jobs.contract.limits import LARGEST_BODY_BYTES
from spark_jobs.stores.terms import NO_TERMS, StoreTerms

RELEASE = "emr-7.13.0"
"""The newest that Amazon's "About Amazon EMR Releases" lists, as of 2026-04."""

MOST_STEPS = 256
"""EMR takes no more pending and running steps than this, in a launch or in all."""


@dataclass(frozen=True, slots=True)
class EmrOptions:
    """A cluster and its run; the defaults are the hand run's cluster on a current release.

    With ``core_fleet_types`` the cluster is made of instance fleets: ``core_nodes`` units of any of
    these types, ``core_spot_nodes`` of them Spot. They should be as large as ``core_type``, by
    which Spark is sized.
    ``cluster_id`` names a cluster that is used instead, and neither launched nor terminated.
    ``log_kms_key`` encrypts what EMR writes to ``log_uri``.
    ``cluster_mode`` runs the driver on a core node, which is the only place that has the job's
    libraries; without it they must be on the primary, by a bootstrap script.
    """

    deployment: str
    log_uri: str
    service_role: str = "EMR_DefaultRole"
    instance_profile: str = "EMR_EC2_DefaultRole"
    subnets: Sequence[str] = ()
    security_configuration: str = ""
    release: str = RELEASE
    primary_type: str = "r5.2xlarge"
    core_type: str = "c5.4xlarge"
    core_nodes: int = 2
    core_fleet_types: Sequence[str] = ()
    core_spot_nodes: int = 0
    bootstrap_scripts: Sequence[str] = ()
    configurations: Sequence[Mapping[str, Any]] = ()
    spark_config: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    folders_per_cluster: int = 16
    step_concurrency: int = 1
    idle_minutes: int = 30
    cluster_mode: bool = True
    cluster_id: str = ""
    most_clusters: int = 3
    poll_seconds: float = 90.0
    launch_spread_seconds: float = 60.0
    log_kms_key: str = ""

    @property
    def shape(self) -> ClusterShape:
        """What Spark is sized for."""
        return ClusterShape(self.primary_type, self.core_type, self.core_nodes)

    @property
    def pace(self) -> Pace:
        """How patient a run is; half an hour of silence from AWS, at the default pace.

        32 clusters that are launched at once need 44 s: EMR takes 10, then one every 2 s. A cluster
        of somebody else is not replaced.
        """
        return Pace(
            poll_seconds=self.poll_seconds,
            spread_seconds=self.launch_spread_seconds,
            most_hosts=1 if self.cluster_id else self.most_clusters,
            most_silent_polls=20,
            first_wait_seconds=15.0,
            ending_poll_seconds=30.0,
        )


@dataclass(frozen=True, slots=True)
class JobPackage:
    """The packaged job in S3: its script, and what spark-submit is told before it."""

    script_uri: str
    spark_options: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class OrdersJob:
    """What every step of a run has in common; ``region`` is that of raw, lake and cluster.

    A container on a node is told its region by nobody else.
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

    def terms_arguments(self) -> list[str]:
        """The job's arguments for the terms of raw and the lake."""
        named = {
            "--raw-account": self.raw_terms.owner,
            "--lake-encryption": self.lake_terms.encryption,
            "--lake-kms-key": self.lake_terms.kms_key,
        }
        return [word for name, value in named.items() if value for word in (name, value)]
