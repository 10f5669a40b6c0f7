"""Orphaned files: found, listed and removed, while other runs publish or die; S3 and disk."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from checkout_assets.domain.folders import Folder
from checkout_assets.engines.structuring import orphans as removing
from checkout_assets.engines.structuring.orphans import (
    FolderCleaned,
    FolderOrphans,
    OrphanRemover,
    find_orphans,
)
from checkout_assets_tests.spark_jobs.test_publishing import (
    FOLDER,
    LIVE,
    NEIGHBOUR,
    DyingStore,
    Kill,
    first_run,
    published_bodies,
    second_run,
    stage,
)
from spark_jobs.contract.keys import publication_record_key, quarantine_file_key, table_file_key
from spark_jobs.contract.publication import PUBLISHED, PUBLISHING, PublicationRecord
from spark_jobs.job.plan import FolderError
from spark_jobs.job.publishing import finish_interrupted, publish, read_published
from spark_jobs.stores import Store, StoreError, open_store

CHOSEN = [Folder.parse(FOLDER), Folder.parse(NEIGHBOUR)]
LOST = table_file_key(FOLDER, "2018-10-31", "lost", 0)
LOST_TOO = quarantine_file_key(FOLDER, "lost", 7)
AT_ONCE = timedelta(0)


def orphan(lake: Store, *keys: str) -> None:
    for key in keys or (LOST, LOST_TOO):
        lake.put(key, b"orphaned")


def listed(lake: Store) -> list[str]:
    return [each.path for found in find_orphans(lake, CHOSEN) for each in found.orphans]


def remove(lake: Store, least_age: timedelta = AT_ONCE) -> list[FolderCleaned]:
    return list(OrphanRemover(lake, least_age).run(CHOSEN))


def removed(cleaned: list[FolderCleaned]) -> list[str]:
    return [each.path for folder in cleaned for each in folder.removed]


def record_of(lake: Store) -> PublicationRecord:
    record = read_published(lake, FOLDER).record
    assert record is not None
    return record


def test_the_files_that_no_record_names_are_listed_with_their_sizes(lake: Store) -> None:
    first_run(lake)
    orphan(lake)
    lake.put(LIVE, b"foreign")

    (found,) = find_orphans(lake, CHOSEN)

    assert (found.folder.name, found.problem) == (FOLDER, "")
    assert [(each.path, each.size) for each in found.orphans] == [(LOST, 8), (LOST_TOO, 8)]


def test_they_are_removed_and_everything_else_stays(lake: Store) -> None:
    record = first_run(lake)
    orphan(lake)
    lake.put(LIVE, b"foreign")
    before = published_bodies(lake)

    assert removed(remove(lake)) == [LOST, LOST_TOO]

    assert published_bodies(lake) == {
        key: body for key, body in before.items() if key not in {LOST, LOST_TOO}
    }
    assert record_of(lake) == record
    assert remove(lake) == []


def test_a_lake_without_any_is_left_as_it_is(lake: Store) -> None:
    first_run(lake)
    etag = read_published(lake, FOLDER).etag
    assert list(find_orphans(lake, CHOSEN)) == []
    assert remove(lake) == []
    assert read_published(lake, FOLDER).etag == etag


def test_a_folder_without_a_record_keeps_its_files_until_it_is_structured(lake: Store) -> None:
    first_run(lake)
    lake.delete([publication_record_key(FOLDER)])
    before = published_bodies(lake)

    (cleaned,) = remove(lake)

    assert cleaned.removed == ()
    assert {each.path for each in cleaned.left} == before.keys()
    assert "no publication record" in cleaned.problem
    assert published_bodies(lake) == before

    publish(lake, second_run(lake), read_published(lake, FOLDER))
    assert set(removed(remove(lake))) == before.keys()
    assert sorted(published_bodies(lake).values()) == [b"moved", b"two again"]


def test_a_folder_whose_record_cannot_be_read_keeps_its_files(lake: Store) -> None:
    first_run(lake)
    lake.put(publication_record_key(FOLDER), b"[]")
    before = published_bodies(lake)
    (found,) = find_orphans(lake, CHOSEN)
    (cleaned,) = remove(lake)
    assert "unreadable-record" in found.problem
    assert "unreadable-record" in cleaned.problem
    assert published_bodies(lake) == before


def test_young_files_stay_and_the_folder_is_not_clean(lake: Store) -> None:
    first_run(lake)
    orphan(lake)
    (cleaned,) = remove(lake, timedelta(hours=1))
    assert cleaned.removed == ()
    assert len(cleaned.left) == 2
    assert "younger" in cleaned.problem
    assert listed(lake) == [LOST, LOST_TOO]


def test_what_a_running_publication_writes_is_no_orphan(lake: Store) -> None:
    """Killed after each of its changes, as a run looks that is still at work."""
    first_run(lake)
    for changes in range(1, 5):
        record = stage(lake, f"run{changes + 1}", {"2018-10-31": b"a", "2018-11-01": b"b"})
        base = finish_interrupted(lake, FOLDER)
        with pytest.raises(Kill):
            publish(DyingStore(lake, changes), record, base)  # type: ignore[arg-type]
        assert record_of(lake).state == PUBLISHING
        (found,) = find_orphans(lake, CHOSEN)
        assert found.orphans == ()
        assert "unfinished" in found.problem

        assert remove(lake) == []  # it finishes the publication first

        assert record_of(lake).state == PUBLISHED
        assert sorted(published_bodies(lake).values()) == [b"a", b"b"]


class PublishingMeanwhile:
    """A store on which another run publishes just before the first conditional write."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._published = False

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def put(self, key: str, data: bytes, **condition: object) -> str:
        if condition and not self._published:
            self._published = True
            publish(self._store, second_run(self._store), read_published(self._store, FOLDER))
        return self._store.put(key, data, **condition)  # type: ignore[arg-type]


