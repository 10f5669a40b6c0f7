"""Exactly once: the same tests for a lake in S3 and on disk."""

import threading
import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.fault_proxy import FaultProxy, Request
from spark_jobs.contract.keys import (
    publication_record_key,
    quarantine_file_key,
    staged_key,
    table_file_key,
)
from spark_jobs.contract.publication import PUBLISHED, PUBLISHING, PublicationRecord, PublishedFile
from spark_jobs.contract.totals import StructureTotals
from spark_jobs.job.plan import FolderError
from spark_jobs.job.publishing import (
    ABANDONED_AFTER,
    finish_interrupted,
    publish,
    read_published,
    reconcile_counts,
    remove_abandoned_staging,
)
from spark_jobs.stores import NotFoundError, Store, StoreError, open_store

FOLDER = "0A_CheckoutOrder"
NEIGHBOUR = "0B_CheckoutOrder"
LIVE = "consumable_tables/checkout/YEAR=2018/MONTH=10/DAY=31/live-pipeline.parquet"


class Kill(BaseException):
    """What a kill -9 looks like from inside: nothing after it runs."""


class DyingStore:
    """A store whose process is killed before its n-th change; moves are killed between two."""

    def __init__(self, store: Store, changes: int) -> None:
        self._store = store
        self._left = changes

    def __getattr__(self, name: str) -> object:
        attribute = getattr(self._store, name)
        if name == "move_many":
            return self._move_one_by_one
        if name not in {"put", "delete"}:
            return attribute

        def change(*arguments: object, **options: object) -> object:
            self._count()
            if name == "delete":  # lazily listed keys must not escape the count
                arguments = (list(arguments[0]),)  # type: ignore[call-overload]
            return attribute(*arguments, **options)

        return change

    def _count(self) -> None:
        if self._left == 0:
            raise Kill
        self._left -= 1

    def _move_one_by_one(self, moves: Iterable[tuple[str, str]]) -> dict[str, StoreError]:
        failed: dict[str, StoreError] = {}
        for move in moves:
            self._count()
            failed |= self._store.move_many([move])
        return failed


def stage(
    lake: Store, run_id: str, days: dict[str, bytes], quarantine: bytes = b""
) -> PublicationRecord:
    """A run that has staged its files and not yet published them."""
    files = [
        PublishedFile(table_file_key(FOLDER, day, run_id, 0), len(data), 1)
        for day, data in days.items()
    ]
    bodies = dict(zip((file.path for file in files), days.values(), strict=True))
    in_quarantine = []
    if quarantine:
        key = quarantine_file_key(FOLDER, run_id, 0)
        in_quarantine = [PublishedFile(key, len(quarantine), 1)]
        bodies[key] = quarantine
    for key, data in bodies.items():
        lake.put(staged_key(FOLDER, run_id, key), data)
    return PublicationRecord(
        folder=FOLDER,
        run_id=run_id,
        state=PUBLISHING,
        copy_id="c1",
        digest="d",
        schema_version="1",
        files=files,
        quarantine=in_quarantine,
        previous=[],
        totals=StructureTotals(
            documents=len(files) + len(in_quarantine),
            rows=len(files),
            quarantined={"no_id": len(in_quarantine)} if in_quarantine else {},
        ),
    )


def published_bodies(lake: Store) -> dict[str, bytes]:
    """Every file a reader of tables or quarantine sees."""
    keys = [e.key for prefix in ("consumable_tables/", "quarantine/") for e in lake.list(prefix)]
    return {key: lake.get(key).data for key in keys}


def first_run(lake: Store) -> PublicationRecord:
    record = stage(lake, "run1", {"2018-10-30": b"one", "2018-10-31": b"two"}, b"bad")
    return publish(lake, record, read_published(lake, FOLDER))


def second_run(lake: Store) -> PublicationRecord:
    return stage(lake, "run2", {"2018-10-31": b"two again", "2018-11-01": b"moved"})


