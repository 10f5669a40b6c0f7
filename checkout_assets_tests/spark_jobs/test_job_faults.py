"""The real job killed at every stage: after one more run the folder is there exactly once.

The job is a spark-submit of its own, as on a cluster. It is stopped where a stage begins by real
means: a proxy that holds a request back, a lock on the record, or a hook that Python calls before
it renames or removes a file.
"""

import fcntl
import os
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest

from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.fault_proxy import RESET, Answer, FaultProxy, Request
from checkout_assets_tests.spark_jobs.changed_folder import (
    DAYS,
    FOLDER,
    IN_BOTH,
    NEIGHBOUR,
    ChangedFolder,
    assert_staging_is_recognised,
    ids,
    new_run_id,
    record_of,
    rows_of_neighbour,
    staged,
)
from checkout_assets_tests.spark_jobs.job_process import ROOT, SCRIPT, JobProcess, wait_until
from spark_jobs.contract.keys import publication_record_key
from spark_jobs.contract.publication import PUBLISHING
from spark_jobs.job.publishing import ABANDONED_AFTER, remove_abandoned_staging
from spark_jobs.stores import Store, open_store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.skipif(
    not Path("/proc/locks").exists(), reason="looks at processes and locks as Linux shows them"
)
LONG = 240


@pytest.fixture(scope="module")
def changed(spark: "SparkSession", tmp_path_factory: pytest.TempPathFactory) -> ChangedFolder:
    return ChangedFolder(spark, tmp_path_factory.mktemp("changed"))


@pytest.fixture
def lake_uri(request: pytest.FixtureRequest, aws: EmbeddedS3Server, tmp_path: Path) -> str:
    """A place for a lake of the kind that the test's parameter names, disk or s3."""
    if request.param == "disk":
        return str(tmp_path / "lake")
    bucket = f"lake-{uuid.uuid4().hex[:12]}"
    aws.client().create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-east-2"}
    )
    return f"s3://{bucket}/some/prefix"


@pytest.fixture
def proxy(aws: EmbeddedS3Server) -> Iterator[FaultProxy]:
    with FaultProxy(aws.endpoint_url).serving() as proxy:
        yield proxy


ON_DISK_TOO = pytest.param("disk", marks=pytest.mark.slow)

LARGE = """\
import sys
from spark_jobs.job import run
from spark_jobs.structure_orders import main
run.SMALL_FOLDER_ROWS = 1
sys.exit(main())
"""
"""The script, for which every folder is a large one: it is spread by a shuffle."""


HOLD_A_FILE = """\
import os, sys, time

places = []

def hold(event, arguments):
    if event == os.environ["HELD_EVENT"]:
        place = [each for each in arguments if isinstance(each, str)][-1]
        if os.environ["HELD_PLACE"] in place and place not in places:
            places.append(place)
            if len(places) == 2:
                os.mkdir(os.environ["HELD"])
                time.sleep(600)

sys.addaudithook(hold)
"""
"""Python runs it at start; it holds the process before it makes or removes a second such file."""


class Jobs:
    """Starts real jobs that reach S3 through the proxy; ends what is left of them."""

    def __init__(self, changed: ChangedFolder, proxy: FaultProxy, directory: Path) -> None:
        self._changed, self._proxy, self._directory = changed, proxy, directory
        self._started: list[JobProcess] = []

    def held_at_a_file(self, lake: Store, run_id: str, event: str, place: str) -> JobProcess:
        """A job that has changed one file so named, and waits before it changes the second."""
        directory = self._directory / f"hold-{len(self._started)}"
        directory.mkdir()
        (directory / "sitecustomize.py").write_text(HOLD_A_FILE)
        reached = directory / "reached"
        held = {"HELD_EVENT": event, "HELD_PLACE": place, "HELD": str(reached)}
        path = os.pathsep.join([str(directory), str(ROOT)])
        job = self.start(lake, run_id, environment={**held, "PYTHONPATH": path})
        wait_until(reached.exists)
        return job

    def start(
        self,
        lake: Store,
        run_id: str,
        *folders: str,
        large: bool = False,
        environment: Mapping[str, str] | None = None,
    ) -> JobProcess:
        script = SCRIPT
        if large:
            script = self._directory / "structure_large.py"
            script.write_text(LARGE)
        places = ["--raw", self._changed.raw_uri, "--lake", lake.uri, "--run-id", run_id]
        job = JobProcess(
            self._directory / f"job-{len(self._started)}.log",
            [str(script), *places, *(folders or (FOLDER,))],
            self._proxy.endpoint_url,
            environment=environment,
        )
        self._started.append(job)
        return job

    def discard(self) -> None:
        for job in self._started:
            job.discard()