def test_a_run_that_publishes_meanwhile_wins(lake: Store) -> None:
    first_run(lake)
    orphan(lake)

    (cleaned,) = remove(PublishingMeanwhile(lake))  # type: ignore[arg-type]

    assert cleaned.removed == ()
    assert "another run published this folder meanwhile" in cleaned.problem
    assert record_of(lake).run_id == "run2"
    assert listed(lake) == [LOST, LOST_TOO]
    assert removed(remove(lake)) == [LOST, LOST_TOO]


def test_a_run_that_began_before_a_removal_publishes_after_it(lake: Store) -> None:
    first_run(lake)
    orphan(lake)
    base, record = read_published(lake, FOLDER), second_run(lake)
    remove(lake)
    publish(lake, record, base)  # the record is what it was
    assert listed(lake) == []
    assert sorted(published_bodies(lake).values()) == [b"moved", b"two again"]


def test_a_run_that_publishes_during_a_removal_loses_and_nothing_is_mixed(lake: Store) -> None:
    first_run(lake)
    orphan(lake)
    base, record = read_published(lake, FOLDER), second_run(lake)
    with pytest.raises(Kill):
        remove(DyingStore(lake, 1))  # type: ignore[arg-type]
    with pytest.raises(FolderError, match="another run published this folder meanwhile"):
        publish(lake, record, base)
    remove(lake)
    assert sorted(published_bodies(lake).values()) == [b"bad", b"one", b"two"]


