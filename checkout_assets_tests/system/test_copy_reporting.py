"""``copy --report``: what is said while it copies, and that it stops when it must."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from checkout_assets.cli import copy_reporting
from checkout_assets.cli.copy_reporting import ReportTerms, reporting
from checkout_assets.cli.main import run
from checkout_assets.domain.errors import MigrationError
from checkout_assets.domain.folders import Folder
from checkout_assets.engines.locations import S3Location
from checkout_assets.engines.worker.reports import (
    End,
    Listening,
    Phase,
    WorkerOutcome,
    WorkerReports,
)
from checkout_assets_tests.fault_proxy import Answer, FaultProxy, Request
from checkout_assets_tests.instance_metadata import instance_metadata
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from spark_jobs.contract.failures import Failure
from spark_jobs.stores import open_store

NEIGHBOUR = "0B_CheckoutOrder"
IN_TIME = "2999-01-01T00:00:00Z"


class Reported:
    """A copy of two folders that reports, and what it says."""

    def __init__(self, place: OrdersPlace) -> None:
        self.place = place
        self.uri = f"s3://{place.raw.bucket}/fleet/runs/run/w001"
        self.reports = WorkerReports(open_store(self.uri))
        for folder in (FOLDER, NEIGHBOUR):
            for number in range(3):
                place.put(f"{folder}/A/id/{number}")

    def words(self, *more: str, deadline: str = IN_TIME) -> list[str]:
        places = ["--source", self.place.source.uri, "--raw", self.place.raw.uri]
        report = ["--report", self.uri, "--run-id", "run", "--deadline", deadline]
        return ["copy", *places, *report, *more, FOLDER, NEIGHBOUR]

    @property
    def end(self) -> End:
        end = self.reports.ended()
        assert end is not None
        return end

    @property
    def done(self) -> set[str]:
        return {folder.name for folder, told in self.reports.results().items() if told.ok}


@pytest.fixture
def reported(place: OrdersPlace, monkeypatch: pytest.MonkeyPatch) -> Reported:
    monkeypatch.setenv("CHECKOUT_INSTANCE_METADATA_URL", "http://127.0.0.1:9")
    return Reported(place)


@pytest.fixture
def stuck(reported: Reported, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Set once the neighbour is tried, which S3 is always too busy for."""
    tried = threading.Event()

    def refuse(request: Request) -> Answer | None:
        if not request.is_copy or NEIGHBOUR not in request.path:
            return None
        tried.set()
        return Answer(503, "SlowDown")

    with FaultProxy(os.environ["AWS_ENDPOINT_URL_S3"]).serving() as proxy:
        proxy.rule = refuse
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint_url)
        yield tried


def wait_until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_all_is_reported_and_the_same_run_is_not_done_twice(reported: Reported) -> None:
    assert run(reported.words()) == 0

    progress, record = reported.reports.progress(), reported.place.record()
    assert reported.end.outcome is WorkerOutcome.DONE
    assert progress is not None
    assert (progress.phase, progress.folders_done, progress.folders) == (Phase.COPYING, 2, 2)
    assert (progress.objects, progress.bytes, progress.copied) == (6, 12, 6)
    assert reported.done == {FOLDER, NEIGHBOUR}
    result = reported.reports.result(Folder.parse(FOLDER))
    assert result is not None
    assert record is not None
    assert result.copy_id == record.copy_id

    assert run(reported.words()) == 0

    again = reported.reports.progress()
    assert again is not None
    assert (again.folders_done, again.objects) == (2, 0)
    assert reported.place.record() == record


def test_a_folder_that_is_not_complete_is_told_with_its_sentence(reported: Reported) -> None:
    for number in range(3):
        reported.place.delete(f"{NEIGHBOUR}/A/id/{number}")

    assert run(reported.words()) == 1

    result = reported.reports.result(Folder.parse(NEIGHBOUR))
    assert result is not None
    assert (result.ok, "the source holds nothing" in result.error) == (False, True)
    assert reported.end.outcome is WorkerOutcome.FAILED
    assert reported.end.message == "1 of 2 folders is complete."
    assert reported.end.failure == Failure("FoldersLeft", transient=True)


def test_at_the_deadline_what_is_done_is_kept_and_the_rest_goes_on_later(
    reported: Reported, stuck: threading.Event, capsys: pytest.CaptureFixture[str]
) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=3)

    assert run(reported.words(deadline=soon.isoformat())) == 1

    assert reported.end.outcome is WorkerOutcome.DEADLINE
    assert reported.end.failure == Failure("Deadline")
    assert reported.done == {FOLDER}
    assert reported.place.record(NEIGHBOUR) is None
    last = capsys.readouterr().err.splitlines()[-1]
    assert "The deadline, " in last
    assert "1 of 2 folders is complete. Run the same command again" in last


