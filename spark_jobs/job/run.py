"""A run over several folders: Spark stages them, and the driver publishes each staged folder."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import reduce
from typing import (
    Any,
    Callable,
    Iterator,
    List,
    Protocol,
    Sequence,
    Tuple,
    TypeVar,
    Union,
)

from spark_jobs.completed import completed
from spark_jobs.contract.counting import counted
from spark_jobs.contract.publication import (
    PUBLISHED,
    PUBLISHING,
    SCHEMA_VERSION,
    PublicationRecord,
)
from spark_jobs.contract.results import FolderStructured
from spark_jobs.contract.totals import StructureTotals
from spark_jobs.job.cancelling import cancel_jobs
from spark_jobs.job.giving_up import SPARK_GAVE_UP, gave_up, why_spark_gave_up
from spark_jobs.job.packing import packed
from spark_jobs.job.plan import (
    REFUSED,
    FolderError,
    FolderPlan,
    Slice,
    fault_of_the_job,
    job_failure_of,
    plan_folder,
    refused_by_store,
)
from spark_jobs.job.plausible_days import implausible_dates
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
from spark_jobs.job.unknown_fields import named_often
from spark_jobs.stores import Store, StoreError, open_store

SMALL_FOLDER_ROWS = 5_000
SMALL_FOLDER_WEIGHT = 128 * 1024 * 1024
"""Up to this size a folder is one task: a shuffle would cost more than it saves."""

HEAVIEST_BATCH = 32 * 1024 * 1024
"""Folders up to this weight share Spark jobs of some seconds of work each: a Spark job costs more
than a tiny folder's work."""

_HEAVIEST_READER = 64 * 1024 * 1024
_HEAVIEST_WRITER = 256 * 1024 * 1024
_TASKS_PER_CORE = 3
"""Tasks that slices and tiny folders are packed into: few, but several per core, because
weights are estimates."""

_DRIVER_THREADS = 8

_T = TypeVar("_T")


class _Prepared:
    """A folder that can be structured: its plan and the publication it replaces."""

    def __init__(self, plan: FolderPlan, base: Published) -> None:
        self.plan = plan
        self.base = base


class _GivenUp:
    """A folder that Spark gave up on, and what Spark said."""

    def __init__(self, ready: _Prepared, said: str) -> None:
        self.ready = ready
        self.said = said


_Ended = Union[FolderStructured, _GivenUp]


class HasContext(Protocol):
    """A Spark session, or an object that starts one when its context is first used."""

    @property
    def sparkContext(self) -> Any:  # noqa: N802 - as Spark spells it
        """The session's context."""


def structure_folders(spark: HasContext, job: StructureJob) -> Iterator[FolderStructured]:
    """Structure every folder of the job and yield each one's result when it ends.

    Each folder is published as soon as it is staged, independently of the others; tiny ones are
    staged a few at a time. A folder that fails is yielded with its sentence and does not affect the
    others. A folder that this run already published is yielded again without work. Spark's context
    is used only if a folder is left to structure. The run id names the group of its jobs. Closing
    the iterator, or an interrupt, cancels the Spark jobs; whatever was staged and not published is
    removed by a later run.
    """
    started = time.monotonic()
    raw = open_store(job.raw_uri, job.raw_terms)
    lake = open_store(job.lake_uri, job.lake_terms)
    job = replace(job, raw_uri=raw.uri)  # spelled as in records
    prepared: List[_Prepared] = []
    with ThreadPoolExecutor(_DRIVER_THREADS) as pool:
        for outcome in completed(
            [pool.submit(_prepare, raw, lake, job, folder) for folder in job.folders]
        ):
            if isinstance(outcome, FolderStructured):
                yield outcome
            else:
                prepared.append(outcome)
    if not prepared:
        return
    for ended in _structure_prepared(spark.sparkContext, lake, job, prepared):
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
        plan = plan_folder(raw, folder, job.largest_body, job.with_vanished)
        return _Prepared(plan, base)

    return _or_failure(job, folder, prepare)