def bodies_of(record: PublicationRecord, lake: Store) -> list[bytes]:
    return [lake.get(file.path).data for file in record.all_files]


def test_a_first_run_publishes_exactly_its_files(lake: Store) -> None:
    record = first_run(lake)
    assert record.state == PUBLISHED
    assert sorted(published_bodies(lake)) == sorted(file.path for file in record.all_files)
    assert sorted(published_bodies(lake).values()) == [b"bad", b"one", b"two"]
    assert not list(lake.list("_staging/"))


def test_a_second_run_takes_the_place_of_the_first_and_touches_nothing_else(lake: Store) -> None:
    first_run(lake)
    neighbour = table_file_key(NEIGHBOUR, "2018-10-31", "run1", 0)
    for foreign in (LIVE, neighbour):
        lake.put(foreign, b"foreign")
    publish(lake, second_run(lake), read_published(lake, FOLDER))
    bodies = published_bodies(lake)
    assert bodies.pop(LIVE) == bodies.pop(neighbour) == b"foreign"
    assert sorted(bodies.values()) == [b"moved", b"two again"]


def test_a_run_with_the_same_id_and_fewer_files_leaves_no_old_one(lake: Store) -> None:
    first_run(lake)
    again = stage(lake, "run1", {"2018-10-31": b"two, mended"})
    publish(lake, again, read_published(lake, FOLDER))
    assert list(published_bodies(lake).values()) == [b"two, mended"]


@pytest.mark.parametrize("changes", range(7))
def test_killed_at_any_moment_the_next_run_ends_exact(lake: Store, changes: int) -> None:
    """After each single change the reader sees old rows, new rows or both, never neither."""
    first_run(lake)
    base = read_published(lake, FOLDER)
    killed = True
    record = second_run(lake)
    try:
        publish(DyingStore(lake, changes), record, base)  # type: ignore[arg-type]
        killed = False
    except Kill:
        seen = set(published_bodies(lake).values())
        assert {b"one", b"two"} <= seen or {b"two again", b"moved"} <= seen
    assert killed == (changes < 6), "the kill points no longer cover every change"

    third = stage(lake, "run3", {"2018-12-01": b"third"})
    publish(lake, third, finish_interrupted(lake, FOLDER))
    assert list(published_bodies(lake).values()) == [b"third"]


def test_whoever_finds_a_half_done_publication_finishes_it(lake: Store) -> None:
    first_run(lake)
    with pytest.raises(Kill):
        publish(DyingStore(lake, 2), second_run(lake), read_published(lake, FOLDER))  # type: ignore[arg-type]
    half_done = read_published(lake, FOLDER).record
    assert half_done is not None
    assert half_done.state == PUBLISHING
    finished = finish_interrupted(lake, FOLDER).record
    assert finished is not None
    assert (finished.state, finished.run_id, finished.previous) == (PUBLISHED, "run2", [])
    assert sorted(published_bodies(lake).values()) == [b"moved", b"two again"]


STAGED, COPIED, MOVED = "staged", "copied", "moved"


@pytest.mark.parametrize("places", product((STAGED, COPIED, MOVED), repeat=3))
def test_whatever_part_of_the_moves_was_done_the_rest_is_done(
    lake: Store, places: tuple[str, str, str]
) -> None:
    """Moves run side by side, so a kill leaves any of them done: in S3 also in both places."""
    base = first_run(lake)
    record = stage(lake, "run2", {"2018-10-31": b"two again", "2018-11-01": b"moved"}, b"worse")
    previous = [file.path for file in base.all_files]
    begun = replace(record, previous=previous).to_json()
    lake.put(publication_record_key(FOLDER), begun)
    for file, place in zip(record.all_files, places, strict=True):
        staged = staged_key(FOLDER, "run2", file.path)
        if place != STAGED:
            lake.put(file.path, lake.get(staged).data)
        if place == MOVED:
            lake.delete([staged])
    if set(places) == {MOVED}:
        lake.delete(previous[:2])
    finished = finish_interrupted(lake, FOLDER).record
    assert finished is not None
    assert (finished.state, finished.run_id) == (PUBLISHED, "run2")
    assert sorted(published_bodies(lake).values()) == [b"moved", b"two again", b"worse"]
    assert not list(lake.list("_staging/"))


