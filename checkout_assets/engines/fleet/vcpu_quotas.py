"""The account's vCPU quotas, compared with what hosts need.

EC2 counts the default vCPUs of running instances, on demand and Spot apart, and has one quota for
all standard types together: EC2 User Guide, "Amazon EC2 instance type quotas" and "Spot Instance
quotas". Other types have quotas of their own, which are not compared.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from checkout_assets.domain.counting import counted
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.failures import Cause, Diagnosis

QuotaAsk = Callable[..., Mapping[str, Any]]
"""From one of boto3's two read requests and its parameters to AWS's answer."""

_STANDARD = frozenset({"a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"})
"""The families of standard types: the letters before the generation."""

_FAMILY = re.compile(r"[a-z]+(?=[0-9])")


@dataclass(frozen=True, slots=True)
class VcpuQuota:
    """A quota of Service Quotas, by its code, and what it limits."""

    code: str
    limits: str


ON_DEMAND = VcpuQuota("L-1216C47A", "On-Demand Standard instances")
SPOT = VcpuQuota("L-34B43A08", "Standard Spot Instances")


@dataclass(frozen=True, slots=True)
class HostNodes:
    """A number of a host's instances, each of one of these types."""

    types: Sequence[str]
    count: int = 1
    spot: bool = False


@dataclass(frozen=True, slots=True)
class VcpuNeed:
    """The vCPUs that one host needs of a quota, and those that the account may use at a time."""

    quota: VcpuQuota
    per_host: int
    allowed: int


class UncomparedError(Exception):
    """A quota cannot be compared; the message says why."""


def needed_quotas(nodes: Iterable[HostNodes]) -> dict[VcpuQuota, list[HostNodes]]:
    """Return, by quota, the instances of a host that count for it."""
    found: dict[VcpuQuota, list[HostNodes]] = {}
    for each in nodes:
        if each.count:
            found.setdefault(SPOT if each.spot else ON_DEMAND, []).append(each)
    return found


def vcpu_need(ask: QuotaAsk, quota: VcpuQuota, nodes: Sequence[HostNodes]) -> VcpuNeed:
    """Return what a host with these instances needs of the quota: the least that it can do with.

    Raises UncomparedError, and what ``ask`` raises.
    """
    names = sorted({name for each in nodes for name in each.types})
    if others := [name for name in names if not _is_standard(name)]:
        told = ", ".join(map(displayable, others))
        raise UncomparedError(f"{told} does not count for quota {quota.code}")
    described = ask("describe_instance_types", InstanceTypes=names)
    answer = ask("get_service_quota", ServiceCode="ec2", QuotaCode=quota.code)
    try:
        vcpus = {
            str(each["InstanceType"]): int(each["VCpuInfo"]["DefaultVCpus"])
            for each in described["InstanceTypes"]
        }
        per_host = sum(each.count * min(vcpus[name] for name in each.types) for each in nodes)
        return VcpuNeed(quota, per_host, int(answer["Quota"]["Value"]))
    except (LookupError, OverflowError, TypeError, ValueError):
        raise UncomparedError(f"AWS's answer about quota {quota.code} has no value") from None


def quota_refusal(
    ask: QuotaAsk,
    nodes: Iterable[HostNodes],
    hosts: int,
    words: tuple[str, str],
    tell: Callable[[str], None],
) -> Diagnosis | None:
    """Return why the account's quotas cannot hold a single host; None if they can.

    ``tell`` is called if they cannot hold ``hosts`` hosts, and once if they cannot be compared.
    ``words`` name a host and a unit of its work, such as ``cluster`` and ``folder``.
    """
    host_word, unit_word = words
    for quota, counting in needed_quotas(nodes).items():
        try:
            need = vcpu_need(ask, quota, counting)
        except UncomparedError as error:
            tell(f"The account's vCPU quotas were not compared: {error}. Launching goes on.")
            return None
        if need.per_host > need.allowed:
            return _refused(need, host_word)
        if need.per_host * hosts > need.allowed:
            tell(_exceeding(need, counted(hosts, host_word), need.per_host * hosts, unit_word))
    return None


def _is_standard(name: str) -> bool:
    family = _FAMILY.match(name)
    return family is not None and family[0] in _STANDARD


def _refused(need: VcpuNeed, host_word: str) -> Diagnosis:
    reason = (
        f"one {host_word} needs {need.per_host:,} vCPUs, and the account's quota {need.quota.code} "
        f"for {need.quota.limits} is {need.allowed:,}: request at least {need.per_host:,} from "
        "Service Quotas, or name smaller types"
    )
    return Diagnosis(Cause.PERMANENT, reason, code="InstanceQuota")


def _exceeding(need: VcpuNeed, hosts: str, wanted: int, unit_word: str) -> str:
    return (
        f"{hosts} of this run need {wanted:,} vCPUs, and the account's quota {need.quota.code} for "
        f"{need.quota.limits} is {need.allowed:,}: it holds {need.allowed // need.per_host:,}. "
        f"{unit_word.capitalize()}s of a launch that AWS refuses fail; request {wanted:,} from "
        f"Service Quotas, or run fewer {unit_word}s at a time."
    )