def _structure_prepared(
    context: Any, lake: Store, job: StructureJob, prepared: Sequence[_Prepared]
) -> Iterator[FolderStructured]:
    """Structure the folders, the heaviest first; one that Spark gives up on is retried alone.

    So a document that repeatedly kills its worker fails only its own folder.
    """
    given_up: List[_GivenUp] = []
    for ended in _side_by_side(context, lake, job, _batches(context, prepared)):
        if isinstance(ended, FolderStructured):
            yield ended
        else:
            given_up.append(ended)
    for first in given_up:
        alone = (
            [first] if len(prepared) == 1 else _side_by_side(context, lake, job, [[first.ready]])
        )
        for ended in alone:
            if isinstance(ended, FolderStructured):
                yield ended
            else:
                yield _end(lake, job, ended.ready, _failed(context, ended))


def _batches(context: Any, prepared: Sequence[_Prepared]) -> List[List[_Prepared]]:
    """Return what one Spark job stages each: a folder, or some tiny ones. The heaviest first."""
    alone = [[ready] for ready in prepared if not _is_tiny(ready.plan)]
    together = packed(
        [ready for ready in prepared if _is_tiny(ready.plan)],
        _weight_of,
        HEAVIEST_BATCH,
        _TASKS_PER_CORE * context.defaultParallelism,
    )
    return sorted([*alone, *together], key=lambda batch: sum(map(_weight_of, batch)), reverse=True)


def _weight_of(ready: _Prepared) -> int:
    return ready.plan.weight


def _failed(context: Any, given_up: _GivenUp) -> Staged:
    folder = given_up.ready.plan.folder
    try:
        sentence = why_spark_gave_up(folder, given_up.said, context)
    except Exception as error:  # a failing Spark may not answer
        return _faulty(folder, error)
    return Staged(folder, error=sentence, failure=SPARK_GAVE_UP)


def _side_by_side(
    context: Any, lake: Store, job: StructureJob, batches: Sequence[List[_Prepared]]
) -> Iterator[_Ended]:
    """Stage and publish each batch on a thread of its own, and yield how each folder ended.

    There are threads for the batches that Spark works on, and some for those that are published at
    the same time.
    """
    from pyspark import inheritable_thread_target

    context.setJobGroup(
        job.run_id,
        f"structure {counted(sum(map(len, batches)), 'folder')}",
        interruptOnCancel=True,
    )

    @inheritable_thread_target  # so that threads inherit the job group
    def structure(batch: List[_Prepared]) -> List[_Ended]:
        staged = _stage(context, job, batch)
        with ThreadPoolExecutor(len(batch)) as publishers:
            return list(publishers.map(lambda each: _ended(lake, job, *each), zip(batch, staged)))

    with ThreadPoolExecutor(context.defaultParallelism + _DRIVER_THREADS) as pool:
        futures = [pool.submit(structure, batch) for batch in batches]
        try:
            for ended in completed(futures):
                yield from ended
        except BaseException:
            cancel_jobs(context, job.run_id, futures)
            raise


def _ended(
    lake: Store, job: StructureJob, ready: _Prepared, staged: Union[Staged, _GivenUp]
) -> _Ended:
    return staged if isinstance(staged, _GivenUp) else _end(lake, job, ready, staged)


def _stage(
    context: Any, job: StructureJob, batch: List[_Prepared]
) -> Sequence[Union[Staged, _GivenUp]]:
    """Return the result of staging each folder of the batch, in the batch's order."""
    from py4j.protocol import Py4JError, Py4JJavaError  # type: ignore[import-untyped]

    try:
        return _staged(context, job, [ready.plan for ready in batch])
    except Py4JJavaError as error:
        said = str(error.java_exception.getMessage())
        if not gave_up(said):
            raise
        return [_GivenUp(ready, said) for ready in batch]
    except Py4JError:  # Java is gone, for all folders
        raise
    except OSError as error:  # the driver's own files, through which tasks reach Java
        return [_GivenUp(ready, str(error.strerror)) for ready in batch]
    except Exception as error:  # an error in this job fails its folder, never the others
        if len(batch) > 1:
            return [alone for ready in batch for alone in _stage(context, job, [ready])]
        return [_faulty(batch[0].plan.folder, error)]


