"""What runs by the clock."""

import dagster as dg

from checkout_assets.assets.reconciliation_page import RECONCILIATION

reconcile_job = dg.define_asset_job(
    "reconcile",
    selection=dg.AssetSelection.assets(RECONCILIATION),
    description="Compare source, raw and lake of all 512 folders; changes nothing.",
    tags={"engine": "reconcile"},
)

reconcile_daily = dg.ScheduleDefinition(
    name="reconcile_daily",
    job=reconcile_job,
    cron_schedule="0 5 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every morning at 05:00 UTC: is anything missing? It changes nothing.",
)
