"""The options of planning and of the budget; settings, stores and commands derive from them."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from checkout_assets.domain.planning.requests import DEFAULT_DAYS
from checkout_assets.engines.option import MayBePath, OnCommandLine


@dataclass(frozen=True, slots=True)
class PlanChoices:
    """How many machines work at the same time, and of how many ``days`` a folder has documents."""

    instances: int = 16
    clusters: int = 32
    days: int = DEFAULT_DAYS


class BudgetChoices(BaseModel):
    """The budget of a migration, and its objects and bytes as counted by ``plan``."""

    model_config = ConfigDict(frozen=True)

    budget_dollars: float = Field(
        0,
        ge=0,
        allow_inf_nan=False,
        description="copying and structuring refuse to start if the plan of the whole migration "
        "costs more than this; 0 is no limit",
    )
    planned_objects: int = Field(
        0, ge=0, description="the source's objects, as plan counted them, for the budget"
    )
    planned_bytes: int = Field(
        0, ge=0, description="the source's bytes, as plan counted them, for the budget"
    )
    prices: Annotated[
        str,
        OnCommandLine("Another price table, also for the budget.", "FILE"),
        MayBePath(),
    ] = Field(
        "",
        description="the price table of plan and of the budget, a TOML file; empty for the one "
        "that comes with the program",
    )
