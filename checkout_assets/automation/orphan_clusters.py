"""The sensor ``orphan_clusters``: it terminates a cluster whose run is over.

A run terminates its own clusters however it ends, unless its process is killed. Then Dagster's run
monitoring finds that the run has ended, and this sensor finds that its clusters have not.
"""

import dagster as dg

from checkout_assets.automation.outlived_machines import CLUSTERS, end_machine, keep_machine
from checkout_assets.automation.run_ends import is_over
from checkout_assets.domain.alerts.found import Fate
from checkout_assets.engines.fleet.tags import DEPLOYMENT_TAG, RUN_ID_TAG
from checkout_assets.resources.emr import EmrResource

_SECONDS_BETWEEN = 300


@dg.sensor(
    name="orphan_clusters",
    minimum_interval_seconds=_SECONDS_BETWEEN,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Terminates EMR clusters that this deployment launched and whose run is over. Clusters of "
        "runs that this instance does not know are named and left alone."
    ),
)
def orphan_clusters(
    context: dg.SensorEvaluationContext, structure_engine: EmrResource
) -> dg.SkipReason:
    """Check every running cluster of this deployment."""
    api, deployment = structure_engine.api(), structure_engine.deployment
    told = []
    for cluster in api.find(f"{deployment} ", {DEPLOYMENT_TAG: deployment}):
        run_id = (cluster.tags or {}).get(RUN_ID_TAG, "")
        over = is_over(context.instance, run_id)
        if over and cluster.alive:
            end_machine(context.instance, CLUSTERS, cluster.id, run_id, api.terminate)
            context.log.warning("terminated cluster %s: its run %s is over", cluster.id, run_id)
        if over is None:
            keep_machine(context.instance, CLUSTERS, cluster.id, run_id, Fate.UNKNOWN_RUN)
        if over is None or (over and cluster.alive):
            what = "terminated, its run is over" if over else "left alone, its run is unknown here"
            told.append(f"{cluster.id} (run {run_id}): {what}")
    return dg.SkipReason("; ".join(told) or "No cluster without a run.")
