"""What the configured fleets need in the account: copying EC2 instances, EMR clusters."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from math import ceil
from typing import Any

from checkout_assets.domain.compaction.months import Month, months_between
from checkout_assets.domain.doctor import CheckResult, Topic
from checkout_assets.engines.doctor.account import AwsClients
from checkout_assets.engines.doctor.amazon_buckets import linux_need, node_need
from checkout_assets.engines.doctor.clusters import cluster_results, release_results
from checkout_assets.engines.doctor.limits import RoleNeed
from checkout_assets.engines.doctor.network import (
    Network,
    network_results,
    security_group_results,
)
from checkout_assets.engines.doctor.packages import JOB, WORKER, FleetPackage, package_results
from checkout_assets.engines.doctor.profiles import profile_results, service_role_results
from checkout_assets.engines.doctor.quotas import Fleet, quota_results
from checkout_assets.engines.doctor.roles import (
    COPY_ROLE,
    NODE_ROLE,
    WORKER_ROLE,
    attached_policies,
)
from checkout_assets.engines.doctor.settling import UnseenError
from checkout_assets.engines.ec2.options import Ec2Options
from checkout_assets.engines.emr.options import EmrChoices
from checkout_assets.engines.locations import parse_s3_location
from checkout_assets.settings import Settings
from spark_jobs.contract.order_types import OrderType

_EC2_NEEDS = ("subnets", "security_group", "instance_profile", "fleet_uri")
_MANAGED_POLICY = "/AmazonEMRServicePolicy_v2"


def ec2_results(
    clients: AwsClients, settings: Settings, runs_at_a_time: int, needs: Sequence[RoleNeed] = ()
) -> Iterator[CheckResult]:
    """Packages, profile, network and quotas of copying instances."""
    options = Ec2Options(**settings.ec2)
    ec2 = clients.of("ec2", options.region, options.endpoint_url)
    iam = clients.of("iam")
    yield from _required("EC2", {name: bool(getattr(options, name)) for name in _EC2_NEEDS})
    yield from package_results(
        clients.of("s3"),
        FleetPackage(
            "EC2", options.package_uri, options.package_directory, options.architecture, WORKER
        ),
    )
    if options.instance_profile:
        yield from profile_results(
            iam, "EC2", options.instance_profile, settings.worker_role_arn, same_name=False
        )
    yield from _instance_network(ec2, options, _across_regions(clients, settings), needs)
    if options.spot:
        yield from service_role_results(iam, "EC2", "Spot")
    yield from quota_results(
        ec2,
        clients.of("service-quotas", options.region),
        Fleet(
            "EC2",
            options.host_nodes,
            ceil(settings.folders_per_run / options.folders_per_instance),
            runs_at_a_time,
        ),
    )


def emr_results(
    clients: AwsClients, settings: Settings, runs_at_a_time: int, needs: Sequence[RoleNeed] = ()
) -> Iterator[CheckResult]:
    """Packages, and what a launch needs; with a ``cluster_id`` that cluster instead."""
    options = EmrChoices(**settings.emr)
    yield from _required("EMR", {"log_uri": bool(options.log_uri)})
    yield from package_results(
        clients.of("s3"),
        FleetPackage(
            "EMR", options.package_uri, options.package_directory, options.architecture, JOB
        ),
    )
    emr = clients.of("emr", options.region, options.endpoint_url)
    if options.cluster_id:
        yield from cluster_results(emr, options.cluster_id, options.deployment)
        return
    yield from release_results(emr, options.release)
    yield from _cluster_roles(clients.of("iam"), settings, options)
    yield from _cluster_network(clients, options, needs)
    yield from quota_results(
        clients.of("ec2", options.region),
        clients.of("service-quotas", options.region),
        Fleet(
            "EMR",
            options.host_nodes,
            ceil(settings.folders_per_run / options.folders_per_cluster),
            runs_at_a_time,
            _compacting_clusters(settings, options),
        ),
    )


def _cluster_roles(iam: Any, settings: Settings, options: EmrChoices) -> Iterator[CheckResult]:
    yield from profile_results(
        iam, "EMR", options.instance_profile, settings.structure_role_arn, same_name=True
    )
    yield from service_role_results(iam, "EMR", "EMR clean-up")
    if options.core_spot_nodes:
        yield from service_role_results(iam, "EMR", "Spot")


def _cluster_network(
    clients: AwsClients, options: EmrChoices, needs: Sequence[RoleNeed]
) -> Iterator[CheckResult]:
    managed = _has_managed_policy(clients.of("iam"), options.service_role)
    on_nodes = [each for each in needs if each.what == NODE_ROLE]
    ec2 = clients.of("ec2", options.region)
    on_nodes += node_need(ec2.meta.region_name, on_nodes)
    network = Network("EMR", options.subnets, managed_tag=managed, needs=on_nodes)
    yield from network_results(ec2, network)


def _compacting_clusters(settings: Settings, options: EmrChoices) -> int:
    """The clusters of a run over all months of both tables; none without a catalog."""
    if not settings.catalog:
        return 0
    today = datetime.now(UTC)
    months = [*months_between(Month.parse(settings.first_month), Month(today.year, today.month))]
    return ceil(len(months) * len(OrderType) / options.months_per_cluster)


def _instance_network(
    ec2: Any, options: Ec2Options, across_regions: bool, needs: Sequence[RoleNeed]
) -> Iterator[CheckResult]:
    on_instances = [each for each in needs if each.what in {COPY_ROLE, WORKER_ROLE}]
    if not options.ami:  # the newest Amazon Linux 2023, which has no Python of the worker's
        on_instances += linux_need(ec2.meta.region_name, on_instances)
    network = Network(
        "EC2",
        options.subnets,
        across_regions,
        options.public_ip,
        needs=on_instances,
        group=options.security_group,
    )
    yield from network_results(ec2, network)
    if options.security_group:
        yield from security_group_results(ec2, options.security_group, bool(options.ssh_cidr))


def _required(subject: str, given: dict[str, bool]) -> Iterator[CheckResult]:
    """Whether all required options are set."""
    topic = Topic(subject, "options", f"docs/deploy/{subject.lower()}.md")
    missing = [name for name, is_given in given.items() if not is_given]
    for name in missing:
        variable = f"CHECKOUT_{subject}_{name.upper()}"
        yield topic.failed(
            f"{name} is not set.", f"Set {variable}, or {name} in CHECKOUT_{subject}."
        )
    if not missing:
        yield topic.ok("every required option is set")


def _across_regions(clients: AwsClients, settings: Settings) -> bool:
    """Whether source and raw are in different regions; False if a region is unknown."""
    if not (settings.source_uri and settings.raw_uri):
        return False
    regions = [
        clients.region_of(parse_s3_location(uri, what).bucket)
        for what, uri in (("source", settings.source_uri), ("raw", settings.raw_uri))
    ]
    return all(regions) and len(set(regions)) > 1


def _has_managed_policy(iam: Any, service_role: str) -> bool:
    """Whether EMR's service role may use tagged resources only; True if that cannot be read."""
    try:
        attached = attached_policies(iam, service_role.rpartition("/")[2])
    except UnseenError:
        return True
    return any(each.endswith(_MANAGED_POLICY) for each in attached)
