"""What an instance runs: as text, and as a process on a machine that has only what it needs."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.folders import select_folders
from checkout_assets.engines.ec2.user_data import (
    LARGEST_USER_DATA,
    WorkerJob,
    folder_words,
    render_user_data,
    worker_variables,
)
from checkout_assets.engines.ec2.worker_package import WorkerArchive, worker_archive
from checkout_assets.engines.worker.reports import (
    Listening,
    Phase,
    WorkerOutcome,
    WorkerReports,
    worker_name,
    worker_uri,
)
from checkout_assets.packaging.build import build_package
from checkout_assets.packaging.stored import PackagePlace
from checkout_assets.settings import Settings
from checkout_assets_tests.fault_proxy import Answer, FaultProxy, Request
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from checkout_assets_tests.worker_machine import PYTHON, ROOT, X86, WorkerMachine
from spark_jobs.contract.failures import Failure
from spark_jobs.stores import open_store

SNAPSHOT = Path(__file__).parent / "snapshots" / "user_data.sh"
JOB = WorkerJob(
    folders=select_folders(["00_CheckoutOrder..1F_CheckoutOrder", "FF_FulfillmentOrder"]),
    run_id="b8f5d2a4",
    report_uri="s3://orders-fleet/copies/runs/b8f5d2a4/w001",
    archive=WorkerArchive("s3://orders-artifacts/jobs/worker-1.tar", "ab" * 32, "3.11"),
    deadline=datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC),
    region="us-east-2",
    variables={"CHECKOUT_SOURCE_URI": "s3://orders/root", "CHECKOUT_RAW_URI": "s3://import/raw"},
)


def test_the_user_data_is_what_was_reviewed() -> None:
    """After a change look at the difference, then write the file anew."""
    assert render_user_data(JOB) == SNAPSHOT.read_text()


@pytest.mark.parametrize(
    "checker", [["bash", "-n"], ["shellcheck", "--shell=bash", "--severity=warning"]]
)
def test_the_shell_finds_nothing_wrong(checker: list[str]) -> None:
    if shutil.which(checker[0]) is None:
        pytest.skip(f"no {checker[0]} here")
    told = subprocess.run([*checker, SNAPSHOT], capture_output=True, text=True, check=False)
    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")


def test_hostile_values_stay_values(tmp_path: Path) -> None:
    hostile = "s3://b/$(touch owned)`touch owned`'; touch owned #\"\\ ~ * é"
    job = replace(
        JOB,
        run_id=hostile,
        report_uri=hostile,
        archive=WorkerArchive(hostile, hostile, hostile),
        variables={"CHECKOUT_RAW_URI": hostile},
    )
    values = render_user_data(job).partition("# From here on")[0]
    shown = 'printf "%s\\n" "$report" "$run_id" "$archive" "$archive_sha256" "$CHECKOUT_RAW_URI"'
    ended = subprocess.run(
        ["bash", "-c", values + shown], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines() == [hostile] * 5
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("character", ["\n", "\0", "\x1b", "\ud800"])
def test_what_does_not_print_is_refused(character: str) -> None:
    with pytest.raises(UsageError, match="leave out what does not print"):
        render_user_data(replace(JOB, variables={"CHECKOUT_RAW_URI": f"s3://b/{character}"}))


def test_more_than_ec2_takes_is_refused_with_a_sentence() -> None:
    every_other = select_folders(["all"])[::2]
    assert len(render_user_data(replace(JOB, folders=every_other)).encode()) < LARGEST_USER_DATA
    with pytest.raises(UsageError, match=r"would be 2\d,\d{3} bytes; EC2 takes 16,384\. Give"):
        render_user_data(replace(JOB, report_uri="s3://b/" + "x" * 20_000))


def test_a_cut_off_of_now_is_refused() -> None:
    with pytest.raises(UsageError, match="cut-off cannot be now"):
        render_user_data(replace(JOB, variables={"CHECKOUT_AS_OF": "now"}))


@pytest.mark.parametrize(
    "words",
    [
        ["all"],
        ["00_CheckoutOrder"],
        ["00_CheckoutOrder", "02_CheckoutOrder..05_CheckoutOrder", "FF_FulfillmentOrder"],
        ["FE_CheckoutOrder..01_FulfillmentOrder"],
    ],
)
def test_ranges_name_exactly_the_folders(words: list[str]) -> None:
    folders = select_folders(words)
    assert select_folders(folder_words(folders[::-1])) == folders


def test_variables_are_the_settings_that_change_a_copy_and_no_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "CHECKOUT_PASSWORD"):
        monkeypatch.setenv(name, "hidden")
    monkeypatch.setenv("CHECKOUT_EMR", '{"log_uri": "s3://hidden"}')
    monkeypatch.setenv("CHECKOUT_REQUESTER_PAYS", "1")
    monkeypatch.setenv("CHECKOUT_SHOW_OBJECT_NAMES", "1")
    monkeypatch.setenv("CHECKOUT_SOURCE_URI", "s3://orders/root")

    variables = worker_variables(Settings())

    assert variables == {
        "CHECKOUT_SOURCE_URI": "s3://orders/root",
        "CHECKOUT_REQUESTER_PAYS": "true",
    }
    rendered = render_user_data(replace(JOB, variables=variables))
    assert "hidden" not in rendered
    assert not re.search(r"secret|token|password|AKIA", rendered, re.IGNORECASE)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert worker_variables(Settings()) == variables


def test_a_variable_that_is_no_setting_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a setting"):
        render_user_data(replace(JOB, variables={"CHECKOUT_X=1; touch owned; Y": "1"}))


class Boot:
    """An instance of its own on the S3 server, with the files it reports to."""

    def __init__(self, place: OrdersPlace, machine: WorkerMachine, package: Path) -> None:
        self.place = place
        self.machine = machine
        fleet = f"s3://{place.raw.bucket}/fleet"
        archive = worker_archive(PackagePlace(f"{fleet}/package", X86, str(package)))
        assert worker_archive(PackagePlace(f"{fleet}/package/", X86)) == archive
        uri = worker_uri(fleet, "run", worker_name(1))
        self.reports = WorkerReports(open_store(uri))
        self.reports.listen(Listening(datetime.now(UTC)))
        self.job = WorkerJob(
            folders=select_folders([FOLDER]),
            run_id="run",
            report_uri=uri,
            archive=archive,
            deadline=datetime.now(UTC) + timedelta(hours=1),
            region="us-east-2",
            variables={
                "CHECKOUT_SOURCE_URI": place.source.uri,
                "CHECKOUT_RAW_URI": place.raw.uri,
            },
        )

    def run(self) -> int:
        return self.machine.run(render_user_data(self.job))


@pytest.fixture
def bare(place: OrdersPlace, tmp_path: Path, package: Path) -> Iterator[Boot]:
    """A machine on which all is really installed, in several seconds."""
    boot = Boot(place, WorkerMachine(tmp_path / "machine"), package)
    yield boot
    boot.machine.power_off()
    last_call = boot.machine.calls[-1]
    assert last_call == "shutdown -h now"


@pytest.fixture
def boot(bare: Boot) -> Boot:
    """A machine whose ``aws`` starts at once."""
    bare.machine.have_quick_aws()
    return bare


def test_an_instance_installs_the_worker_copies_its_folder_and_shuts_down(bare: Boot) -> None:
    boot = bare
    for number in range(3):
        boot.place.put(f"{FOLDER}/A/id/{number}")

    code = boot.run()

    assert (code, boot.reports.log()) == (0, boot.reports.log())
    end, progress, record = boot.reports.ended(), boot.reports.progress(), boot.place.record()
    assert record is not None
    assert record.copy_id.startswith("run-")
    assert end is not None
    assert (end.outcome, end.message) == (WorkerOutcome.DONE, "1 of 1 folder is complete.")
    assert progress is not None
    assert (progress.phase, progress.folders_done, progress.folders) == (Phase.COPYING, 1, 1)
    assert (progress.objects, progress.bytes, progress.copied) == (3, 6, 3)
    [result] = boot.reports.results().values()
    assert (result.folder.name, result.ok, result.copy_id) == (FOLDER, True, record.copy_id)
    assert f"{FOLDER}: 3 objects, 3 copied" in boot.reports.log()
    timer, python, _ = boot.machine.calls
    assert re.fullmatch(r"shutdown -h \+(69|70)", timer)
    assert python.startswith("dnf --assumeyes --quiet --repo amazonlinux install python3.1")


def test_a_changed_archive_is_never_run(boot: Boot) -> None:
    boot.job = replace(boot.job, archive=replace(boot.job.archive, sha256="0" * 64))

    assert boot.run() != 0

    end = boot.reports.ended()
    assert end is not None
    assert (end.outcome, end.failure) == (WorkerOutcome.INSTALL, Failure("WrongArchive"))
    assert "SHA-256 is not the packaged one" in end.message
    assert "did NOT match" in boot.reports.log()
    assert not (boot.machine.home / "venv").exists()
    progress = boot.reports.progress()
    assert progress is not None
    assert progress.phase is Phase.INSTALLING


def test_an_archive_that_cannot_be_fetched_is_tried_again_and_told(boot: Boot) -> None:
    nowhere = f"{boot.job.report_uri}/x"
    boot.job = replace(boot.job, archive=replace(boot.job.archive, uri=nowhere))
    (boot.machine.bin / "aws").rename(boot.machine.bin / "real-aws")
    boot.machine.command("aws", boot.machine.noted() + 'exec real-aws "$@"\n')

    assert boot.run() != 0

    end = boot.reports.ended()
    assert end is not None
    assert (end.outcome, "fetch the worker archive" in end.message) == (WorkerOutcome.INSTALL, True)
    assert end.failure == Failure("WorkerNotInstalled", transient=True)
    words = [call.split() for call in boot.machine.calls]
    waited = [call[1] for call in words if call[0] == "sleep"]
    tries = [call for call in words if call[0] == "aws" and nowhere in call]
    assert (waited, len(tries)) == (["5", "15", "45"], 4)


def test_a_machine_without_a_timer_does_nothing_but_end(boot: Boot) -> None:
    once = '#!/bin/sh\n[ "$2" = now ] || exit 1\n'
    boot.machine.command("shutdown", once + boot.machine.noted())

    assert boot.run() != 0

    assert boot.machine.calls == ["shutdown -h now"]


def wait_until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_an_instance_that_is_terminated_while_it_installs_says_so(boot: Boot) -> None:
    boot.machine.link("sleep", "sleep-for-real")
    boot.machine.command("tar", boot.machine.noted() + "exec sleep-for-real 60\n")

    process = boot.machine.start(render_user_data(boot.job))
    wait_until(lambda: any(call.startswith("tar") for call in boot.machine.calls))
    boot.machine.terminate(process)

    end = boot.reports.ended()
    assert end is not None
    assert end.outcome is WorkerOutcome.INTERRUPTED
    assert end.failure == Failure("HostInterrupted", transient=True)
    assert end.message.startswith("The worker was not installed: it failed to install the worker")


@pytest.fixture
def busy(boot: Boot, proxy: FaultProxy) -> threading.Event:
    """Set once an installed worker tries the folder, which S3 is always too busy for."""
    boot.machine.have_installed_worker()
    tried = threading.Event()

    def refuse(request: Request) -> Answer | None:
        if not request.is_copy:
            return None
        tried.set()
        return Answer(503, "SlowDown")

    proxy.rule = refuse
    boot.place.put(f"{FOLDER}/A/id/1")
    return tried


def test_an_instance_that_is_terminated_while_it_copies_says_so(
    boot: Boot, busy: threading.Event
) -> None:
    process = boot.machine.start(render_user_data(boot.job))
    assert busy.wait(60)
    process.terminate()  # the script alone, which passes it on

    assert process.wait(60) != 0
    end = boot.reports.ended()
    assert end is not None
    assert (end.outcome, boot.place.record()) == (WorkerOutcome.INTERRUPTED, None)
    assert end.failure == Failure("HostInterrupted", transient=True)
    assert end.message.startswith("A signal has ended the copying. 0 of 1 folder")


def test_a_worker_that_dies_without_a_word_is_reported(boot: Boot, busy: threading.Event) -> None:
    process = boot.machine.start(render_user_data(boot.job))
    assert busy.wait(60)
    [worker] = boot.machine.processes(process, " copy --report ")
    os.kill(worker, signal.SIGKILL)

    assert process.wait(60) == 128 + signal.SIGKILL
    end = boot.reports.ended()
    assert end is not None
    assert (end.outcome, "exit code 137" in end.message) == (WorkerOutcome.FAILED, True)
    assert end.failure == Failure("WorkerEnded", transient=True)


MUTE_WORKER = """#!{python}
import pathlib
place = pathlib.Path("venv/bin")
place.mkdir(parents=True)
for name, ending in (("python", "exit 0"), ("checkout-assets", '[ "$2" = --help ] || exit {code}')):
    (place / name).write_text("#!/bin/sh\\n" + ending + "\\n")
    (place / name).chmod(0o755)
