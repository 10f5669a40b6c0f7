"""Explain why Spark gave up on a folder, without quoting what a document may hold."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, List

from spark_jobs.contract.failures import Failure

SPARK_GAVE_UP = Failure("SparkGaveUp")
_GAVE_UP = "aborted due to stage failure"
"""Spark says this when a task has failed too often, but not when a job was cancelled."""

_DISK_REFUSALS = (
    "No space left on device",
    "Disk quota exceeded",
    "File too large",
    "Read-only file system",
    "Too many open files",
)
"""Reasons that the operating system gives, in the words that reach both Java and Python."""


def gave_up(said: str) -> bool:
    """Whether Spark's message says that a task failed as often as it may."""
    return _GAVE_UP in said


def why_spark_gave_up(folder: str, said: str, context: Any) -> str:
    """Build the sentence for a folder whose tasks failed as often as they are allowed to.

    ``said`` is Spark's own message or an error of the driver's disk. Only a known reason is taken
    from it.
    """
    refusal = next((reason for reason in _DISK_REFUSALS if reason in said), "")
    if refusal:
        where = ", ".join(_scratch_directories(context)) or "its temporary directories"
        return (
            f"{folder}: Spark cannot write to {where}: {refusal}. Free space there, or set "
            "SPARK_LOCAL_DIRS to another directory."
        )
    return (
        f"{folder}: Spark gave up after several attempts: a worker died each time, perhaps for "
        "lack of memory. Look at the largest documents, or give the workers more memory."
    )


def _scratch_directories(context: Any) -> List[str]:
    """Return the directories that Spark writes to while it works, as the driver knows them."""
    with suppress(Exception):  # a Java that no longer answers must not hide the reason
        conf = context._jsc.sc().conf()
        return list(context._jvm.org.apache.spark.util.Utils.getConfiguredLocalDirs(conf))
    return []
