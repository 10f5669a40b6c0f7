"""What a plan is made for: the machines that the options of both fleets describe."""

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
    """What copying and structuring take here and on both fleets; raises UsageError for options."""
    copying = Ec2Options(**parse_options(Ec2Options, "EC2", ec2))
    structuring = EmrChoices(**parse_options(EmrChoices, "EMR", emr))
    return estimates(
        work,
        copying_machines(copying, choices.instances),
        structuring_machines(structuring, choices.clusters),
        table,
        choices.days,
    )
