"""The job ``plan``: it estimates a migration in its log and metadata; it changes nothing."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import dagster as dg
from pydantic import Field

from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.domain.folders import select_folders
from checkout_assets.domain.planning.estimate import Estimate
from checkout_assets.domain.planning.workload import Workload
from checkout_assets.engines.planning.choices import PlanChoices
from checkout_assets.resources.engines import ReconcilerResource
from checkout_assets.resources.stores import Stores

_USUAL = PlanChoices()


class PlanConfig(dg.Config):
    """The options of the plan."""

    folders: list[str] = Field(default=["all"], description="names, ranges or all")
    instances: int = Field(
        default=_USUAL.instances, ge=1, le=512, description="instances that copy at the same time"
    )
    clusters: int = Field(
        default=_USUAL.clusters, ge=1, le=512, description="clusters at the same time"
    )
    days: int = Field(default=_USUAL.days, ge=1, description="days of which a folder has documents")
    inventory: str = Field(
        default="",
        description="plan for what this manifest.json of an S3 Inventory lists, instead of "
        "listing the source: s3://bucket/key or a file",
    )


def build_plan_job(ec2: Mapping[str, Any], emr: Mapping[str, Any]) -> dg.JobDefinition:
    """Build the job, for machines as these options of EC2 and EMR describe them."""

    @dg.op(description="List the source and estimate requests, hours and dollars.")
    def plan_migration(
        context: dg.OpExecutionContext, config: PlanConfig, reconciler: ReconcilerResource
    ) -> None:
        from checkout_assets.engines.planning.price_table import load_prices
        from checkout_assets.resources.planning import estimates_for

        try:
            table = load_prices(reconciler.stores.prices)
            if old := table.warning(datetime.now(UTC).date()):
                context.log.warning(old)
            work = _workload(reconciler.stores, config, reconciler.role_arn)
            choices = PlanChoices(config.instances, config.clusters, config.days)
            found = estimates_for(ec2, emr, work, choices, table)
        except (UsageError, MigrationError) as error:
            raise dg.Failure(description=str(error), allow_retries=False) from None
        context.add_output_metadata(_metadata(work, found))

    @dg.job(
        name="plan",
        description="Estimate requests, hours and dollars of the migration; changes nothing.",
        executor_def=dg.in_process_executor,
    )
    def plan_job() -> None:
        plan_migration()

    return plan_job


def _workload(stores: Stores, config: PlanConfig, role_arn: str) -> Workload:
    from checkout_assets.engines.locations import principal
    from checkout_assets.engines.planning.inventory_load import inventory_workload
    from checkout_assets.engines.planning.source_load import list_workload

    folders = select_folders(config.folders)
    if config.inventory:
        source = stores.source() if stores.source_uri else None
        return inventory_workload(config.inventory, source, folders, role_arn)
    stores.check("source", role_arn=role_arn)
    return list_workload(stores.source().open(principal(role_arn)), folders)


def _metadata(work: Workload, found: list[Estimate]) -> dict[str, Any]:
    rows = [
        dg.TableRecord(
            {
                "stage": each.stage,
                "machines": each.machines.called,
                "market": each.machines.market if each.machines.types else "",
                "requests": each.requests.total,
                "hours": round(each.hours, 1),
                "most_hours": round(each.most_hours, 1),
                "dollars": round(each.dollars, 2),
            }
        )
        for each in found
    ]
    return {
        "objects": work.objects,
        "bytes": work.total_bytes,
        "documents": work.read,
        "archived": dg.MetadataValue.json(dict(work.archived)),
        "missing_folders": dg.MetadataValue.json(work.missing),
        **({"inventory_of": work.inventory.taken_at.isoformat()} if work.inventory else {}),
        "estimates": dg.MetadataValue.table(rows),
    }
