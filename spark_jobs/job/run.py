"""A run over several folders: one Spark job stages them, the driver publishes each."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import (
    Any,
    Callable,
    Dict,
    Iterator,
    List,
    Protocol,
    Sequence,
    Tuple,
    TypeVar,
    Union,
)

from spark_jobs.completed import completed
from spark_jobs.contract import (
    PUBLISHED,
    PUBLISHING,
    FolderStructured,
    PublicationRecord,
    StructureTotals,
)
from spark_jobs.job.giving_up import why_spark_gave_up
from spark_jobs.job.packing import packed
from spark_jobs.job.plan import (
    FolderError,
    FolderPlan,
    Slice,
    fault_of_the_job,
    plan_folder,
    refused_by_store,
)
from spark_jobs.job.publishing import (
    Published,
    discard_staging,
    finish_interrupted,
    publish,
    reconcile_counts,
    refuse_other_raw,
    remove_abandoned_staging,
)
from spark_jobs.job.staging import (
    Shuffled,
    Staged,
    StructureJob,
    partition_of,
    read_slice_of_large_folder,
    stage_small_folder,
    write_shuffled,
)
from spark_jobs.schema import SCHEMA_VERSION
from spark_jobs.stores import Store, StoreError, open_store

SMALL_FOLDER_ROWS = 5_000
SMALL_FOLDER_WEIGHT = 128 * 1024 * 1024
"""Up to here a folder is one task: a shuffle would cost more than it spreads."""

_HEAVIEST_READER = 64 * 1024 * 1024
_HEAVIEST_WRITER = 256 * 1024 * 1024
_TASKS_PER_CORE = 3
"""What small tasks are packed to: few, but more than cores, since weights are guesses."""

_DRIVER_THREADS = 8
_GAVE_UP = "aborted due to stage failure"
"""What Spark says when a task has failed as often as it may; of a cancelled job it does not."""

_T = TypeVar("_T")
_Stage = Callable[[Any, StructureJob, List[FolderPlan]], List[Staged]]


class _Prepared:
    """A folder that can be structured: its plan and the publication it replaces."""

    def __init__(self, plan: FolderPlan, base: Published) -> None:
        self.plan = plan
        self.base = base


class HasContext(Protocol):
    """A Spark session, or what starts one when its context is asked for."""

    @property
    def sparkContext(self) -> Any:  # noqa: N802 - as Spark spells it
        """The session's context."""


def structure_folders(spark: HasContext, job: StructureJob) -> Iterator[FolderStructured]:
    """Structure every folder of the job and yield each one's result when it ends.

    A folder that fails is yielded with its sentence and leaves its neighbours alone. A folder this
    run already published is yielded again without work. Spark's context is asked for only if a
    folder is left to structure; the run id names the group of its jobs. Closing the iterator, or
    an interrupt, cancels the Spark job; whatever was staged is removed by a later run.
    """
    started = time.monotonic()
    raw = open_store(job.raw_uri, job.raw_terms)
    lake = open_store(job.lake_uri, job.lake_terms)
    job = replace(job, raw_uri=raw.uri)  # in the spelling by which records know it
    prepared: Dict[str, _Prepared] = {}
    with ThreadPoolExecutor(_DRIVER_THREADS) as pool:
        for outcome in completed(
            [pool.submit(_prepare, raw, lake, job, folder) for folder in job.folders]
        ):
            if isinstance(outcome, FolderStructured):
                yield outcome
            else:
                prepared[outcome.plan.folder] = outcome
        plans = [prepared[folder].plan for folder in job.folders if folder in prepared]
        staged = _stage(spark, job, plans)
        for ended in completed(
            [
                pool.submit(_end, lake, job, ready, staged[folder])
                for folder, ready in prepared.items()
            ]
        ):
            yield replace(ended, seconds=round(time.monotonic() - started, 3))


def _prepare(
    raw: Store, lake: Store, job: StructureJob, folder: str
) -> Union[_Prepared, FolderStructured]:
    def prepare() -> Union[_Prepared, FolderStructured]:
        base = finish_interrupted(lake, folder)
        if base.record is not None and base.record.run_id == job.run_id:
            done = _result(base.record)
            if done.ok:
                return done
        refuse_other_raw(base, job.raw_uri, job.replaces_raw)
        remove_abandoned_staging(lake, folder)
        return _Prepared(plan_folder(raw, folder, job.largest_body), base)

    return _or_failure(job, folder, prepare)


def _stage(spark: HasContext, job: StructureJob, plans: Sequence[FolderPlan]) -> Dict[str, Staged]:
    if not plans:
        return {}
    context = spark.sparkContext
    context.setJobGroup(job.run_id, f"structure {len(plans)} folders", interruptOnCancel=True)
    small = [plan for plan in plans if _is_small(plan)]
    large = [plan for plan in plans if not _is_small(plan)]
    staged = {plan.folder: Staged(plan.folder) for plan in plans}
    try:
        for report in [
            *_reports(_stage_small, context, job, small),
            *_reports(_stage_large, context, job, large),
        ]:
            staged[report.folder] = staged[report.folder].plus(report)
    except BaseException:
        context.cancelJobGroup(job.run_id)
        raise
    return staged