@pytest.fixture
def jobs(changed: ChangedFolder, proxy: FaultProxy, tmp_path: Path) -> Iterator[Jobs]:
    jobs = Jobs(changed, proxy, tmp_path)
    yield jobs
    jobs.discard()


class Holding:
    """Holds back chosen requests from the n-th on, until they may go on or are dropped.

    With ``done`` S3 has done what was asked and only its answer is held. ``reached`` is set when
    as many requests are held as are ``awaited``.
    """

    def __init__(
        self,
        chosen: Callable[[Request], bool],
        number: int = 1,
        done: bool = False,
        awaited: int = 1,
    ) -> None:
        self._chosen, self._done = chosen, done
        self._first, self._enough = number, number + awaited - 1
        self._lock, self._seen = threading.Lock(), 0
        self._dropped = False
        self._go_on, self.reached = threading.Event(), threading.Event()

    def __call__(self, request: Request) -> Answer | None:
        if self._go_on.is_set() or not self._chosen(request):
            return None
        with self._lock:
            self._seen += 1
            number = self._seen
        if number < self._first:
            return None
        if self._done:
            return Answer(RESET, done=True, then=lambda: self._hold(number))
        self._hold(number)
        return Answer(RESET) if self._dropped else None

    def go_on(self) -> None:
        """Let what is held go on to S3."""
        self._go_on.set()

    def drop(self) -> None:
        """Let nothing of what is held reach S3: whoever sent it is gone."""
        self._dropped = True
        self._go_on.set()

    def _hold(self, number: int) -> None:
        if number >= self._enough:
            self.reached.set()
        self._go_on.wait(LONG)


def reads_raw(request: Request, folder: str = FOLDER) -> bool:
    return request.method == "GET" and f"/copies/{folder}/AF/id/" in request.path


def stages(request: Request) -> bool:
    return (
        request.method == "PUT" and f"/_staging/{FOLDER}/" in request.path and not request.is_copy
    )


def records(request: Request) -> bool:
    return request.method == "PUT" and publication_record_key(FOLDER) in request.path


def puts_in_place(request: Request) -> bool:
    return request.is_copy and "/_staging/" not in request.path


def takes_from_staging(request: Request) -> bool:
    return request.method == "POST" and f"/_staging/{FOLDER}/".encode() in request.body


def removes(request: Request) -> bool:
    removed = request.method == "POST" and b"/consumable_tables/" in request.body
    return removed and not takes_from_staging(request)


IN_S3 = {
    "reading": partial(Holding, reads_raw, 5),
    "staging": partial(Holding, stages, 3),
    "staged, before the record": partial(Holding, records),
    "recorded, before the answer": partial(Holding, records, done=True),
    "publishing, before a copy": partial(Holding, puts_in_place, 2),
    "publishing, after a copy": partial(Holding, puts_in_place, 2, done=True),
    "publishing, before the staged files go": partial(Holding, takes_from_staging),
    "publishing, after the staged files went": partial(Holding, takes_from_staging, done=True),
    "before the removal": partial(Holding, removes),
    "after the removal": partial(Holding, removes, done=True),
    "before the last record": partial(Holding, records, 2),
    "after the last record": partial(Holding, records, 2, done=True),
}
"""Where a job that publishes in S3 is killed."""

