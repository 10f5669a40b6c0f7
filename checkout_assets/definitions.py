"""Dagster's definitions, assembled from the settings."""

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_pyspark import LazyPySparkResource

from checkout_assets.assets.migration import Migration, build_migration
from checkout_assets.assets.order_tables import build_order_tables
from checkout_assets.assets.reconciliation import build_reconciliation
from checkout_assets.assets.runbook import Runbook
from checkout_assets.assets.source_orders import source_spec
from checkout_assets.assets.tables import table_spec
from checkout_assets.automation.access import (
    build_grant_outlives_need,
    grant_access,
    revoke_access,
)
from checkout_assets.automation.alerts import build_alerts
from checkout_assets.automation.compaction_schedule import (
    build_compact_stale_months,
    compact_months_job,
)
from checkout_assets.automation.orphan_clusters import orphan_clusters
from checkout_assets.automation.orphan_instances import orphan_instances
from checkout_assets.automation.planning import build_plan_job
from checkout_assets.automation.repair import build_repair_folders
from checkout_assets.automation.repair_schedule import build_repair_daily
from checkout_assets.automation.schedules import (
    reconcile_daily,
    reconcile_job,
    reconcile_weekly,
)
from checkout_assets.engines.access.choices import AccessChoices, GrantChoices
from checkout_assets.engines.access.options import named_by_options
from checkout_assets.engines.alerts.targets import alert_targets
from checkout_assets.engines.compacting.choices import CompactionChoices
from checkout_assets.engines.copying.choices import CopyChoices
from checkout_assets.engines.ec2.user_data import worker_variables
from checkout_assets.engines.place_terms import PlaceTerms
from checkout_assets.engines.planning.choices import BudgetChoices
from checkout_assets.engines.reconciling.choices import AllowanceChoices
from checkout_assets.engines.structuring.choices import StructureChoices
from checkout_assets.engines.structuring.session import local_spark_config
from checkout_assets.resources.access import AccessResource
from checkout_assets.resources.alerts import alert_options
from checkout_assets.resources.ec2 import ec2_resource
from checkout_assets.resources.emr import emr_order_tables, emr_resource
from checkout_assets.resources.engines import (
    CopyEngineResource,
    LocalCopyResource,
    LocalSparkResource,
    ReconcilerResource,
    StructureEngineResource,
    given_to,
)
from checkout_assets.resources.order_tables import LocalOrderTablesResource, OrderTablesResource
from checkout_assets.resources.s3 import SharedModelS3Resource
from checkout_assets.resources.stores import Stores
from checkout_assets.settings import Settings
from spark_jobs.contract.order_types import OrderType


def build_resources(settings: Settings) -> dict[str, Any]:
    """The engines that the settings choose, and their stores."""
    stores = Stores(
        **PlaceTerms.given_by(settings).model_dump(),
        **given_to(BudgetChoices, settings).model_dump(),
        s3=SharedModelS3Resource(max_attempts=6),
    )
    return {
        "copy_engine": _copy_engine(settings, stores),
        "structure_engine": _structure_engine(settings, stores),
        "reconciler": ReconcilerResource(
            stores=stores,
            deep_read_days=settings.deep_read_days,
            listing_days=settings.listing_days,
            grace_days=settings.access_grace_days,
            **given_to(AllowanceChoices, settings).model_dump(),
            role_arn=settings.comparing_role_arn,
            show_object_names=settings.show_object_names,
            catalog=settings.catalog,
        ),
        "access": _access(settings, stores),
        "order_tables": _order_tables(settings, stores),
    }


def _access(settings: Settings, stores: Stores) -> AccessResource:
    return AccessResource(
        stores=stores,
        run_logs_uri=settings.run_logs_uri,
        copy_role_arn=settings.copy_role_arn,
        catalog=settings.catalog,
        plain_database=settings.plain_database,
        **settings.model_dump(include={*AccessChoices.model_fields, *GrantChoices.model_fields}),
        **named_by_options(settings),
    )


def _copy_engine(settings: Settings, stores: Stores) -> CopyEngineResource:
    if settings.copy_engine == "ec2":
        return ec2_resource(stores, worker_variables(settings), settings.ec2)
    choices = settings.model_dump(include=set(CopyChoices.model_fields))
    return LocalCopyResource(stores=stores, **choices)


def _structure_engine(settings: Settings, stores: Stores) -> StructureEngineResource:
    choices = settings.model_dump(include=set(StructureChoices.model_fields))
    if settings.structure_engine == "emr":
        return emr_resource(stores, choices, settings.emr)
    return LocalSparkResource(
        stores=stores,
        pyspark=LazyPySparkResource(spark_config=local_spark_config(settings.spark_master)),
        keep_session=settings.keep_spark_session,
        **choices,
    )


def _order_tables(settings: Settings, stores: Stores) -> OrderTablesResource:
    """Months are compacted where folders are structured."""
    choices = given_to(CompactionChoices, settings).model_dump()
    if settings.structure_engine == "emr":
        return emr_order_tables(stores, choices, settings.emr)
    return LocalOrderTablesResource(stores=stores, spark_master=settings.spark_master, **choices)


def build_defs(
    settings: Settings | None = None, resource_overrides: Mapping[str, Any] | None = None
) -> dg.Definitions:
    """The definitions; ``resource_overrides`` replace the resources of the settings."""
    settings = settings or Settings()
    runbook = Runbook(settings.runbook_url)
    migration = Migration(runbook, settings.allowance, settings.raw_uri, settings.lake_uri)
    repair = build_repair_folders(migration)
    plan = build_plan_job(settings.ec2, settings.emr)
    repair_daily = build_repair_daily(
        repair, settings.repair_tries, settings.repair_folders_per_day
    )
    return dg.Definitions(
        assets=_assets(settings, runbook, migration),
        jobs=[repair, reconcile_job, compact_months_job, plan, grant_access, revoke_access],
        schedules=[
            reconcile_daily,
            reconcile_weekly,
            repair_daily,
            build_compact_stale_months(settings.first_month),
        ],
        sensors=_sensors(settings, runbook),
        resources={**build_resources(settings), **(resource_overrides or {})},
        # A run is one engine call: a process per step would only add its start time.
        executor=dg.in_process_executor,
    )


def _assets(
    settings: Settings, runbook: Runbook, migration: Migration
) -> list[dg.AssetSpec | dg.AssetsDefinition]:
    return [
        source_spec(settings.source_uri),
        build_migration(migration, settings.folders_per_run),
        *(table_spec(order_type, settings.lake_uri) for order_type in OrderType),
        build_order_tables(runbook, settings.first_month, settings.lake_uri),
        build_reconciliation(runbook, settings.reports_url, settings.repair_tries),
    ]


def _sensors(settings: Settings, runbook: Runbook) -> list[dg.SensorDefinition]:
    alerts = alert_options(settings.alerts)
    return [
        build_grant_outlives_need(runbook),
        build_alerts(alert_targets(alerts), alerts, runbook),
        *([orphan_clusters] if settings.structure_engine == "emr" else []),
        *([orphan_instances] if settings.copy_engine == "ec2" else []),
    ]


defs = build_defs()
