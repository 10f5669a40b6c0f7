"""Reports as workers wrote them before: whoever follows today understands them whole."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from checkout_assets.domain.folders import Folder
from checkout_assets.engines.worker.reports import (
    ASSIGNED,
    END,
    LISTENER,
    PROGRESS,
    RESULTS,
    End,
    FolderReport,
    Listening,
    Phase,
    Progress,
    WorkerOutcome,
    WorkerReports,
)
from spark_jobs.contract.failures import Failure
from spark_jobs.stores import LocalStore

WRITTEN = Path(__file__).parent / "earlier_reports"
THROTTLED = "01_CheckoutOrder: S3 asks for fewer requests"
FIRST, SECOND, THIRD = (Folder.parse(f"0{number}_CheckoutOrder") for number in range(3))


def reports(version: str, tmp_path: Path) -> WorkerReports:
    shutil.copytree(WRITTEN / version, tmp_path / "place")
    return WorkerReports(LocalStore(tmp_path / "place"))


def test_a_worker_of_the_first_format_is_understood(tmp_path: Path) -> None:
    worker = reports("format_1", tmp_path)
    assert worker.assigned() == {FIRST, SECOND, THIRD}
    at = datetime(2026, 11, 26, 12, 30, tzinfo=UTC)
    assert worker.listening() == Listening(at)
    assert worker.progress() == Progress(at, Phase.COPYING, 2, 4, 3000, 4096, 2500, 812.5)
    assert worker.ended() == End(at, WorkerOutcome.FAILED, "2 of 4 folders are complete.")
    given_up = "; the copy was given up."
    assert worker.results() == {
        FIRST: FolderReport(FIRST, True, "", "run.w001", 12.5),
        SECOND: FolderReport(
            SECOND, False, THROTTLED + given_up, "", 3.5, Failure("SlowDown", transient=True)
        ),
        THIRD: FolderReport(
            THIRD,
            False,
            "02_CheckoutOrder: S3 denies it" + given_up,
            "",
            3.5,
            Failure("AccessDenied"),
        ),
    }


def test_a_worker_before_there_were_formats_is_understood(tmp_path: Path) -> None:
    """The instance's own script writes so to this day; a worker told no failure then."""
    worker = reports("before_versions", tmp_path)
    assert worker.assigned() is None
    assert worker.listening() == Listening(datetime(2026, 11, 20, 8, 5, tzinfo=UTC))
    assert worker.progress() == Progress(
        datetime(2026, 11, 20, 8, tzinfo=UTC), Phase.INSTALLING, folders=4
    )
    end = worker.ended()
    assert end is not None
    assert (end.outcome, end.message) == (
        WorkerOutcome.INSTALL,
        "The worker was not installed: it failed to fetch the worker archive (exit code 1).",
    )
    assert worker.results() == {SECOND: FolderReport(SECOND, False, f"{THROTTLED}.", "", 3.5)}


def test_there_is_a_sample_of_each_report() -> None:
    kept = {path.name for path in (WRITTEN / "format_1").glob("*.json")}
    assert kept == {LISTENER, PROGRESS, END, ASSIGNED}
    assert list((WRITTEN / "format_1" / RESULTS).glob("*.json"))


@pytest.mark.parametrize("name", [PROGRESS, END, LISTENER, ASSIGNED])
def test_a_report_of_the_next_format_is_no_word(tmp_path: Path, name: str) -> None:
    worker = reports("format_1", tmp_path)
    path = tmp_path / "place" / name
    path.write_text(path.read_text().replace('"format_version": 1', '"format_version": 2'))
    read: dict[str, Callable[[], object]] = {
        PROGRESS: worker.progress,
        END: worker.ended,
        LISTENER: worker.listening,
        ASSIGNED: worker.assigned,
    }
    assert read[name]() is None