SHOWN_BY_ALL_TESTS = {"staging", "publishing, after a copy", "after the removal"}
UNPUBLISHED = ("reading", "staging", "staged")


def often_or_slow(stage: str) -> Any:
    """A stage as a parameter; most belong to the slow proof, for each starts a Spark."""
    return pytest.param(stage, marks=() if stage in SHOWN_BY_ALL_TESTS else pytest.mark.slow)


@pytest.mark.parametrize("lake_uri", ["s3"], indirect=True)
@pytest.mark.parametrize("stage", map(often_or_slow, IN_S3))
def test_killed_at_any_stage_in_s3_the_next_run_is_exact(
    changed: ChangedFolder, jobs: Jobs, proxy: FaultProxy, lake_uri: str, stage: str
) -> None:
    lake, killed = changed.new_lake(lake_uri), new_run_id()
    proxy.rule = holding = IN_S3[stage]()
    job = jobs.start(lake, killed)
    assert holding.reached.wait(LONG), job.told
    job.kill()
    holding.drop()
    assert_readers_see_no_gap(lake)
    if stage.startswith(UNPUBLISHED):
        assert record_of(lake).run_id == "old"

    # Dagster runs a killed run again under its own id, people under a new one.
    run_id = killed if list(IN_S3).index(stage) % 2 else new_run_id()
    changed.structure(lake, run_id)
    assert changed.assert_exact(lake).run_id == run_id
    assert_staging_is_recognised(lake, killed)