def _reports(
    stage: _Stage, context: Any, job: StructureJob, plans: List[FolderPlan]
) -> List[Staged]:
    """What staging the folders came to; if Spark gives up on all, each is tried alone.

    A document that kills its worker again and again is then its own folder's failure only.
    """
    from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]

    if not plans:
        return []
    try:
        return stage(context, job, plans)
    except Py4JJavaError as error:
        said = str(error.java_exception.getMessage())
        if _GAVE_UP not in said:
            raise
    except OSError as error:  # the driver's own files, through which tasks reach Java
        said = str(error.strerror)
    if len(plans) > 1:
        return [report for plan in plans for report in _reports(stage, context, job, [plan])]
    folder = plans[0].folder
    return [Staged(folder, error=why_spark_gave_up(folder, said, context))]


def _is_small(plan: FolderPlan) -> bool:
    return plan.rows <= SMALL_FOLDER_ROWS and plan.weight <= SMALL_FOLDER_WEIGHT


def _stage_small(context: Any, job: StructureJob, plans: List[FolderPlan]) -> List[Staged]:
    at_least = _TASKS_PER_CORE * context.defaultParallelism
    groups = packed(plans, lambda plan: plan.weight, SMALL_FOLDER_WEIGHT, at_least)
    reports: List[Staged] = (
        context.parallelize(groups, len(groups))
        .flatMap(lambda group: [stage_small_folder(job, plan) for plan in group])
        .collect()
    )
    return reports


def _stage_large(context: Any, job: StructureJob, plans: List[FolderPlan]) -> List[Staged]:
    slices: List[Tuple[int, Slice]] = [
        (number, piece) for plan in plans for number, piece in enumerate(plan.slices)
    ]
    groups = packed(
        slices,
        lambda numbered: numbered[1].total_bytes,
        _HEAVIEST_READER,
        _TASKS_PER_CORE * context.defaultParallelism,
    )
    total = sum(plan.weight for plan in plans)
    writers = max(context.defaultParallelism, -(-total // _HEAVIEST_WRITER))
    reports: List[Staged] = (
        context.parallelize(groups, len(groups))
        .flatMap(lambda group: _read_all(job, group))
        .partitionBy(writers, partition_of)
        .mapPartitions(lambda received: write_shuffled(job, received))
        .collect()
    )
    return reports


def _read_all(job: StructureJob, group: List[Tuple[int, Slice]]) -> Iterator[Shuffled]:
    for numbered in group:
        yield from read_slice_of_large_folder(job, numbered)


def _end(lake: Store, job: StructureJob, ready: _Prepared, staged: Staged) -> FolderStructured:
    folder = ready.plan.folder

    def end() -> FolderStructured:
        if staged.error:
            raise FolderError(staged.error)
        record = _record(job, ready.plan, staged)
        reconcile_counts(record)
        _reconcile_with_copy(ready.plan, record.totals)
        return _result(publish(lake, record, ready.base))

    result = _or_failure(job, folder, end)
    if not result.ok:
        _or_failure(job, folder, lambda: _drop_unpublished(lake, job, result))
    return result


def _drop_unpublished(lake: Store, job: StructureJob, result: FolderStructured) -> FolderStructured:
    """Remove a failed run's staging, unless a record in state ``publishing`` still needs it."""
    record = finish_interrupted(lake, result.folder).record
    if record is None or record.run_id != job.run_id:
        discard_staging(lake, result.folder, job.run_id)
    return result


def _record(job: StructureJob, plan: FolderPlan, staged: Staged) -> PublicationRecord:
    return PublicationRecord(
        folder=plan.folder,
        run_id=job.run_id,
        state=PUBLISHING,
        copy_id=plan.record.copy_id,
        digest=plan.record.digest,
        schema_version=SCHEMA_VERSION,
        files=sorted(staged.files, key=lambda file: file.path),
        quarantine=sorted(staged.quarantine, key=lambda file: file.path),
        previous=[],
        totals=replace(staged.totals, side=plan.record.by_kind.get("side", 0)),
        raw_uri=job.raw_uri,
    )


def _reconcile_with_copy(plan: FolderPlan, totals: StructureTotals) -> None:
    for kind, counted in (("document", totals.documents), ("nested", totals.nested)):
        copied = plan.record.by_kind.get(kind, 0)
        if counted != copied:
            raise FolderError(
                f"{plan.folder}: the copy counted {copied} {kind} objects, structuring read "
                f"{counted}. Nothing was published."
            )


def _result(record: PublicationRecord) -> FolderStructured:
    assert record.state == PUBLISHED
    return FolderStructured.of(record)


def _or_failure(
    job: StructureJob, folder: str, work: Callable[[], _T]
) -> Union[_T, FolderStructured]:
    try:
        return work()
    except FolderError as error:
        sentence = str(error)
    except StoreError as error:
        sentence = refused_by_store(folder, error)
    except Exception as error:  # a fault of this job costs its folder, never the neighbours
        sentence = fault_of_the_job(folder, error)
    return FolderStructured(folder, job.run_id, StructureTotals(), error=sentence)
