"""Estimates for the configured machines, and the check of the budget."""

from collections.abc import Sequence

from checkout_assets.domain.counting import counted
from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.planning.estimate import (
    DOCUMENTS_PER_CORE_SECOND,
    OBJECTS_PER_INSTANCE_SECOND,
    ON_DEMAND,
    SPOT,
    Estimate,
    Machines,
    estimate_copy,
    estimate_structuring,
)
from checkout_assets.domain.planning.prices import PriceTable
from checkout_assets.domain.planning.requests import (
    DEFAULT_DAYS,
    requests_to_copy,
    requests_to_structure,
)
from checkout_assets.domain.planning.workload import Workload, spread_evenly
from checkout_assets.domain.sizing import size_for
from checkout_assets.engines.ec2.options import Ec2Options
from checkout_assets.engines.emr.options import EmrChoices
from checkout_assets.engines.planning.choices import BudgetChoices
from checkout_assets.engines.planning.price_table import load_prices

_CORES_HERE = 4
THIS_MACHINE = "this machine"


def copying_machines(options: Ec2Options, count: int) -> list[Machines]:
    """This machine, and ``count`` instances on demand and as Spot."""
    name = options.instance_types[0]
    instances = [
        Machines(f"{count} x {name}", count, (f"ec2.{name}",), OBJECTS_PER_INSTANCE_SECOND, market)
        for market in (ON_DEMAND, SPOT)
    ]
    return [Machines(THIS_MACHINE, 1, (), OBJECTS_PER_INSTANCE_SECOND), *instances]


def structuring_machines(options: EmrChoices, count: int) -> list[Machines]:
    """This machine, and ``count`` clusters on demand and with Spot nodes."""
    sizing = size_for(options.shape, options.cluster_mode, options.step_concurrency)
    cores = sizing.executors * sizing.cores * options.step_concurrency
    nodes = [options.primary_type, *[options.core_type] * options.core_nodes]
    types = tuple(f"{service}.{node}" for service in ("ec2", "emr") for node in nodes)
    called = f"{count} x {options.core_nodes} {options.core_type}"
    here = Machines(THIS_MACHINE, 1, (), _CORES_HERE * DOCUMENTS_PER_CORE_SECOND)
    rate = cores * DOCUMENTS_PER_CORE_SECOND
    return [here, *(Machines(called, count, types, rate, at) for at in (ON_DEMAND, SPOT))]


def estimates(
    work: Workload,
    copying: Sequence[Machines],
    structuring: Sequence[Machines],
    table: PriceTable,
    days: int = DEFAULT_DAYS,
) -> list[Estimate]:
    """The estimates of copying and structuring the workload on each of these machines."""
    to_structure = requests_to_structure(work, days)
    return [
        *(_copying(work, at, table) for at in copying),
        *(estimate_structuring(work.read, to_structure, at, table) for at in structuring),
    ]


def _copying(work: Workload, machines: Machines, table: PriceTable) -> Estimate:
    instances = machines.count if machines.types else 0
    requests = requests_to_copy(work, instances)
    return estimate_copy(work.objects, work.total_bytes, requests, machines, table)


def refuse_costly_plan(budget: BudgetChoices) -> None:
    """Raise UsageError if requests and transfer of the whole migration exceed the budget.

    Sends no request: it uses the numbers that ``plan`` counted. Machines are not included; they
    cost little compared with requests and transfer.
    """
    if not budget.budget_dollars:
        return
    if not budget.planned_objects:
        raise UsageError(
            "CHECKOUT_BUDGET_DOLLARS is set without the amount of work: run checkout-assets plan, "
            "then set CHECKOUT_PLANNED_OBJECTS and CHECKOUT_PLANNED_BYTES as it says."
        )
    cost = _least_dollars(budget)
    if cost > budget.budget_dollars:
        raise UsageError(
            "Nothing was begun: requests and transfer of "
            f"{counted(budget.planned_objects, 'object')} cost {cost:,.2f} dollars, "
            f"and CHECKOUT_BUDGET_DOLLARS is {budget.budget_dollars:,.2f}. "
            "Raise the budget, or see checkout-assets plan."
        )


def _least_dollars(budget: BudgetChoices) -> float:
    """The cost of requests and transfer of the whole migration, without machines."""
    work = spread_evenly(budget.planned_objects, budget.planned_bytes)
    here = copying_machines(Ec2Options(), 1)[:1], structuring_machines(EmrChoices(), 1)[:1]
    return sum(each.dollars for each in estimates(work, *here, load_prices(budget.prices)))
