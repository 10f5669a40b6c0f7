"""Estimates for the machines in the options of both fleets."""

from collections.abc import Mapping
from typing import Any

from checkout_assets.domain.planning.estimate import Estimate
from checkout_assets.domain.planning.prices import PriceTable
from checkout_assets.domain.planning.workload import Workload
from checkout_assets.engines.ec2.options import Ec2Options
from checkout_assets.engines.emr.options import EmrChoices
from checkout_assets.engines.planning.choices import PlanChoices
from checkout_assets.engines.planning.planning import (
    copying_machines,
    estimates,
    structuring_machines,
)
from checkout_assets.resources.engines import parse_options


def estimates_for(
    ec2: Mapping[str, Any],
    emr: Mapping[str, Any],
    work: Workload,
    choices: PlanChoices,
    table: PriceTable,
) -> list[Estimate]:
    """Estimates of both stages, here and on the fleets; raises UsageError for invalid options."""
    copying = Ec2Options(**parse_options(Ec2Options, "EC2", ec2))
    structuring = EmrChoices(**parse_options(EmrChoices, "EMR", emr))
    return estimates(
        work,
        copying_machines(copying, choices.instances),
        structuring_machines(structuring, choices.clusters),
        table,
        choices.days,
    )
