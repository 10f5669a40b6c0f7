"""The sensor ``orphan_clusters``: it terminates a cluster whose run is over.

A run terminates its own clusters however it ends, unless its process is killed. Then Dagster's run
monitoring finds that the run has ended, and this sensor finds that its clusters have not.
"""

import dagster as dg

from checkout_assets.automation.outlived_machines import CLUSTERS, decide_machine
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
        terminate = api.terminate if cluster.alive else None
        told.append(decide_machine(context, CLUSTERS, cluster.id, run_id, terminate))
    return dg.SkipReason("; ".join(filter(None, told)) or "No cluster without a run.")
