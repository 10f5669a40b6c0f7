"""Hours and dollars of a plan, for one choice of machines."""

from dataclasses import dataclass

from checkout_assets.domain.planning.prices import PriceTable
from checkout_assets.domain.planning.requests import RequestCounts

OBJECTS_PER_INSTANCE_SECOND = 5_500
"""Objects per second that one process copies at 60 ms per request: docs/performance.md."""

OBJECTS_PER_PARTITION_SECOND = 3_500
"""Writes per second per partition of a bucket's keys: S3 user guide, "Optimizing performance"."""

DOCUMENTS_PER_CORE_SECOND = 600
"""Documents per second that one core structures: docs/performance.md."""

_GB = 1024**3
_SECONDS_PER_HOUR = 3600
_THOUSAND = 1000
_START_HOURS = 0.2
"""Hours from the launch of a cluster or an instance to its first object."""

ON_DEMAND, SPOT = "on demand", "Spot"


@dataclass(frozen=True, slots=True)
class Machines:
    """``count`` equal machines that work at the same time.

    ``types`` are the price table's names for the parts of one machine; empty for this machine.
    ``per_second`` is the number of objects or documents that one processes per second.
    """

    called: str
    count: int
    types: tuple[str, ...]
    per_second: float
    market: str = ON_DEMAND


@dataclass(frozen=True, slots=True)
class Estimate:
    """The estimate of one stage on these machines; ``most_hours`` if S3 never splits raw's keys."""

    stage: str
    machines: Machines
    requests: RequestCounts
    hours: float
    most_hours: float
    requests_dollars: float
    transfer_dollars: float
    machines_dollars: float

    @property
    def dollars(self) -> float:
        """The total cost."""
        return self.requests_dollars + self.transfer_dollars + self.machines_dollars


def estimate_copy(
    objects: int, total_bytes: int, requests: RequestCounts, machines: Machines, table: PriceTable
) -> Estimate:
    """The estimate of copying; every byte is transferred between regions once."""
    hours = _hours(objects, machines)
    slow = objects / OBJECTS_PER_PARTITION_SECOND / _SECONDS_PER_HOUR
    transfer = total_bytes / _GB * table.dollars("s3.transfer_gb")
    return _estimate("copy", machines, requests, (hours, max(hours, slow)), transfer, table)


def estimate_structuring(
    documents: int, requests: RequestCounts, machines: Machines, table: PriceTable
) -> Estimate:
    """The estimate of structuring, in the region of raw and lake."""
    hours = _hours(documents, machines)
    return _estimate("structure", machines, requests, (hours, hours), 0.0, table)


def request_dollars(requests: RequestCounts, table: PriceTable) -> float:
    """What S3 charges for the requests, in US dollars."""
    writes = requests.writes / _THOUSAND * table.dollars("s3.thousand_writes")
    return writes + requests.reads / _THOUSAND * table.dollars("s3.thousand_reads")


def _estimate(  # noqa: PLR0913, PLR0917 - what an estimate is made of
    stage: str,
    machines: Machines,
    requests: RequestCounts,
    hours: tuple[float, float],
    transfer: float,
    table: PriceTable,
) -> Estimate:
    hourly = sum(table.dollars(name) for name in machines.types) * machines.count
    share = table.dollars("spot_share") if machines.market == SPOT else 1.0
    return Estimate(
        stage,
        machines,
        requests,
        *hours,
        request_dollars(requests, table),
        transfer,
        hourly * share * hours[0],
    )


def _hours(things: int, machines: Machines) -> float:
    start = _START_HOURS if machines.types else 0.0
    return start + things / (machines.count * machines.per_second) / _SECONDS_PER_HOUR