def test_when_nobody_listens_it_stops(
    reported: Reported, stuck: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copy_reporting, "_SECONDS_A_MINUTE", 3)
    reported.reports.listen(Listening(datetime.now(UTC)))

    assert run(reported.words("--silence", "1")) == 1

    assert reported.end.outcome is WorkerOutcome.UNHEARD
    assert reported.end.failure == Failure("HostUnheard", transient=True)
    assert reported.done == {FOLDER}


def test_a_spot_notice_stops_it(
    reported: Reported, stuck: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    with instance_metadata() as metadata:
        monkeypatch.setenv("CHECKOUT_INSTANCE_METADATA_URL", metadata.url)
        metadata.announce_after(stuck)
        assert run(reported.words()) == 1

    assert reported.end.outcome is WorkerOutcome.INTERRUPTED
    assert "takes the Spot instance back" in reported.end.message
    assert reported.end.failure == Failure("HostInterrupted", transient=True)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 1), (signal.SIGINT, 130)])
def test_a_signal_stops_it(
    reported: Reported, stuck: threading.Event, number: signal.Signals, code: int
) -> None:
    command = [sys.executable, "-m", "checkout_assets.cli.main", *reported.words()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert stuck.wait(30)
        wait_until(lambda: reported.place.record(FOLDER))
        process.send_signal(number)
        _, said = process.communicate(timeout=60)

    assert (process.returncode, b"Traceback" in said) == (code, False)
    assert reported.end.outcome is WorkerOutcome.INTERRUPTED
    assert reported.place.record(NEIGHBOUR) is None


def test_reports_that_cannot_be_written_do_not_fail_the_copying(reported: Reported) -> None:
    reported.uri = "s3://no-such-bucket-here/fleet/runs/run/w001"

    assert run(reported.words()) == 0

    assert reported.place.record(FOLDER) is not None


def test_what_is_wrong_with_a_place_is_reported(reported: Reported) -> None:
    reported.place.source = S3Location("no-such-bucket-here", "root/")

    assert run(reported.words()) == 2

    assert reported.end.outcome is WorkerOutcome.FAILED
    assert "the bucket does not exist" in reported.end.message
    assert reported.end.failure == Failure("NoSuchBucket")


@pytest.mark.parametrize(
    ("answer", "code", "failure"),
    [
        (Answer(403, "AccessDenied"), 2, Failure("AccessDenied")),
        (Answer(400, "ExpiredToken"), 2, Failure("ExpiredToken", transient=True)),
        (Answer(503, "SlowDown"), 2, Failure("SlowDown", transient=True)),
    ],
)
def test_what_s3_answers_about_a_place_is_reported_by_its_code(
    reported: Reported,
    monkeypatch: pytest.MonkeyPatch,
    answer: Answer,
    code: int,
    failure: Failure,
) -> None:
    def refuse(request: Request) -> Answer | None:
        return answer if "delimiter" in request.path and "root" in request.path else None

    with FaultProxy(os.environ["AWS_ENDPOINT_URL_S3"]).serving() as proxy:
        proxy.rule = refuse
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint_url)
        assert run(reported.words()) == code

    assert (reported.end.outcome, reported.end.failure) == (WorkerOutcome.FAILED, failure)


def test_a_fault_of_the_program_is_reported_without_names(reported: Reported) -> None:
    where = S3Location(reported.place.raw.bucket, "fleet/runs/run/w001/")
    terms = ReportTerms(where, None, 30, "http://127.0.0.1:9")

    with (
        pytest.raises(MigrationError, match="KeyError in test_copy_reporting") as told,
        reporting(terms, 2),
    ):
        raise KeyError(f"{FOLDER}/A/id/jane.doe@example.com")

    assert told.value.__cause__ is None
    assert reported.end.outcome is WorkerOutcome.FAILED
    assert reported.end.failure == told.value.failure == Failure("KeyError", transient=True)
    assert "jane" not in str(told.value) + reported.end.message


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--deadline", IN_TIME], "--deadline needs --report"),
        (["--report", "/tmp/x"], "is not an S3 URI"),
        (["--report", "s3://bucket/x", "--deadline", "2026-01-01T00:00:00"], "with a time zone"),
        (["--report", "s3://bucket/x", "--deadline", "soon"], "with a time zone"),
        (["--report", "RAW/fleet"], "lie inside one another"),
        (["--run-id", "a/b"], 'The run id "a/b" is invalid'),
        (["--report", "s3://bucket/x", "--silence", "0"], "'--silence'"),
    ],
)
def test_wrong_options_are_one_line_and_exit_2(
    place: OrdersPlace, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    places = ["--source", place.source.uri, "--raw", place.raw.uri]
    given = [word.replace("RAW", place.raw.uri) for word in words]

    assert run(["copy", *places, *given, FOLDER]) == 2

    told = capsys.readouterr().err
    assert said in told
    assert told.count("\n") == 1
