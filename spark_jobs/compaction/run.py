"""The driver: a Spark job for each month, whose tasks write its data files."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Iterator, List, Optional, Sequence

from spark_jobs.compaction.parts import CompactionJob, MonthPart, PartCompacted
from spark_jobs.compaction.writing import compact_part
from spark_jobs.completed import completed
from spark_jobs.contract.failures import Failure
from spark_jobs.contract.months import WrittenFile
from spark_jobs.job.cancelling import cancel_jobs
from spark_jobs.job.giving_up import SPARK_GAVE_UP, gave_up, why_spark_gave_up
from spark_jobs.job.run import HasContext


@dataclass(frozen=True)
class WrittenMonth:
    """The data files of a month, which nothing names yet, or a sentence in ``error``."""

    month: str
    files: List[WrittenFile]
    error: str = ""
    failure: Optional[Failure] = None

    @classmethod
    def of(cls, month: str, parts: Sequence[PartCompacted]) -> WrittenMonth:
        """The month whose parts ended like that; it fails if one of them failed."""
        failed = next((part for part in parts if part.error), None)
        if failed is not None:
            return cls(month, [], failed.error, failed.failure or Failure("PartFailed"))
        return cls(month, [part.file for part in parts if part.file is not None])


def write_months(
    spark: HasContext, job: CompactionJob, months: Sequence[Sequence[MonthPart]]
) -> Iterator[WrittenMonth]:
    """Write the data files of each month, and yield the month when it ends.

    A month that fails does not affect the others. Closing the iterator cancels the Spark jobs; the
    files that were written are removed by a later run.
    """
    from pyspark import inheritable_thread_target

    context = spark.sparkContext
    context.setJobGroup(job.run_id, f"compact {job.table}", interruptOnCancel=True)

    @inheritable_thread_target  # so that threads inherit the job group
    def write(parts: Sequence[MonthPart]) -> WrittenMonth:
        return WrittenMonth.of(parts[0].month, _write(context, job, parts))

    with ThreadPoolExecutor(context.defaultParallelism + 1) as pool:
        futures = [pool.submit(write, parts) for parts in months]
        try:
            yield from completed(futures)
        except BaseException:
            cancel_jobs(context, job.run_id, futures)
            raise


def _write(context: Any, job: CompactionJob, parts: Sequence[MonthPart]) -> List[PartCompacted]:
    from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]

    tasks = context.parallelize(parts, len(parts)).map(lambda part: compact_part(job, part))
    try:
        written: List[PartCompacted] = tasks.collect()
    except Py4JJavaError as error:
        said = str(error.java_exception.getMessage())
        if not gave_up(said):
            raise
        sentence = why_spark_gave_up(parts[0].month, said, context)
        return [PartCompacted(error=sentence, failure=SPARK_GAVE_UP)]
    return written
