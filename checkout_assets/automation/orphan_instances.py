"""The sensor ``orphan_instances``: it terminates an instance whose run is over.

A run terminates its own instances however it ends, unless its process is killed. Then Dagster's run
monitoring finds that the run has ended, and this sensor finds that its instance has not. An
instance that no sensor finds ends by itself when it no longer hears from its run.
"""

import dagster as dg

from checkout_assets.automation.outlived_machines import INSTANCES, decide_machine
from checkout_assets.engines.fleet.tags import DEPLOYMENT_TAG, RUN_ID_TAG
from checkout_assets.resources.ec2 import Ec2Resource

_SECONDS_BETWEEN = 300


@dg.sensor(
    name="orphan_instances",
    minimum_interval_seconds=_SECONDS_BETWEEN,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Terminates EC2 instances that this deployment launched and whose run is over. Instances "
        "of runs that this instance of Dagster does not know are named and left alone."
    ),
)
def orphan_instances(
    context: dg.SensorEvaluationContext, copy_engine: Ec2Resource
) -> dg.SkipReason:
    """Check every running instance of this deployment."""
    api, told = copy_engine.api(), []
    for found in api.find({DEPLOYMENT_TAG: copy_engine.deployment}):
        if not found.alive:
            continue
        run_id = found.tags.get(RUN_ID_TAG, "")
        told.append(decide_machine(context, INSTANCES, found.id, run_id, api.terminate))
    return dg.SkipReason("; ".join(filter(None, told)) or "No instance without a run.")
