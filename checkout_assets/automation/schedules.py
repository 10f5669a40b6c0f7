"""The schedules of reconciliation, and their jobs."""

import dagster as dg

from checkout_assets.assets.listing_turns import IN_TURNS
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
    cron_schedule="0 5 * * 1-6",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    tags=IN_TURNS,
    description=(
        "From Monday to Saturday at 05:00 UTC: is anything missing? Reads the records of all "
        "folders, and lists those whose turn it is, were red, or were copied since their last "
        "listing (CHECKOUT_LISTING_DAYS). It changes nothing."
    ),
)

reconcile_weekly = dg.ScheduleDefinition(
    name="reconcile_weekly",
    job=reconcile_job,
    cron_schedule="0 5 * * 0",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Every Sunday at 05:00 UTC: is anything missing? Lists all folders; changes "
    "nothing.",
)
