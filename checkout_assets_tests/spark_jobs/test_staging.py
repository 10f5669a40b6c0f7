"""What leaves a task when it fails: a sentence with a code and a place, never content."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from spark_jobs.contract.completion import CompletionRecord, ManifestPart
from spark_jobs.contract.failures import Failure
from spark_jobs.job import staging, writing
from spark_jobs.job.plan import FolderError, FolderPlan, Slice
from spark_jobs.job.staging import (
    DayLines,
    Shuffled,
    Staged,
    StructureJob,
    read_slice_of_large_folder,
    stage_small_folder,
    write_shuffled,
)
from spark_jobs.stores import DiskError, StoreError

FOLDER = "0A_CheckoutOrder"
CONTENT = "Maria Exemplo, rua das Amostras 12"
PART = ManifestPart("part-00000.parquet", 1, "0" * 64, 1)
PIECE = Slice(FOLDER, "c1", PART, 0, 0, 1, 1)


@pytest.fixture
def job(tmp_path: Path) -> StructureJob:
    raw, lake = tmp_path / "raw", tmp_path / "lake"
    return StructureJob(str(raw), str(lake), "run1", (FOLDER,))


def plan() -> FolderPlan:
    record = CompletionRecord(
        folder=FOLDER,
        copy_id="c1",
        as_of="2026-01-01T00:00:00+00:00",
        listed_at="2026-01-01T00:00:00+00:00",
        parts=[],
        by_kind={"document": 1},
        by_status={"copied": 1},
        total_bytes=1,
        digest="d",
    )
    return FolderPlan(FOLDER, record, (PIECE,), days=1)


def of_a_small_folder(job: StructureJob) -> Staged:
    return stage_small_folder(job, plan())


def of_a_slice(job: StructureJob) -> Staged:
    ((key, told),) = read_slice_of_large_folder(job, (0, PIECE))
    assert key == (FOLDER, "")
    assert isinstance(told, Staged)
    return told


@pytest.mark.parametrize("report", [of_a_small_folder, of_a_slice])
@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError(CONTENT), "ValueError in fail, line "),
        (json.JSONDecodeError(CONTENT, CONTENT, 3), "JSONDecodeError in fail, line "),
        (pa.ArrowInvalid(CONTENT), "ArrowInvalid in fail, line "),
        (StoreError("SlowDown", CONTENT, True), "the store answered SlowDown. Run it again."),
        (
            DiskError("EROFS", CONTENT, "/lake", "Read-only file system"),
            "the directory /lake cannot be used: Read-only file system (EROFS). "
            "Fix that, then run it again.",
        ),
    ],
    ids=lambda each: type(each).__name__,
)
def test_an_exception_leaves_its_task_as_a_code_and_a_place(
    job: StructureJob, monkeypatch: pytest.MonkeyPatch, report: object, error: object, told: str
) -> None:
    def fail(*_: object) -> None:
        raise error  # type: ignore[misc]

    monkeypatch.setattr(staging, "conform_slice", fail)
    staged = report(job)  # type: ignore[operator]
    assert staged.error.startswith(f"{FOLDER}: {told}")
    assert CONTENT.encode() not in pickle.dumps(staged)


@pytest.mark.parametrize("report", [of_a_small_folder, of_a_slice])
@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (ValueError(CONTENT), Failure("ValueError")),
        (StoreError("SlowDown", CONTENT, True), Failure("SlowDown", transient=True)),
        (StoreError("ExpiredToken", CONTENT), Failure("ExpiredToken", transient=True)),
        (StoreError("AccessDenied", CONTENT), Failure("AccessDenied")),
        (DiskError("ENOSPC", CONTENT, "/lake", "No space left"), Failure("ENOSPC")),
        (FolderError("It was not copied."), Failure("Refused")),
        (FolderError("Raw is busy.", Failure("SlowDown", True)), Failure("SlowDown", True)),
    ],
    ids=str,
)
def test_a_failed_task_says_whether_another_try_may_help(
    job: StructureJob,
    monkeypatch: pytest.MonkeyPatch,
    report: Callable[[StructureJob], Staged],
    error: Exception,
    failure: Failure,
) -> None:
    def fail(*_: object) -> None:
        raise pickle.loads(pickle.dumps(error))

    monkeypatch.setattr(staging, "conform_slice", fail)

    assert report(job).failure == failure


def test_lines_that_arrow_cannot_read_fail_their_folder_only(job: StructureJob) -> None:
    neighbour = "0B_CheckoutOrder"
    broken = f'{{"id": "{CONTENT}", "value": "{CONTENT}"}}'.encode()
    whole = b'{"id": "1-01"}'
    received: list[Shuffled] = [
        ((name, "2018-10-31"), DayLines(pa.compress(line, codec="zstd", asbytes=True), len(line)))
        for name, line in ((FOLDER, broken), (neighbour, whole))
    ]
    failed, staged = write_shuffled(job, received)
    assert (failed.folder, failed.files) == (FOLDER, ())
    assert failed.error.startswith(f"{FOLDER}: Arrow")
    assert CONTENT.encode() not in pickle.dumps(failed)
    assert (staged.folder, staged.error, [file.rows for file in staged.files]) == (
        neighbour,
        "",
        [1],
    )


def test_a_day_of_many_bytes_becomes_several_files(
    job: StructureJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "LINE_BYTES_PER_FILE", 40)
    lines = [json.dumps({"id": f"{n:02d}-01"}).encode() for n in range(7)]
    assert {len(line) for line in lines} == {15}
    halves: list[Shuffled] = [
        (
            (FOLDER, "2018-10-31"),
            DayLines(pa.compress(joined, codec="zstd", asbytes=True), len(joined)),
        )
        for joined in (b"\n".join(lines[:3]), b"\n".join(lines[3:]))
    ]
    (staged,) = write_shuffled(job, halves)
    assert [file.rows for file in staged.files] == [2, 2, 2, 1]
    assert len({file.path for file in staged.files}) == len(staged.files)
