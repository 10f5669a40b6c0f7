"""What an instance says and hears: files that survive anything, and a copying that must end."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from checkout_assets.domain.folders import Folder
from checkout_assets.engines.ec2.api import InstanceStatus
from checkout_assets.engines.ec2.instance import Instance
from checkout_assets.engines.ec2.records import RunRecords
from checkout_assets.engines.worker.reporting import Reporter
from checkout_assets.engines.worker.reports import (
    ASSIGNED,
    END,
    LISTENER,
    LOG,
    LONGEST_LOG,
    LONGEST_SENTENCE,
    PROGRESS,
    RESULTS,
    End,
    FolderReport,
    Listening,
    Phase,
    Progress,
    WorkerOutcome,
    WorkerReports,
    is_run_id,
    worker_name,
    worker_prefix,
    worker_uri,
    workers_of,
)
from checkout_assets.engines.worker.stopping import (
    Reason,
    SpotNotice,
    Stopped,
    Stopper,
    after_deadline,
    after_silence,
)
from checkout_assets_tests.instance_metadata import instance_metadata
from spark_jobs.contract.failures import Failure
from spark_jobs.stores import LocalStore, StoreError

FOLDER, OTHER = Folder.parse("0A_CheckoutOrder"), Folder.parse("0B_FulfillmentOrder")
AT = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
PREFIX = worker_prefix("run", worker_name(1))
PROGRESS_FILE = {
    "at": "2026-03-04T05:06:07+00:00",
    "phase": "copying",
    "folders_done": 1,
    "folders": 2,
    "objects": 3,
    "bytes": 4,
    "copied": 2,
    "rate": 1.5,
}
RESULT_FILE = {"folder": FOLDER.name, "ok": False, "error": "x", "copy_id": "", "seconds": 1}
WRONG: tuple[object, ...] = (
    *(None, [], {}, True, -1, 10**400, float("nan"), float("inf")),
    *("", "x" * 10_000, "2026-03-04", "9999-12-31T23:59:59-23:59"),
)
END_FILE = {"at": "2026-03-04T05:06:07Z", "outcome": "done", "message": "x"}


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "fleet")


@pytest.fixture
def reports(store: LocalStore) -> WorkerReports:
    return WorkerReports(store, PREFIX)


def wait_until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("failure", [None, Failure("SlowDown", True), Failure("AccessDenied")])
def test_a_failure_is_read_as_it_was_written(
    reports: WorkerReports, failure: Failure | None
) -> None:
    reports.finish_folder(FolderReport(FOLDER, False, "It failed.", failure=failure))
    told = reports.result(FOLDER)
    assert told is not None
    assert told.failure == failure


@pytest.mark.parametrize("failure", [None, Failure("SlowDown", True), Failure("AccessDenied")])
def test_the_last_words_hold_the_failure(reports: WorkerReports, failure: Failure | None) -> None:
    reports.end(End(AT, WorkerOutcome.FAILED, "1 of 2 folders is complete.", failure))
    told = reports.ended()
    assert told is not None
    assert told.failure == failure


def test_a_failure_of_strangers_is_no_word(store: LocalStore, reports: WorkerReports) -> None:
    for failure in ("SlowDown", {"code": 3, "transient": True}, {"code": "x", "transient": 1}):
        store.put(PREFIX + END, json.dumps({**END_FILE, "failure": failure}).encode())
        assert reports.ended() is None


def test_a_worker_of_an_earlier_version_tells_no_failure(
    store: LocalStore, reports: WorkerReports
) -> None:
    reports.finish_folder(FolderReport(FOLDER, False, "It failed."))
    (key,) = (entry.key for entry in store.list() if entry.key.endswith(f"{FOLDER}.json"))
    told = json.loads(store.get(key).data)
    del told["failure"]
    store.put(key, json.dumps(told).encode())

    result = reports.result(FOLDER)

    assert result is not None
    assert (result.error, result.failure) == ("It failed.", None)


def test_what_is_written_is_read(store: LocalStore, reports: WorkerReports) -> None:
    progress = Progress(AT, Phase.COPYING, 1, 2, 3, 4, 2, 1.5)
    result = FolderReport(FOLDER, True, "", "run-20260304T050607-abc", 1.5)
    end = End(AT, WorkerOutcome.DONE, "1 of 1 folder is complete.")

    reports.listen(Listening(AT.astimezone(timezone(timedelta(hours=2)))))
    reports.report(progress)
    reports.finish_folder(result)
    reports.end(end)

    worker = WorkerReports(LocalStore(Path(worker_uri(store.uri, "run", "w001"))))
    for reader in (reports, worker):
        assert reader.listening() == Listening(AT)
        assert reader.progress() == progress
        assert reader.result(FOLDER) == result
        assert reader.results() == {FOLDER: result}
        assert reader.ended() == end
    written = json.loads(store.get(PREFIX + PROGRESS).data)
    assert written == {"format_version": 1, **PROGRESS_FILE, "silent": 0.0}
    store.put(PREFIX + PROGRESS, json.dumps({**written, "added": "later"}).encode())
    assert reports.progress() == progress
    store.put(PREFIX + PROGRESS, json.dumps({**written, "format_version": 2}).encode())
    assert reports.progress() is None


def test_what_is_not_there_is_none(reports: WorkerReports) -> None:
    told = (reports.listening(), reports.progress(), reports.result(FOLDER), reports.ended())
    assert told == (None, None, None, None)
    assert (reports.results(), reports.log()) == ({}, "")


def torn_or_hostile(right: dict[str, object]) -> Iterator[bytes]:
    text = json.dumps(right).encode()
    yield from (text[:cut] for cut in range(0, len(text), 7))
    yield from (b"\xff\xfe", b"null", b"[]", b"7", b'"x"', b"[" * 100_000, b"{}")
    for name in right:
        yield json.dumps({key: value for key, value in right.items() if key != name}).encode()
        for wrong in WRONG:
            yield json.dumps({**right, name: wrong}).encode()


def test_no_content_of_a_file_breaks_its_reader(store: LocalStore, reports: WorkerReports) -> None:
    readers: list[tuple[str, dict[str, object], Callable[[], object]]] = [
        (LISTENER, {"at": AT.isoformat()}, reports.listening),
        (PROGRESS, dict(PROGRESS_FILE), reports.progress),
        (f"{RESULTS}{FOLDER}.json", dict(RESULT_FILE), lambda: reports.result(FOLDER)),
        (END, dict(END_FILE), reports.ended),
    ]
    for name, right, read in readers:
        store.put(PREFIX + name, json.dumps(right).encode())
        assert read() is not None
        read_anyway = 0
        for content in torn_or_hostile(right):
            store.put(PREFIX + name, content)
            found = read()
            assert found is None or len(repr(found)) < 2 * LONGEST_SENTENCE + 700
            assert "=nan" not in repr(found)
            assert "=inf" not in repr(found)
            read_anyway += found is not None
        assert read_anyway < 12, name  # a long text is cut, a huge count is a count


def test_a_result_is_of_the_folder_its_name_says(store: LocalStore, reports: WorkerReports) -> None:
    for name in (f"{OTHER}.json", "../../x.json", "0a_CheckoutOrder.json", "x"):
        store.put(f"{PREFIX}{RESULTS}{name.replace('../', '')}", json.dumps(RESULT_FILE).encode())
    assert (reports.result(OTHER), reports.results()) == (None, {})


def test_sentences_are_shown_without_what_does_not_print(reports: WorkerReports) -> None:
    reports.end(End(AT, WorkerOutcome.FAILED, "\x1b[2J\u202egnp" + "x" * 10_000))
    end = reports.ended()
    assert end is not None
    assert end.message.startswith("\\u{1B}[2J\\u{202E}gnp")
    assert len(end.message) == LONGEST_SENTENCE


def test_of_a_log_the_end_is_read(store: LocalStore, reports: WorkerReports) -> None:
    store.put(PREFIX + LOG, b"\xff" + b"x" * LONGEST_LOG + b"the end \xff")
    assert len(reports.log()) == LONGEST_LOG
    assert reports.log().endswith("xthe end \N{REPLACEMENT CHARACTER}")


def test_workers_of_a_run_are_those_that_left_a_file(store: LocalStore) -> None:
    for key in ("runs/run/w002/a", "runs/run/w010/b/c", "runs/run/x/a", "runs/run-2/w003/a"):
        store.put(key, b"")
    assert workers_of(store, "run") == ["w002", "w010"]
    assert workers_of(store, "other") == []


@pytest.mark.parametrize("text", ["", "-x", "a/b", "a b", "..", "a\n", "é", "a" * 101])
def test_what_names_no_run_is_refused(text: str) -> None:
    assert not is_run_id(text)
    with pytest.raises(ValueError, match="a run id is"):
        worker_prefix(text, "w001")
    with pytest.raises(ValueError, match="a worker is"):
        worker_prefix("run", text)


def test_a_reporter_tells_how_far_it_is_and_how_all_ended(reports: WorkerReports) -> None:
    reporter = Reporter(lambda: reports, folders=2, beat_seconds=0.01)
    reporter.start()
    reporter.on_objects(FOLDER, 5, 70, 3)
    wait_until(lambda: (told := reports.progress()) and told.objects == 5)
    reporter.finish_folder(FolderReport(FOLDER, True, "", "run-1", 2.0))
    wait_until(lambda: reports.result(FOLDER))
    reporter.finish_folder(FolderReport(OTHER, False, "It is empty.", "", 1.0))

    assert reporter.end(WorkerOutcome.FAILED, "1 of 2 folders is complete.")

    progress, end = reports.progress(), reports.ended()
    assert progress is not None
    assert (progress.folders_done, progress.folders, progress.bytes, progress.copied) == (
        1,
        2,
        70,
        3,
    )
    assert {folder: told.error for folder, told in reports.results().items()} == {
        FOLDER: "",
        OTHER: "It is empty.",
    }
    assert end is not None
    assert end.outcome is WorkerOutcome.FAILED


def test_a_reporter_tells_that_s3_is_silent_until_it_answers(reports: WorkerReports) -> None:
    reporter = Reporter(lambda: reports, folders=1, beat_seconds=0.01)
    reporter.start()
    reporter.on_silence(34.25)
    wait_until(lambda: (told := reports.progress()) and told.silent == 34.2)
    reporter.on_silence(0.0)
    wait_until(lambda: (told := reports.progress()) and told.silent == 0)
    reporter.end(WorkerOutcome.DONE, "All.")


def test_a_worker_of_an_earlier_version_tells_no_silence(
    store: LocalStore, reports: WorkerReports
) -> None:
    store.put(f"{PREFIX}{PROGRESS}", json.dumps(PROGRESS_FILE).encode())
    told = reports.progress()
    assert told is not None
    assert told.silent == 0


def test_a_follower_says_so_as_soon_as_a_worker_does(
    store: LocalStore, reports: WorkerReports
) -> None:
    running: Any = SimpleNamespace(describe=lambda _: InstanceStatus("i-1", "running"))
    records = RunRecords(LocalStore(Path()), "run")
    instance = Instance(running, reports, records, worker_name(1), {}, lambda _: "i-1")
    looks = []
    for silent in (0.0, 12.0, 42.0, 0.0):
        reports.report(Progress(AT, Phase.COPYING, objects=7, silent=silent))
        looks.append(instance.collect({}))
    assert [look.urgent for look in looks] == [False, True, False, False]
    assert looks[1].progress.endswith("; S3 has been silent for 12 s.")


def test_what_could_not_be_written_is_written_later(
    store: LocalStore, reports: WorkerReports
) -> None:
    tries: list[str] = []

    def reach() -> WorkerReports:
        tries.append("reach")
        if len(tries) < 3:
            raise StoreError("AccessDenied", "fleet")
        return reports

    reporter = Reporter(reach, folders=1, beat_seconds=0.01)
    reporter.start()
    reporter.finish_folder(FolderReport(FOLDER, True))
    wait_until(lambda: reports.result(FOLDER))
    assert len(tries) == 3
    assert reporter.end(WorkerOutcome.DONE, "All.")


def test_an_end_that_cannot_be_told_is_no_error() -> None:
    def reach() -> WorkerReports:
        raise OSError("no network")

    reporter = Reporter(reach, folders=1, beat_seconds=60, last_tries_after_seconds=(0.0, 0.01))
    reporter.start()
    assert not reporter.end(WorkerOutcome.DONE, "All.")


def test_what_a_worker_was_given_is_read_back(reports: WorkerReports) -> None:
    assert reports.assigned() is None
    reports.assign([FOLDER])
    assert reports.assigned() == {FOLDER}


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ('{"folders": ["0B_FulfillmentOrder"]}', [OTHER]),
        ("", [FOLDER, OTHER]),
        ('{"folders": "no"}', [FOLDER, OTHER]),
    ],
)
def test_whoever_attaches_to_a_worker_knows_what_it_was_given(
    store: LocalStore, reports: WorkerReports, text: str, given: list[Folder]
) -> None:
    """What an earlier version launched was given all folders of its run, and no list says so."""
    if text:
        store.put(f"{PREFIX}{ASSIGNED}", text.encode())
    reports.finish_folder(FolderReport(OTHER, ok=False, error="It failed."))
    api: Any = None
    records = RunRecords(LocalStore(Path()), "run")
    instance = Instance(api, reports, records, worker_name(1), {}, str)
    found = instance.found([FOLDER, OTHER])
    assert list(found) == given
    assert [folder for folder, each in found.items() if not each.goes_on] == [OTHER]
    assert instance.given == dict.fromkeys(given, 1)


def test_silence_is_the_time_since_the_listener_changed(reports: WorkerReports) -> None:
    reporter = Reporter(lambda: reports, folders=1, beat_seconds=0.01)
    reporter.start()
    time.sleep(0.2)
    assert reporter.silent_seconds > 0.15
    reports.listen(Listening(AT))  # an old instant: only that it is another one matters
    wait_until(lambda: reporter.silent_seconds < 0.1)
    time.sleep(0.2)
    assert reporter.silent_seconds > 0.15
    reports.listen(Listening(AT + timedelta(seconds=1)))
    wait_until(lambda: reporter.silent_seconds < 0.1)
    reporter.end(WorkerOutcome.DONE, "All.")


class Work:
    """Waits as the engine does, and is ended by what a Stopper raises."""

    def __init__(self, *reasons: Reason) -> None:
        self.stopper = Stopper(reasons, look_seconds=0.01)

    def run(self) -> Stopped | None:
        with self.stopper:
            try:
                threading.Event().wait(10)
            except Stopped as stopped:
                return stopped
        return None


def test_a_deadline_ends_the_work_in_the_main_thread() -> None:
    began = time.monotonic()
    stopped = Work(after_deadline(datetime.now(UTC) + timedelta(seconds=0.2))).run()
    assert stopped is not None
    assert stopped.outcome is WorkerOutcome.DEADLINE
    assert 0.15 < time.monotonic() - began < 5


def test_silence_ends_the_work() -> None:
    silent = iter([1.0, 59.0, 60.0])
    stopped = Work(after_silence(lambda: next(silent), 60)).run()
    assert stopped is not None
    assert (stopped.outcome, stopped.reason) == (
        WorkerOutcome.UNHEARD,
        "No run has followed the reports for 1 minute.",
    )


def test_a_signal_ends_the_work_once_and_the_handler_is_given_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
    with Stopper([]):
        with pytest.raises(Stopped) as stopped:
            threading.Event().wait(10)
        os.kill(os.getpid(), signal.SIGTERM)  # while the engine ends: it changes nothing
        time.sleep(0.05)
    assert stopped.value.outcome is WorkerOutcome.INTERRUPTED
    assert signal.getsignal(signal.SIGTERM) is before


def test_nothing_is_stopped_that_is_over() -> None:
    with Stopper([lambda: Stopped(WorkerOutcome.DEADLINE, "now")], look_seconds=0.01) as stopper:
        stopper.over()
        time.sleep(0.1)


def test_a_spot_notice_ends_the_work() -> None:
    with instance_metadata() as metadata:
        metadata.announce("terminate")
        stopped = Work(SpotNotice(metadata.url)).run()
    assert stopped is not None
    assert stopped.outcome is WorkerOutcome.INTERRUPTED
    assert "takes the Spot instance back (action terminate)" in stopped.reason


@pytest.mark.parametrize("notice", [None, b"", b"[]", b"{}", b"\xff", b"<html>"])
def test_other_answers_of_the_metadata_are_no_notice(notice: bytes | None) -> None:
    with instance_metadata() as metadata:
        metadata.notice = notice
        assert SpotNotice(metadata.url)() is None


def test_no_metadata_are_no_notice_and_asked_for_seldom() -> None:
    notice = SpotNotice("http://127.0.0.1:9")
    assert notice() is None
    with instance_metadata() as metadata:
        metadata.announce("stop")
        seldom = SpotNotice(metadata.url, look_seconds=60)
        assert seldom() is not None
        assert seldom() is None


@pytest.mark.parametrize(("seconds", "told"), [(60, "1 minute."), (1800, "30 minutes.")])
def test_the_silence_is_told_in_minutes_that_fit_their_number(seconds: int, told: str) -> None:
    stopped = after_silence(lambda: seconds, seconds)()
    assert stopped is not None
    assert stopped.reason == f"No run has followed the reports for {told}"