def _staged(context: Any, job: StructureJob, plans: List[FolderPlan]) -> List[Staged]:
    if all(map(_is_small, plans)):
        return _stage_small(context, job, plans)
    return [_stage_large(context, job, plan) for plan in plans]


def _faulty(folder: str, error: Exception) -> Staged:
    return Staged(folder, error=fault_of_the_job(folder, error), failure=job_failure_of(error))


def _is_small(plan: FolderPlan) -> bool:
    return plan.rows <= SMALL_FOLDER_ROWS and plan.weight <= SMALL_FOLDER_WEIGHT


def _is_tiny(plan: FolderPlan) -> bool:
    return _is_small(plan) and plan.weight <= HEAVIEST_BATCH


def _stage_small(context: Any, job: StructureJob, plans: List[FolderPlan]) -> List[Staged]:
    reports: List[Staged] = (
        context.parallelize(plans, 1).map(lambda plan: stage_small_folder(job, plan)).collect()
    )
    return reports


def _stage_large(context: Any, job: StructureJob, plan: FolderPlan) -> Staged:
    groups = packed(
        list(enumerate(plan.slices)),
        lambda numbered: numbered[1].total_bytes,
        _HEAVIEST_READER,
        _TASKS_PER_CORE * context.defaultParallelism,
    )
    writers = max(context.defaultParallelism, -(-plan.weight // _HEAVIEST_WRITER))
    reports: List[Staged] = (
        context.parallelize(groups, len(groups))
        .flatMap(lambda group: _read_all(job, group))
        .partitionBy(writers, partition_of)
        .mapPartitions(lambda received: write_shuffled(job, received))
        .collect()
    )
    return reduce(Staged.plus, reports, Staged(plan.folder))


def _read_all(job: StructureJob, group: List[Tuple[int, Slice]]) -> Iterator[Shuffled]:
    for numbered in group:
        yield from read_slice_of_large_folder(job, numbered)


def _end(lake: Store, job: StructureJob, ready: _Prepared, staged: Staged) -> FolderStructured:
    folder = ready.plan.folder

    def end() -> FolderStructured:
        if staged.error:
            raise FolderError(staged.error, staged.failure or REFUSED)
        record = _record(job, ready.plan, staged)
        reconcile_counts(record)
        _reconcile_with_copy(ready.plan, record.totals)
        _reconcile_keys(ready.plan, staged)
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
        totals=replace(
            staged.totals,
            side=plan.record.by_kind.get("side", 0),
            implausible_dates=implausible_dates(staged.files, plan.record),
            unknown_fields=named_often(staged.totals.unknown_fields),
            source_keys=plan.keys.count,
        ),
        raw_uri=job.raw_uri,
    )


def _reconcile_with_copy(plan: FolderPlan, totals: StructureTotals) -> None:
    for kind, read in (("document", totals.documents), ("nested", totals.nested)):
        copied = plan.record.by_kind.get(kind, 0)
        if read != copied:
            raise FolderError(
                f"{plan.folder}: the copy counted {counted(copied, f'{kind} object')}, structuring "
                f"read {read:,}. Nothing was published."
            )


def _reconcile_keys(plan: FolderPlan, staged: Staged) -> None:
    """Raise FolderError unless each source key to structure was staged once, and no other."""
    if staged.keys != plan.keys:
        raise FolderError(
            f"{plan.folder}: {counted(plan.keys.count, 'source key')} had to be staged, each once; "
            f"{counted(staged.keys.count, 'row')} of other or repeated keys were staged. "
            "Nothing was published."
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
        sentence, failure = str(error), error.failure
    except StoreError as error:
        sentence, failure = refused_by_store(folder, error), job_failure_of(error)
    except Exception as error:  # an error in this job fails its folder, never the others
        sentence, failure = fault_of_the_job(folder, error), job_failure_of(error)
    return FolderStructured(folder, job.run_id, StructureTotals(), error=sentence, failure=failure)
