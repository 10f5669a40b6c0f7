"""What assets and sensors need of Dagster and Dagster does not export, and why.

Beside this module only ``automation/run_launcher.py``, whose whole interface is private, and
``demo/dagster_internals.py`` import private modules. They are why Dagster is bound to one minor
version.
"""

import uuid
from collections.abc import Sequence

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)
from dagster._core.events import DagsterEventBatchMetadata
from dagster._core.execution.backfill import (
    BulkActionsFilter,
    BulkActionStatus,
    PartitionBackfill,
)
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES
from dagster._core.storage.tags import MAX_RETRIES_TAG, RETRY_NUMBER_TAG, ROOT_RUN_ID_TAG

__all__ = [
    "MAX_RETRIES_TAG",
    "RETRY_NUMBER_TAG",
    "CheckTarget",
    "backfills_under_way",
    "latest_target",
    "log_checks",
    "repeats_of",
    "results_shown",
    "unfinished_runs",
]

CheckTarget = AssetCheckEvaluationTargetMaterializationData
"""The materialization that a check's evaluation is about; the evaluation itself is exported."""


def latest_target(
    instance: dg.DagsterInstance, asset_key: dg.AssetKey, partition: str | None = None
) -> CheckTarget | None:
    """The newest materialization of the asset, or of its partition; None if there is none.

    The UI counts a check of a partition as missing if its evaluation does not name one.
    """
    partitions = None if partition is None else [partition]
    records = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=asset_key, asset_partitions=partitions), limit=1
    ).records
    if not records:
        return None
    newest = records[0]
    return CheckTarget(
        storage_id=newest.storage_id, run_id=newest.run_id, timestamp=newest.timestamp
    )


def log_checks(
    context: dg.OpExecutionContext, evaluations: Sequence[dg.AssetCheckEvaluation]
) -> None:
    """Log results of checks together: an instance that stores batches does so at once.

    ``context.log_event`` has no such batch. Dagster stores batches if DAGSTER_EVENT_BATCH_SIZE is
    set and its event log can; else it stores the results one by one.
    """
    batch = str(uuid.uuid4())
    for left, evaluation in zip(reversed(range(len(evaluations))), evaluations, strict=True):
        told = "passed" if evaluation.passed else "did not pass"
        dg.DagsterEvent.from_step(
            dg.DagsterEventType.ASSET_CHECK_EVALUATION,
            context.get_step_execution_context(),
            event_specific_data=evaluation,
            message=f"{evaluation.check_name} {told}: {evaluation.description}",
            batch_metadata=DagsterEventBatchMetadata(batch, is_end=not left),
        )


def results_shown(
    instance: dg.DagsterInstance, asset_key: dg.AssetKey, checks: Sequence[str]
) -> dict[tuple[str, str | None], bool]:
    """By check and partition, whether Dagster shows it as passed; none that was never evaluated.

    A check of a run that is not over, or that ended before, does not count.
    """
    infos = instance.event_log_storage.get_asset_check_partition_info(
        [dg.AssetCheckKey(asset_key, name) for name in checks]
    )
    ended = {
        AssetCheckExecutionRecordStatus.SUCCEEDED: True,
        AssetCheckExecutionRecordStatus.FAILED: False,
    }
    return {
        (info.check_key.name, info.partition_key): ended[info.latest_execution_status]
        for info in infos
        if info.latest_execution_status in ended
    }


def backfills_under_way(instance: dg.DagsterInstance) -> Sequence[PartitionBackfill]:
    """The backfills that still launch runs; the instance's own method takes a private filter."""
    return instance.get_backfills(filters=BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED]))


def repeats_of(instance: dg.DagsterInstance, run_id: str) -> Sequence[dg.DagsterRun]:
    """The runs that repeat this one; the name of the tag that tells it is private."""
    return instance.get_runs(filters=dg.RunsFilter(tags={ROOT_RUN_ID_TAG: run_id}))


def unfinished_runs(instance: dg.DagsterInstance) -> Sequence[dg.DagsterRun]:
    """The runs that are queued or at work; which statuses these are is private."""
    return instance.get_runs(filters=dg.RunsFilter(statuses=NOT_FINISHED_STATUSES))
