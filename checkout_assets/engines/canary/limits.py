"""The settings of a canary: the smallest machines, short limits, and the most that it costs."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from checkout_assets.domain.canary import canary_uri
from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.planning.estimate import request_dollars
from checkout_assets.domain.planning.prices import PriceTable
from checkout_assets.domain.planning.requests import RequestCounts
from checkout_assets.engines.copying.sample import LARGEST_SAMPLED, SampleKind
from checkout_assets.engines.ec2.options import Ec2Options
from checkout_assets.engines.emr.options import EmrChoices
from checkout_assets.settings import Settings

CLUSTER_MINUTES = 35
"""Minutes after which a canary gives its cluster up; one usually starts within ten."""

INSTANCE_MINUTES = 30
_IDLE_MINUTES = 10
_ENDING_MINUTES = 10
"""Minutes in which a machine ends: an instance shuts down that long after its deadline."""

_SILENCE_MINUTES = 10
_INSTANCE_POLL_SECONDS, _CLUSTER_POLL_SECONDS = 15, 30
_VOLUME_GB, _NODE_GB = 30, 100
"""Sizes of volumes in GB: an instance's, and at most those of a cluster's node."""

_MOST_REQUESTS = RequestCounts(writes=2_000, reads=5_000)
_HOURS_PER_MONTH = 730
_GB = 1024**3
_MINUTES_PER_HOUR = 60


@dataclass(frozen=True, slots=True)
class SmallMachines:
    """The smallest types that can do the work: an instance's, and a cluster's nodes."""

    instance: str
    primary: str
    core: str
    core_nodes: int

    @property
    def nodes(self) -> list[str]:
        """The types of all nodes of the cluster."""
        return [self.primary, *[self.core] * self.core_nodes]


SMALLEST: Mapping[str, SmallMachines] = MappingProxyType(
    {
        "x86_64": SmallMachines("m5.large", "m5.xlarge", "m5.xlarge", 2),
        "arm64": SmallMachines("m7g.large", "m7g.xlarge", "c7g.4xlarge", 1),
    }
)
"""By processor. Types with burstable performance are left out, because their price has no bound.
Core nodes are the smallest of the sizing table on which the driver and one executor fit."""


def canary_settings(settings: Settings, canary: str) -> Settings:
    """Return the settings of the canary: other places, the smallest machines, short limits.

    Raises UsageError if the settings do not copy on EC2 and structure on EMR.
    """
    if (settings.copy_engine, settings.structure_engine) != ("ec2", "emr"):
        raise UsageError(
            "A canary needs both fleets: set CHECKOUT_COPY_ENGINE to ec2 and "
            "CHECKOUT_STRUCTURE_ENGINE to emr."
        )
    for name in ("source", "raw", "lake"):
        if not getattr(settings, f"{name}_uri"):
            raise UsageError(f"No {name} was given: set CHECKOUT_{name.upper()}_URI.")
    return settings.model_copy(
        update={
            "raw_uri": canary_uri(settings.raw_uri, canary),
            "lake_uri": canary_uri(settings.lake_uri, canary),
            "ec2": {**settings.ec2, **_instance(Ec2Options(**settings.ec2))},
            "emr": {**settings.emr, **_cluster(EmrChoices(**settings.emr))},
            "as_of": "",
            "replaces_source": "",
            "replaces_raw": "",
            # The caller has agreed to the canary's own bound.
            "budget_dollars": 0.0,
        }
    )


def _instance(options: Ec2Options) -> dict[str, Any]:
    return {
        "instance_types": [SMALLEST[options.architecture].instance],
        "spot": False,
        "volume_gb": _VOLUME_GB,
        "folders_per_instance": 1,
        "most_instances": 1,
        "deadline_hours": INSTANCE_MINUTES / _MINUTES_PER_HOUR,
        "silence_minutes": _SILENCE_MINUTES,
        "poll_seconds": min(options.poll_seconds, _INSTANCE_POLL_SECONDS),
        "launch_spread_seconds": 0,
    }


def _cluster(options: EmrChoices) -> dict[str, Any]:
    small = SMALLEST[options.architecture]
    return {
        "primary_type": small.primary,
        "core_type": small.core,
        "core_nodes": small.core_nodes,
        "core_fleet_types": [],
        "core_spot_nodes": 0,
        "spark_config": {},
        "folders_per_cluster": 1,
        "step_concurrency": 1,
        "idle_minutes": _IDLE_MINUTES,
        "cluster_mode": True,
        "cluster_id": "",
        "most_clusters": 1,
        "poll_seconds": min(options.poll_seconds, _CLUSTER_POLL_SECONDS),
        "launch_spread_seconds": 0,
    }


def most_dollars(settings: Settings, table: PriceTable) -> float:
    """Return the upper bound of a canary's cost in US dollars, by its limits.

    Raises UsageError if the table lacks a price. A NAT gateway, public addresses and logs are not
    included, and neither is a step that hangs after this process was killed.
    """
    instance = SMALLEST[Ec2Options(**settings.ec2).architecture].instance
    nodes = SMALLEST[EmrChoices(**settings.emr).architecture].nodes
    hourly = sum(table.dollars(f"{service}.{node}") for service in ("ec2", "emr") for node in nodes)
    machines = [
        (INSTANCE_MINUTES + _ENDING_MINUTES, table.dollars(f"ec2.{instance}"), _VOLUME_GB),
        (CLUSTER_MINUTES + _ENDING_MINUTES, hourly, _NODE_GB * len(nodes)),
    ]
    gigabytes = table.dollars("ebs.gp3_gb_month") / _HOURS_PER_MONTH
    cost = sum(
        minutes / _MINUTES_PER_HOUR * (dollars + size * gigabytes)
        for minutes, dollars, size in machines
    )
    transferred = len(SampleKind) * LARGEST_SAMPLED / _GB
    return (
        cost
        + transferred * table.dollars("s3.transfer_gb")
        + request_dollars(_MOST_REQUESTS, table)
    )