@pytest.mark.parametrize("lake_uri", ["s3", ON_DISK_TOO], indirect=True)
@pytest.mark.parametrize("large", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_folder_is_published_when_it_is_staged_whatever_its_neighbour_does(
    changed: ChangedFolder, jobs: Jobs, proxy: FaultProxy, lake_uri: str, large: bool
) -> None:
    """The neighbour hangs while it reads; a kill then loses only the neighbour."""
    lake, killed = changed.new_lake(lake_uri), new_run_id()
    neighbours = rows_of_neighbour(lake)
    proxy.rule = holding = Holding(partial(reads_raw, folder=NEIGHBOUR))
    job = jobs.start(lake, killed, NEIGHBOUR, FOLDER, large=large)
    wait_until(lambda: f"{FOLDER}: " in job.told)
    job.kill()
    holding.drop()
    assert changed.assert_exact(lake).run_id == killed
    assert record_of(lake, NEIGHBOUR).run_id == "old"

    changed.structure(lake, killed, FOLDER, NEIGHBOUR)
    assert record_of(lake, NEIGHBOUR).run_id == killed
    assert rows_of_neighbour(lake) == neighbours
    assert changed.rows(lake) == changed.expected
    assert_staging_is_recognised(lake)


def assert_readers_see_no_gap(lake: Store) -> None:
    """Old rows, new rows or both: at least every order that is in both publications."""
    assert ids(lake) >= IN_BOTH


class RecordLock:
    """Holds the lock that a conditional write on disk takes, so that a job waits before it."""

    def __init__(self, lake: Store) -> None:
        self._path = Path(lake.uri, publication_record_key(FOLDER) + ".lock")
        self._held: list[IO[bytes]] = []

    def take(self) -> None:
        """Returns when the lock is ours; whoever asked earlier has it first."""
        file = self._path.open("ab")
        fcntl.flock(file, fcntl.LOCK_EX)
        self._held.append(file)

    def release(self) -> None:
        """Let the next one have it."""
        self._held.pop(0).close()

    def hand_over(self) -> None:
        """Let the one who waits have it once, and take it again right after."""
        before = self.waiting()
        again = threading.Thread(target=self.take)
        again.start()
        wait_until(lambda: self.waiting() > before)
        self.release()
        again.join(LONG)

    def waiting(self) -> int:
        """How many are waiting for it, as the kernel tells."""
        place = f":{self._path.stat().st_ino} "
        lines = Path("/proc/locks").read_text().splitlines()
        return sum("-> FLOCK" in line and place in line for line in lines)


def while_reading(lake: Store, jobs: Jobs, proxy: FaultProxy, run_id: str) -> None:
    proxy.rule = holding = Holding(reads_raw, 5)
    job = jobs.start(lake, run_id)
    assert holding.reached.wait(LONG), job.told
    job.kill()
    holding.drop()


def while_staging(lake: Store, jobs: Jobs, _: FaultProxy, run_id: str) -> None:
    jobs.held_at_a_file(lake, run_id, "os.rename", f"/_staging/{FOLDER}/{run_id}/").kill()
    assert len(staged(lake, run_id)) == 1


def before_the_record(lake: Store, jobs: Jobs, _: FaultProxy, run_id: str) -> None:
    lock = RecordLock(lake)
    lock.take()
    job = jobs.start(lake, run_id)
    wait_until(lambda: lock.waiting() == 1)
    job.kill()
    lock.release()
    assert record_of(lake).run_id == "old"


def before_the_last_record(lake: Store, jobs: Jobs, _: FaultProxy, run_id: str) -> None:
    lock = RecordLock(lake)
    lock.take()
    job = jobs.start(lake, run_id)
    wait_until(lambda: lock.waiting() == 1)
    lock.hand_over()
    wait_until(lambda: lock.waiting() == 1)
    job.kill()
    lock.release()
    assert not staged(lake, run_id), "everything is in place, only the record does not say so yet"


def while_publishing(lake: Store, jobs: Jobs, _: FaultProxy, run_id: str) -> None:
    jobs.held_at_a_file(lake, run_id, "os.rename", f"{lake.uri}/consumable_tables/").kill()
    assert str(table_files(lake)).count(f".{run_id}.") == 1
    assert staged(lake, run_id)


def while_removing(lake: Store, jobs: Jobs, _: FaultProxy, run_id: str) -> None:
    before = old_files(lake)
    jobs.held_at_a_file(lake, run_id, "os.remove", f"/{FOLDER}.old.").kill()
    assert len(old_files(lake)) == len(before) - 1


ON_DISK = {
    "reading": while_reading,
    "staging": while_staging,
    "staged, before the record": before_the_record,
    "publishing": while_publishing,
    "removing": while_removing,
    "before the last record": before_the_last_record,
}
"""Kills a job that publishes on disk at that stage."""


def table_files(lake: Store) -> list[Path]:
    return sorted(Path(lake.uri, "consumable_tables/checkout").rglob(f"{FOLDER}.*.parquet"))


def old_files(lake: Store) -> list[Path]:
    return [path for path in table_files(lake) if ".old." in path.name]


@pytest.mark.parametrize("stage", map(often_or_slow, ON_DISK))
def test_killed_at_any_stage_on_disk_the_next_run_is_exact(
    changed: ChangedFolder, jobs: Jobs, proxy: FaultProxy, tmp_path: Path, stage: str
) -> None:
    lake, killed = changed.new_lake(str(tmp_path / "lake")), new_run_id()
    ON_DISK[stage](lake, jobs, proxy, killed)
    assert_readers_see_no_gap(lake)
    if stage.startswith(UNPUBLISHED):
        assert record_of(lake).run_id == "old"
    else:
        assert record_of(lake).state == PUBLISHING

    run_id = killed if list(ON_DISK).index(stage) % 2 else new_run_id()
    changed.structure(lake, run_id)
    assert changed.assert_exact(lake).run_id == run_id
    assert_staging_is_recognised(lake, killed)


def both_at_the_record(
    lake: Store, jobs: Jobs, proxy: FaultProxy, *run_ids: str
) -> tuple[JobProcess, JobProcess]:
    """Two runs of the folder that have staged all; then they may record it in the same moment."""
    lock, holding = RecordLock(lake), Holding(records, awaited=2)
    on_disk = "://" not in lake.uri
    if on_disk:
        lock.take()
    else:
        proxy.rule = holding
    one, other = (jobs.start(lake, run_id) for run_id in run_ids)
    if on_disk:
        wait_until(lambda: lock.waiting() == 2)
        lock.release()
    else:
        assert holding.reached.wait(LONG), one.told + other.told
        holding.go_on()
    return one, other


@pytest.mark.parametrize("lake_uri", ["s3", ON_DISK_TOO], indirect=True)
def test_of_two_runs_of_a_folder_at_once_one_wins_and_the_other_exits_1(
    changed: ChangedFolder, jobs: Jobs, proxy: FaultProxy, lake_uri: str
) -> None:
    lake, ours, theirs = changed.new_lake(lake_uri), new_run_id(), new_run_id()
    one, other = both_at_the_record(lake, jobs, proxy, ours, theirs)
    codes = {ours: one.end(), theirs: other.end()}
    assert sorted(codes.values()) == [0, 1], one.told + other.told

    winner, loser = sorted(codes, key=lambda run_id: codes[run_id])
    assert changed.assert_exact(lake).run_id == winner
    assert not list(lake.list("_staging/"))
    said = (one if loser == ours else other).told
    assert f"{FOLDER}: another run published this folder meanwhile" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("lake_uri", ["s3", ON_DISK_TOO], indirect=True)
def test_a_run_that_was_started_twice_ends_once(
    changed: ChangedFolder, jobs: Jobs, proxy: FaultProxy, lake_uri: str
) -> None:
    """A run thought dead is started again under its id, and is alive: both share their staging."""
    lake, run_id = changed.new_lake(lake_uri), new_run_id()
    one, other = both_at_the_record(lake, jobs, proxy, run_id, run_id)
    assert (one.end(), other.end()) == (0, 0), one.told + other.told
    assert changed.assert_exact(lake).run_id == run_id
    assert not list(lake.list("_staging/"))


@pytest.mark.parametrize("lake_uri", ["s3", ON_DISK_TOO], indirect=True)
def test_two_folders_at_once_are_both_exact(
    changed: ChangedFolder, jobs: Jobs, lake_uri: str
) -> None:
    lake, ours, theirs = changed.new_lake(lake_uri), new_run_id(), new_run_id()
    neighbours = rows_of_neighbour(lake)
    one, other = jobs.start(lake, ours), jobs.start(lake, theirs, NEIGHBOUR)
    assert (one.end(), other.end()) == (0, 0), one.told + other.told
    assert changed.rows(lake) == changed.expected
    assert rows_of_neighbour(lake) == neighbours
    assert len(neighbours) == 3
    assert record_of(lake).run_id == ours
    assert record_of(lake, NEIGHBOUR).run_id == theirs
    assert not list(lake.list("_staging/"))


@pytest.mark.parametrize("lake_uri", ["s3"], indirect=True)
def test_a_run_overtaken_while_it_publishes_exits_1_and_harms_nothing(
    changed: ChangedFolder, jobs: Jobs, proxy: FaultProxy, lake_uri: str
) -> None:
    """A later run finishes its publication, publishes its own, and then it wakes up."""
    lake, slow, fast = changed.new_lake(lake_uri), new_run_id(), new_run_id()
    proxy.rule = holding = Holding(puts_in_place, 5)
    job = jobs.start(lake, slow)
    assert holding.reached.wait(LONG), job.told
    changed.structure(lake, fast)
    holding.go_on()
    assert job.end() == 1, job.told
    assert f"{FOLDER}: a later run has replaced what this run published." in job.told
    assert changed.assert_exact(lake).run_id == fast
    assert not list(lake.list("_staging/"))


@pytest.mark.parametrize("lake_uri", ["s3"], indirect=True)
@pytest.mark.parametrize("large", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_worker_that_dies_costs_a_retry_and_no_row(
    changed: ChangedFolder, jobs: Jobs, proxy: FaultProxy, lake_uri: str, large: bool
) -> None:
    """Killed while it stages, when some files are there already."""
    lake, run_id = changed.new_lake(lake_uri), new_run_id()
    proxy.rule = holding = Holding(stages, 4)
    job = jobs.start(lake, run_id, large=large)
    assert holding.reached.wait(LONG), job.told
    workers = job.workers()
    assert workers
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    holding.drop()
    assert job.end() == 0, job.told
    assert changed.assert_exact(lake).run_id == run_id
    assert not list(lake.list("_staging/"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own of a few megabytes, which can be filled."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode != 0:
        pytest.skip("mounting a small disk needs the right to mount")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path, leave: int = 0) -> Path:
    """Write until only ``leave`` bytes are free; returns the file to remove again."""
    filler = disk / "filler"
    free = os.statvfs(disk)
    filler.write_bytes(b"\0" * (free.f_bavail * free.f_frsize - leave))
    return filler


@pytest.mark.parametrize(
    "stage",
    [
        pytest.param("staging", marks=pytest.mark.slow),
        "record",
        pytest.param("last record", marks=pytest.mark.slow),
    ],
)
def test_a_full_disk_fails_clearly_publishes_nothing_by_halves_and_is_exact_with_space(
    changed: ChangedFolder, small_disk: Path, stage: str
) -> None:
    lake, run_id = changed.new_lake(str(small_disk / "lake")), new_run_id()
    lock, told = RecordLock(lake), [""]
    lock.take()
    filler = fill(small_disk, leave=200_000) if stage == "staging" else None
    job = threading.Thread(target=lambda: told.append(changed.try_to_structure(lake, run_id)))
    job.start()
    if filler is None:
        wait_until(lambda: lock.waiting() == 1)
        if stage == "last record":
            lock.hand_over()
            wait_until(lambda: lock.waiting() == 1)
        filler = fill(small_disk)
    lock.release()
    job.join(LONG)

    assert f"the directory {lake.uri} cannot be used: No space left on device" in told[-1]
    assert told[-1].startswith(FOLDER)
    assert_readers_see_no_gap(lake)
    if stage == "last record":
        assert record_of(lake).state == PUBLISHING
    else:
        assert record_of(lake).run_id == "old"
        assert changed.rows(lake) == changed.old
        assert not staged(lake, run_id)
    filler.unlink()
    changed.structure(lake, again := new_run_id())
    assert changed.assert_exact(lake).run_id == again
    assert_staging_is_recognised(lake)


@pytest.mark.parametrize("lake_uri", ["s3", ON_DISK_TOO], indirect=True)
@pytest.mark.parametrize("vanished", ["keep", "drop_rows"])
def test_a_run_after_changes_at_the_source_is_exact(
    changed: ChangedFolder, lake_uri: str, vanished: str
) -> None:
    """A new version, a moved day, an order that is none any more, a deleted one, a new one."""
    lake = changed.new_lake(lake_uri)
    for run_id in (new_run_id(), new_run_id()):
        changed.structure(lake, run_id, vanished=vanished)
        stays = {"4-01"} if vanished == "keep" else set()
        assert ids(lake) == (IN_BOTH | {f"{DAYS}-01"}) - {"4-01"} | stays
        rows = changed.rows(lake)
        gone = [row for row in changed.expected if row not in rows]
        assert [row for row in rows if row not in changed.expected] == []
        assert len(rows) == len(set(rows)) == len(changed.expected) - len(gone)
        if vanished == "keep":
            assert changed.assert_exact(lake).run_id == run_id
        else:
            assert ["'4-01'" in row for row in gone] == [True]
        assert not list(lake.list("_staging/"))


def test_what_a_killed_write_leaves_is_removed_with_its_staging_and_never_before(
    tmp_path: Path,
) -> None:
    lake = open_store(str(tmp_path))
    directory = tmp_path / "_staging" / FOLDER / "killed"
    directory.mkdir(parents=True)
    torn, under_way = directory / ".tmp-torn", directory / ".tmp-under-way"
    for path in (torn, under_way):
        path.write_bytes(b"half a fi")
    week_ago = time.time() - ABANDONED_AFTER.total_seconds() - LONG
    os.utime(torn, (week_ago, week_ago))
    assert remove_abandoned_staging(lake, FOLDER) == 1
    assert (torn.exists(), under_way.exists()) == (False, True)
    assert not list(lake.list(""))
