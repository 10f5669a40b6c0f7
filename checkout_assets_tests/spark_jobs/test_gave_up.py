"""A folder that kills every worker it meets fails alone; its neighbours do not."""

import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from checkout_assets_tests.spark_jobs.test_staging import FOLDER, PIECE, plan
from checkout_assets_tests.spark_sessions import local_session
from spark_jobs.contract.results import FolderStructured
from spark_jobs.contract.totals import StructureTotals
from spark_jobs.job import run
from spark_jobs.job.plan import FolderPlan
from spark_jobs.job.publishing import Published
from spark_jobs.job.staging import Staged, StructureJob

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NEIGHBOUR = "0B_CheckoutOrder"
JOB = StructureJob("raw", "lake", "run1", (FOLDER, NEIGHBOUR))


def stage(context: Any, _job: StructureJob, plans: list[FolderPlan]) -> list[Staged]:
    def work(folder: str) -> Staged:
        if folder == FOLDER:
            os._exit(1)  # as the kernel ends a worker that took all memory
        return Staged(folder)

    folders = [plan.folder for plan in plans]
    reports: list[Staged] = context.parallelize(folders, 1).map(work).collect()
    return reports


def end(_lake: object, job: StructureJob, ready: Any, staged: Staged) -> FolderStructured:
    return FolderStructured(ready.plan.folder, job.run_id, StructureTotals(), error=staged.error)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where Spark writes while it works."""
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture(scope="module")
def spark(scratch: Path) -> "Iterator[SparkSession]":
    """One session for all tests of this module: a worker that dies takes no other with it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARK_LOCAL_DIRS", str(scratch))
        with local_session("local[2]") as session:
            yield session


@pytest.fixture
def ready(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Two folders that are prepared, the first of which kills its workers."""
    monkeypatch.setattr(run, "_stage_small", stage)
    monkeypatch.setattr(run, "_end", end)
    neighbour = FolderPlan(NEIGHBOUR, plan().record, (PIECE,), days=1)
    return [run._Prepared(each, Published(None, None)) for each in (plan(), neighbour)]


@pytest.mark.parametrize("tasks_per_core", [0, 3])
@pytest.mark.parametrize("folders", [[FOLDER, NEIGHBOUR], [FOLDER]])
def test_a_folder_that_kills_its_workers_fails_alone(
    spark: "SparkSession",
    ready: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    folders: list[str],
    tasks_per_core: int,
) -> None:
    """Also if its neighbour is staged by the same Spark job."""
    monkeypatch.setattr(run, "_TASKS_PER_CORE", tasks_per_core)
    told = {
        ended.folder: ended.error
        for ended in run._structure_prepared(
            spark.sparkContext,
            None,
            JOB,
            ready[: len(folders)],  # type: ignore[arg-type]
        )
    }
    assert sorted(told) == sorted(folders)
    assert told.pop(FOLDER).startswith(f"{FOLDER}: Spark gave up after several attempts")
    assert set(told.values()) <= {""}


def test_a_full_scratch_directory_is_named_with_the_reason(
    spark: "SparkSession", ready: list[Any], scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def in_a_task(context: Any, *_: object) -> list[Staged]:
        def work(_: int) -> Staged:
            raise full

        reports: list[Staged] = context.parallelize([1], 1).map(work).collect()
        return reports

    def in_the_driver(*_: object) -> list[Staged]:
        raise full

    told = []
    for failing in (in_a_task, in_the_driver):
        monkeypatch.setattr(run, "_stage_small", failing)
        ended = run._structure_prepared(spark.sparkContext, None, JOB, ready[:1])  # type: ignore[arg-type]
        told += [each.error for each in ended]
    sentence = (
        f"{FOLDER}: Spark cannot write to {scratch}: No space left on device. Free space there, "
        "or set SPARK_LOCAL_DIRS to another directory."
    )
    assert told == [sentence, sentence]


def test_a_fault_of_the_driver_is_not_taken_for_lost_workers(
    spark: "SparkSession", ready: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> list[Staged]:
        raise pytest.UsageError

    monkeypatch.setattr(run, "_stage_small", fail)
    told = list(run._structure_prepared(spark.sparkContext, None, JOB, ready))  # type: ignore[arg-type]
    assert {ended.folder for ended in told} == {FOLDER, NEIGHBOUR}
    for ended in told:
        assert ended.error.startswith(f"{ended.folder}: UsageError in fail, line ")


def test_who_stops_waiting_cancels_what_is_not_staged(
    spark: "SparkSession", ready: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(context: Any, job: StructureJob, plans: list[FolderPlan]) -> list[Staged]:
        if plans[0].folder == NEIGHBOUR:
            return [Staged(NEIGHBOUR)]
        context.parallelize([FOLDER], 1).foreach(lambda _: time.sleep(600))
        raise AssertionError("a cancelled job ends with an error")

    monkeypatch.setattr(run, "_stage_small", hang)
    context = spark.sparkContext
    told = run._structure_prepared(context, None, JOB, ready)  # type: ignore[arg-type]
    assert next(told).folder == NEIGHBOUR
    told.close()  # type: ignore[attr-defined]
    assert list(context.statusTracker().getActiveJobsIds()) == []