def test_a_file_that_a_record_names_since_it_was_listed_stays(
    lake: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_run(lake)
    orphan(lake)
    (stale,) = find_orphans(lake, CHOSEN)
    record = record_of(lake)
    named = replace(record.files[0], path=LOST, size=8)
    lake.put(
        publication_record_key(FOLDER), replace(record, files=[*record.files, named]).to_json()
    )
    monkeypatch.setattr(removing, "find_orphans", lambda *_: [stale])

    assert removed(remove(lake)) == [LOST_TOO]
    assert LOST in published_bodies(lake)


def test_a_file_that_changed_since_it_was_listed_stays(
    lake: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_run(lake)
    orphan(lake)
    (found,) = find_orphans(lake, CHOSEN)
    stale = FolderOrphans(found.folder, (replace(found.orphans[0], size=7), found.orphans[1]))
    monkeypatch.setattr(removing, "find_orphans", lambda *_: [stale])

    (cleaned,) = remove(lake)

    assert [each.path for each in cleaned.removed] == [LOST_TOO]
    assert "changed" in cleaned.problem


@pytest.mark.parametrize("changes", range(8))
def test_killed_at_any_moment_a_second_removal_or_run_finishes_it(
    lake: Store, changes: int
) -> None:
    record = first_run(lake)
    orphan(lake)
    killed = True
    try:
        remove(DyingStore(lake, changes))  # type: ignore[arg-type]
        killed = False
    except Kill:
        assert {b"one", b"two", b"bad"} <= set(published_bodies(lake).values())
    assert killed == (changes < 7), "the kill points no longer cover every change"

    if changes % 2:
        remove(lake)
    else:
        finish_interrupted(lake, FOLDER)
        remove(lake)

    assert listed(lake) == []
    assert record_of(lake) == record
    assert sorted(published_bodies(lake).values()) == [b"bad", b"one", b"two"]


_KILLED = """
import os, signal, sys
from datetime import timedelta
from checkout_assets.domain.folders import Folder
from checkout_assets.engines.structuring.orphans import OrphanRemover
from spark_jobs.stores import open_store

lake = open_store(sys.argv[1])
real = lake.delete

def delete(keys):
    first, *_ = keys
    real([first])
    os.kill(os.getpid(), signal.SIGKILL)

lake.delete = delete
list(OrphanRemover(lake, timedelta(0)).run([Folder.parse(sys.argv[2])]))
"""


def test_a_process_killed_in_the_middle_of_a_removal(tmp_path: Path) -> None:
    lake = open_store(str(tmp_path / "lake"))
    record = first_run(lake)
    orphan(lake)

    died = subprocess.run(
        [sys.executable, "-c", _KILLED, lake.uri, FOLDER],
        check=False,
        timeout=120,
        env=dict(os.environ),
    )

    assert died.returncode == -signal.SIGKILL
    assert len(published_bodies(lake)) == 4  # one of two is gone
    (found,) = find_orphans(lake, CHOSEN)
    assert "unfinished" in found.problem
    remove(lake)
    assert listed(lake) == []
    assert record_of(lake) == record
    assert sorted(published_bodies(lake).values()) == [b"bad", b"one", b"two"]


def test_no_file_is_removed_while_a_published_one_is_missing(lake: Store) -> None:
    record = first_run(lake)
    orphan(lake)
    lake.delete([record.files[0].path])
    (cleaned,) = remove(lake)
    assert "files_missing" in cleaned.problem
    assert record_of(lake).state == PUBLISHED
    assert listed(lake) == [LOST, LOST_TOO]


class Undeletable:
    """A store that refuses to delete one object, as an object lock does."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def delete(self, keys: Iterable[str]) -> None:
        listed = list(keys)
        self._store.delete(key for key in listed if key != LOST_TOO)
        if LOST_TOO in listed:
            raise StoreError("AccessDenied", LOST_TOO)


def test_a_file_that_cannot_be_deleted_does_not_hold_up_its_folder(lake: Store) -> None:
    record = first_run(lake)
    orphan(lake)

    (cleaned,) = remove(Undeletable(lake))  # type: ignore[arg-type]

    assert cleaned.removed == ()
    assert "AccessDenied" in cleaned.problem
    assert record_of(lake) == record
    assert listed(lake) == [LOST_TOO]
    publish(lake, second_run(lake), read_published(lake, FOLDER))


@pytest.mark.parametrize(
    "name", ["\x1b[2J", "\x01", "\r", "a\nb", "&<]]>", "\u202e", "\ufffe", "+ %41"]
)
def test_hostile_names_are_removed_too(lake: Store, name: str) -> None:
    first_run(lake)
    keys = sorted([f"quarantine/checkout/{FOLDER}/{name}", LOST.replace("lost", f"lost{name}")])
    orphan(lake, *keys)
    before = published_bodies(lake)
    assert sorted(removed(remove(lake))) == keys
    assert published_bodies(lake) == {k: v for k, v in before.items() if k not in keys}


def test_a_file_in_the_other_table_is_listed_and_left_to_people(lake: Store) -> None:
    first_run(lake)
    misplaced = LOST.replace("/checkout/", "/fulfillment/")
    orphan(lake, LOST, misplaced)
    both = [*CHOSEN, Folder.parse("00_FulfillmentOrder")]

    (cleaned,) = OrphanRemover(lake, AT_ONCE).run(both)

    assert [each.path for each in cleaned.removed] == [LOST]
    assert [each.path for each in cleaned.left] == [misplaced]
    assert "by hand" in cleaned.problem
