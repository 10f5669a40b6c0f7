"""The account's vCPU quotas, compared with what one run and all runs at a time need."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from checkout_assets.domain.doctor import CheckResult, Topic
from checkout_assets.engines.doctor.asking import answered, ask
from checkout_assets.engines.doctor.settling import settled_one

_STANDARD = "L-1216C47A"
"""Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances."""

_SPOT = "L-34B43A08"
"""All Standard Spot Instance Requests."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """How many instances of each type one run has; ``spot`` says on which market."""

    subject: str
    on_demand: Mapping[str, int]
    spot: Mapping[str, int]


def quota_results(
    ec2: Any, quotas: Any, fleet: Fleet, runs_at_a_time: int
) -> Iterator[CheckResult]:
    """Whether the quotas hold as many runs as the pool lets start."""
    guide = f"docs/deploy/{fleet.subject.lower()}.md#quotas"
    for what, code, wanted in (
        ("vCPU quota", _STANDARD, fleet.on_demand),
        ("vCPU quota of Spot", _SPOT, fleet.spot),
    ):
        topic = Topic(fleet.subject, what, guide)
        if wanted:
            yield settled_one(
                topic, partial(_checked, topic, ec2, quotas, (code, wanted, runs_at_a_time))
            )


def _checked(
    topic: Topic, ec2: Any, quotas: Any, wish: tuple[str, Mapping[str, int], int]
) -> CheckResult:
    code, wanted, runs = wish
    answer = answered(ask(quotas, "get_service_quota", ServiceCode="ec2", QuotaCode=code))
    vcpus = _vcpus(ec2, list(wanted))
    per_run = sum(vcpus[name] * number for name, number in wanted.items())
    return _judged(topic, code, int(answer["Quota"]["Value"]), (per_run, runs))


def _judged(topic: Topic, code: str, allowed: int, need: tuple[int, int]) -> CheckResult:
    per_run, runs = need
    told = f"One run needs {per_run:,} vCPUs, {runs:,} at a time need {per_run * runs:,}"
    if per_run * runs <= allowed:
        return topic.ok(f"{told}; the account has {allowed:,}")
    most = allowed // per_run
    remedy = (
        f"Run dagster instance concurrency set migrate {most}, or request {per_run * runs:,} of "
        f"quota {code}."
        if most
        else f"Request at least {per_run:,} of quota {code}, or name smaller types."
    )
    return topic.failed(f"{told}; the account has {allowed:,}.", remedy)


def _vcpus(ec2: Any, types: list[str]) -> dict[str, int]:
    answer = answered(ask(ec2, "describe_instance_types", InstanceTypes=types))
    return {
        str(each["InstanceType"]): int(each["VCpuInfo"]["DefaultVCpus"])
        for each in answer["InstanceTypes"]
    }
