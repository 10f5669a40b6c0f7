"""Private parts of Dagster that assets and sensors need, with the reason for each.

Besides this module, only ``automation/run_launcher.py``, whose whole interface is private, and
``dagster_internals.py`` in ``demo`` and in ``storage`` import private modules. Because of them
Dagster is bound to one minor version.
"""

import uuid
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

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
from dagster._core.storage.asset_check_execution_record import (
    AssetCheckExecutionRecordStatus,
    AssetCheckPartitionInfo,
)
from dagster._core.storage.dagster_run import NOT_FINISHED_STATUSES
from dagster._core.storage.tags import (
    MAX_RETRIES_TAG,
    RETRY_NUMBER_TAG,
    ROOT_RUN_ID_TAG,
    WILL_RETRY_TAG,
)

__all__ = [
    "MAX_RETRIES_TAG",
    "RETRY_NUMBER_TAG",
    "CheckSeen",
    "CheckTarget",
    "backfills_under_way",
    "checks_after",
    "latest_target",
    "log_checks",
    "repeats_of",
    "results_shown",
    "unfinished_runs",
    "will_be_retried",
]

_CHECKS_AT_ONCE = 1000

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
    """Log several check results together, in one batch if the instance stores batches.

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
    """Whether Dagster shows a check as passed, by check and partition, if it was evaluated.

    A check that is planned, but has no result, is left out.
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


def backfills_under_way(
    instance: dg.DagsterInstance, assets: Set[dg.AssetKey]
) -> list[PartitionBackfill]:
    """The backfills that still launch runs, and may launch some of these assets.

    The filter of the public method is private.
    """
    requested = BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED])
    return [
        each
        for each in instance.get_backfills(filters=requested)
        if not each.asset_selection or assets & set(each.asset_selection)
    ]


def repeats_of(instance: dg.DagsterInstance, run_id: str) -> Sequence[dg.DagsterRun]:
    """The runs that repeat this one; the name of their tag is private."""
    return instance.get_runs(filters=dg.RunsFilter(tags={ROOT_RUN_ID_TAG: run_id}))


def unfinished_runs(instance: dg.DagsterInstance) -> Sequence[dg.DagsterRun]:
    """The queued and running runs; the list of their statuses is private."""
    return instance.get_runs(filters=dg.RunsFilter(statuses=NOT_FINISHED_STATUSES))


@dataclass(frozen=True, slots=True)
class CheckSeen:
    """The newest result of a check of a partition; ``event`` is its storage id.

    ``evaluation`` is None if the check passed.
    """

    key: dg.AssetCheckKey
    partition: str | None
    run_id: str
    event: int
    evaluation: dg.AssetCheckEvaluation | None


def checks_after(
    instance: dg.DagsterInstance, keys: Sequence[dg.AssetCheckKey], event: int
) -> Iterator[CheckSeen]:
    """The newest results of these checks that were stored after that event.

    A check that is planned, but not yet evaluated, has no result.
    """
    infos = instance.event_log_storage.get_asset_check_partition_info(keys, after_storage_id=event)
    new = [each for each in infos if each.latest_check_event_storage_id > event]
    failed: dict[dg.AssetCheckKey, dict[str | None, dg.AssetCheckEvaluation]] = {
        key: _failures(
            instance,
            key,
            {each.partition_key for each in new if each.check_key == key and _is_failed(each)},
        )
        for key in keys
    }
    for each in new:
        if each.latest_execution_status is not AssetCheckExecutionRecordStatus.PLANNED:
            yield CheckSeen(
                each.check_key,
                each.partition_key,
                each.latest_planned_run_id,
                each.latest_check_event_storage_id,
                failed[each.check_key].get(each.partition_key),
            )


def will_be_retried(run: dg.DagsterRun) -> bool | None:
    """Whether Dagster retries a failed run by itself; None if it has not decided yet."""
    return {"true": True, "false": False}.get(run.tags.get(WILL_RETRY_TAG, ""))


def _is_failed(info: AssetCheckPartitionInfo) -> bool:
    return info.latest_execution_status is AssetCheckExecutionRecordStatus.FAILED


def _failures(
    instance: dg.DagsterInstance, key: dg.AssetCheckKey, partitions: Set[str | None]
) -> dict[str | None, dg.AssetCheckEvaluation]:
    """The newest failure of each partition; each must have one."""
    found: dict[str | None, dg.AssetCheckEvaluation] = {}
    before = None
    while partitions - found.keys():
        records = instance.event_log_storage.get_asset_check_execution_history(
            key,
            limit=_CHECKS_AT_ONCE,
            cursor=before,
            status={AssetCheckExecutionRecordStatus.FAILED},
        )
        if not records:
            break
        before = records[-1].id
        for each in records:
            if each.evaluation is not None:
                found.setdefault(each.partition, each.evaluation)
    return found