"""


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (1, Failure("WorkerEnded", transient=True)),
        (2, Failure("WrongUsage")),
        (23, Failure("WorkerEnded", transient=True)),
    ],
)
def test_a_worker_that_could_not_say_why_is_told_by_its_exit_code(
    boot: Boot, code: int, failure: Failure
) -> None:
    """Such as one that is given an option it does not know."""
    script = MUTE_WORKER.format(python=sys.executable, code=code)
    boot.machine.command(f"python{PYTHON}", script)

    assert boot.run() == code

    end = boot.reports.ended()
    assert end is not None
    assert (end.outcome, end.failure) == (WorkerOutcome.FAILED, failure)


@pytest.mark.slow
def test_what_make_package_builds_is_installed_and_copies(
    place: OrdersPlace, tmp_path: Path
) -> None:
    dist = tmp_path / "dist"
    build_package(ROOT, dist, [X86])
    boot = Boot(place, WorkerMachine(tmp_path / "machine"), dist)
    place.put(f"{FOLDER}/A/id/1")

    code = boot.run()

    boot.machine.power_off()
    assert (code, boot.reports.log()) == (0, boot.reports.log())
    assert place.record() is not None
    libraries = boot.machine.home / "venv" / "lib" / f"python{PYTHON}" / "site-packages"
    assert (libraries / "pyarrow").is_dir()
    assert not (libraries / "dagster").exists()
