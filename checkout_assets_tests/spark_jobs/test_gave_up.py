"""A folder that kills every worker it meets fails alone; its neighbours do not."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from checkout_assets.engines.structuring.session import local_session
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.spark_jobs.test_staging import FOLDER, PIECE, plan
from spark_jobs.job.plan import FolderPlan
from spark_jobs.job.run import _reports
from spark_jobs.job.staging import Staged, StructureJob

NEIGHBOUR = "0B_CheckoutOrder"
JOB = StructureJob("raw", "lake", "run1", (FOLDER, NEIGHBOUR))


def stage(context: Any, _job: StructureJob, plans: list[FolderPlan]) -> list[Staged]:
    def work(folder: str) -> Staged:
        if folder == FOLDER:
            os._exit(1)  # as the kernel ends a worker that took all memory
        return Staged(folder)

    names = [each.folder for each in plans]
    reports: list[Staged] = context.parallelize(names, len(names)).map(work).collect()
    return reports


def test_a_folder_that_kills_its_workers_fails_alone(aws: EmbeddedS3Server) -> None:
    neighbour = FolderPlan(NEIGHBOUR, plan().record, (PIECE,), days=1)
    with local_session("local[2]") as session:
        reports = _reports(stage, session.sparkContext, JOB, [plan(), neighbour])
    told = {report.folder: report.error for report in reports}
    assert told[NEIGHBOUR] == ""
    assert told[FOLDER].startswith(f"{FOLDER}: Spark gave up after several attempts")


def test_a_full_scratch_directory_is_named_with_the_reason(
    aws: EmbeddedS3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARK_LOCAL_DIRS", str(tmp_path))
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def in_a_task(context: Any, *_: object) -> list[Staged]:
        def work(_: int) -> Staged:
            raise full

        reports: list[Staged] = context.parallelize([1], 1).map(work).collect()
        return reports

    def in_the_driver(*_: object) -> list[Staged]:
        raise full

    with local_session("local[1]") as session:
        told = [
            _reports(failing, session.sparkContext, JOB, [plan()])[0].error
            for failing in (in_a_task, in_the_driver)
        ]
    sentence = (
        f"{FOLDER}: Spark cannot write to {tmp_path}: No space left on device. Make room there, or "
        "set SPARK_LOCAL_DIRS to a directory with room."
    )
    assert told == [sentence, sentence]


def test_a_fault_of_the_driver_is_not_taken_for_a_folders(aws: EmbeddedS3Server) -> None:
    def fail(*_: object) -> list[Staged]:
        raise pytest.UsageError

    with pytest.raises(pytest.UsageError):
        _reports(fail, None, JOB, [plan()])