def test_a_folder_of_many_files_takes_few_round_trips(
    aws: EmbeddedS3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files are copied side by side; staged and old ones are removed in batches."""
    bucket = f"lake-{uuid.uuid4().hex[:12]}"
    aws.client().create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-east-2"}
    )
    together = threading.Barrier(64)
    days = [f"2018-{month:02d}-{day:02d}" for month in range(1, 9) for day in range(1, 17)]

    def wait_for_the_others(request: Request) -> None:
        if request.is_copy:
            together.wait(5)

    with FaultProxy(aws.endpoint_url).serving() as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", proxy.endpoint_url)
        proxy.rule = wait_for_the_others
        lake = open_store(f"s3://{bucket}/prefix")
        for run_id in ("run1", "run2"):
            record = stage(lake, run_id, dict.fromkeys(days, b"x"))
            base = read_published(lake, FOLDER)
            proxy.seen.clear()
            publish(lake, record, base)
        asked = Counter("COPY" if each.is_copy else each.method for each in proxy.seen)
        assert not together.broken
        assert asked == {"COPY": len(days), "PUT": 2, "POST": 2, "GET": 1}
        assert len(published_bodies(lake)) == len(days)


def test_of_two_runs_the_slower_removes_only_its_own_staging(lake: Store) -> None:
    first_run(lake)
    base = read_published(lake, FOLDER)
    slow = second_run(lake)
    fast = stage(lake, "run3", {"2018-12-01": b"third"})
    publish(lake, fast, base)
    with pytest.raises(FolderError, match="another run published this folder meanwhile"):
        publish(lake, slow, base)
    assert list(published_bodies(lake).values()) == [b"third"]
    assert not list(lake.list("_staging/"))


def test_a_published_file_that_is_gone_from_everywhere_is_loud(lake: Store) -> None:
    record = second_run(lake)
    lake.delete([staged_key(FOLDER, "run2", record.files[0].path)])
    with pytest.raises(FolderError, match="neither staged nor in place"):
        publish(lake, record, read_published(lake, FOLDER))


def test_staging_is_removed_after_seven_days_and_not_before(lake: Store) -> None:
    second_run(lake)
    lake.put(f"_staging/{NEIGHBOUR}/run9/x", b"not this folder's")
    now = datetime.now(UTC)
    assert remove_abandoned_staging(lake, FOLDER, now) == 0
    assert remove_abandoned_staging(lake, FOLDER, now + ABANDONED_AFTER + timedelta(minutes=1)) == 2
    assert [entry.key for entry in lake.list("_staging/")] == [f"_staging/{NEIGHBOUR}/run9/x"]


def test_a_record_that_is_no_record_is_loud(lake: Store) -> None:
    lake.put(publication_record_key(FOLDER), b'{"folder": "truncat')
    with pytest.raises(FolderError, match="is not JSON"):
        finish_interrupted(lake, FOLDER)


def test_a_single_row_too_few_is_never_published(lake: Store) -> None:
    record = second_run(lake)
    reconcile_counts(record)
    short = replace(record, totals=replace(record.totals, rows=3, documents=3))
    with pytest.raises(FolderError, match=r"2 staged rows .* 3 and 0 were counted"):
        reconcile_counts(short)
    unaccounted = replace(record, totals=replace(record.totals, documents=3))
    with pytest.raises(FolderError, match="3 documents became 2 staged rows"):
        reconcile_counts(unaccounted)
    with pytest.raises(NotFoundError):
        lake.get(publication_record_key(FOLDER))
