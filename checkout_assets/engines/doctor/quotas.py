"""The account's vCPU quotas, compared with what one run and all runs at a time need."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from checkout_assets.domain.doctor import CheckResult, Topic
from checkout_assets.engines.doctor.asking import answered, ask
from checkout_assets.engines.doctor.settling import settled_one
from checkout_assets.engines.fleet.vcpu_quotas import (
    SPOT,
    HostNodes,
    QuotaAsk,
    UncomparedError,
    VcpuNeed,
    VcpuQuota,
    needed_quotas,
    vcpu_need,
)


@dataclass(frozen=True, slots=True)
class Fleet:
    """The nodes of one host, and the number of hosts per run and of runs at the same time.

    ``compacting`` hosts run beside them: those of a run over all months of the analysts' tables,
    which does not count for the limit of runs.
    """

    subject: str
    nodes: Sequence[HostNodes]
    hosts_per_run: int
    runs_at_a_time: int
    compacting: int = 0


def quota_results(ec2: Any, quotas: Any, fleet: Fleet) -> Iterator[CheckResult]:
    """Whether the quotas suffice for as many runs as may launch machines at the same time."""
    guide = f"docs/deploy/{fleet.subject.lower()}.md#quotas"
    read = _reading(ec2, quotas)
    for quota, nodes in needed_quotas(fleet.nodes).items():
        what = "vCPU quota of Spot" if quota is SPOT else "vCPU quota"
        topic = Topic(fleet.subject, what, guide)
        yield settled_one(topic, partial(_checked, topic, read, fleet, (quota, nodes)))


def _reading(ec2: Any, quotas: Any) -> QuotaAsk:
    clients = {"describe_instance_types": ec2, "get_service_quota": quotas}

    def read(request: str, **parameters: Any) -> Mapping[str, Any]:
        return answered(ask(clients[request], request, **parameters))

    return read


def _checked(
    topic: Topic, read: QuotaAsk, fleet: Fleet, counting: tuple[VcpuQuota, Sequence[HostNodes]]
) -> CheckResult:
    try:
        need = vcpu_need(read, *counting)
    except UncomparedError as error:
        return topic.unknown(
            f"not compared: {error}", "Compare the fleet with the quotas in Service Quotas."
        )
    return _judged(topic, need, fleet)


def _judged(topic: Topic, need: VcpuNeed, fleet: Fleet) -> CheckResult:
    runs, allowed = fleet.runs_at_a_time, need.allowed
    per_run, compacting = need.per_host * fleet.hosts_per_run, need.per_host * fleet.compacting
    wanted = per_run * runs + compacting
    told = f"One run needs {per_run:,} vCPUs, {runs:,} at a time need {per_run * runs:,}"
    if compacting:
        told += f", and compacting all months meanwhile up to {compacting:,}"
    if wanted <= allowed:
        return topic.ok(f"{told}; the account has {allowed:,}")
    remedy = _remedy(need.quota.code, allowed, per_run, compacting, wanted)
    return topic.failed(f"{told}; the account has {allowed:,}.", remedy)


def _remedy(code: str, allowed: int, per_run: int, compacting: int, wanted: int) -> str:
    if allowed < per_run:
        return f"Request at least {per_run:,} of quota {code}, or name smaller types."
    most = (allowed - compacting) // per_run
    if most > 0:
        return (
            f"Run dagster instance concurrency set migrate {most}, or request {wanted:,} of quota "
            f"{code}."
        )
    return (
        "Raise CHECKOUT_EMR_MONTHS_PER_CLUSTER, compact fewer months at a time and not beside "
        f"other runs, or request {wanted:,} of quota {code}."
    )
