"""The same promises kept by the store in S3 and by the one on disk."""

import errno
import os
import pickle
import re
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.fault_proxy import RESET, Answer, FaultProxy, Request
from spark_jobs.stores import (
    Blob,
    ConflictError,
    DiskError,
    LocalStore,
    NotFoundError,
    S3Store,
    Store,
    StoreError,
    bulk,
    open_store,
)
from spark_jobs.stores.listing import list_directory


@pytest.fixture
def bucket(aws: EmbeddedS3Server) -> str:
    name = f"stores-{uuid.uuid4().hex[:12]}"
    aws.client().create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "us-east-2"}
    )
    return name


@pytest.fixture
def s3_store(bucket: str) -> S3Store:
    return S3Store(bucket, "below")


@pytest.fixture(params=["disk", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "disk":
        return LocalStore(tmp_path / "store")
    in_s3: S3Store = request.getfixturevalue("s3_store")
    return in_s3


def test_what_was_put_can_be_got(store: Store) -> None:
    etag = store.put("a/b.json", b"one")

    assert store.get("a/b.json") == Blob(b"one", etag)
    assert store.size("a/b.json") == 3
    assert store.put("a/b.json", b"two") != etag
    assert store.get("a/b.json").data == b"two"


def test_a_start_is_read_with_the_tag_of_the_whole(store: Store) -> None:
    etag = store.put("key", b"start and rest")
    assert store.get_start("key", 5) == Blob(b"start", etag)
    assert store.get_start("key", 500) == Blob(b"start and rest", etag)
    with pytest.raises(NotFoundError):
        store.get_start("none", 5)


def test_nothing_is_there_before_it_was_put(store: Store) -> None:
    store.put("a/b", b"")
    for key in ("x", "a", "a/b/c"):
        with pytest.raises(StoreError):
            store.get(key)
        assert store.size(key) is None
    with pytest.raises(NotFoundError):
        store.get("x")


def test_if_absent_writes_only_where_nothing_is(store: Store) -> None:
    store.put("key", b"first", if_absent=True)
    with pytest.raises(ConflictError):
        store.put("key", b"second", if_absent=True)
    assert store.get("key").data == b"first"


def test_if_match_writes_only_over_what_was_read(store: Store) -> None:
    etag = store.put("key", b"first")
    newer = store.put("key", b"second", if_match=etag)
    with pytest.raises(ConflictError):
        store.put("key", b"third", if_match=etag)
    assert store.get("key") == Blob(b"second", newer)


def test_if_match_on_nothing_is_a_conflict(store: Store) -> None:
    with pytest.raises(ConflictError):
        store.put("key", b"data", if_match="0" * 32)


@pytest.mark.parametrize("exists", [True, False])
def test_of_many_writers_one_wins(store: Store, exists: bool) -> None:
    etag = store.put("key", b"before") if exists else None

    def write(number: int) -> bool:
        try:
            store.put("key", b"%d" % number, if_match=etag, if_absent=etag is None)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(write, range(16)))

    assert sum(won) == 1
    assert store.get("key").data == b"%d" % won.index(True)


def test_moves_replace_what_was_there_and_an_error_is_at_its_key(store: Store) -> None:
    keys = [f"{n} é+" for n in range(5)]
    for key in keys:
        store.put(f"staging/{key}", key.encode())
    store.put("table/day/1 é+", b"old")
    moves = [(f"staging/{key}", f"table/day/{key}") for key in (*keys, "never there")]

    failed = store.move_many(moves)

    assert [(key, type(error)) for key, error in failed.items()] == [
        ("table/day/never there", NotFoundError)
    ]
    assert [store.get(f"table/day/{key}").data for key in keys] == [key.encode() for key in keys]
    assert not list(store.list("staging/"))
    again = store.move_many(moves)
    assert {type(error) for error in again.values()} == {NotFoundError}
    assert list(again) == [new_key for _, new_key in moves]


def test_sizes_are_told_of_what_is_there(store: Store) -> None:
    for n in range(5):
        store.put(f"a/{n}", b"x" * n)
    keys = [f"a/{n}" for n in range(7)]
    assert list(store.sizes(keys, in_flight=2).values()) == [0, 1, 2, 3, 4, None, None]
    assert store.sizes([]) == {}


def test_a_delete_may_be_repeated(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "KEYS_PER_DELETE", 3)
    keys = [f"d/{n}" for n in range(8)]
    for key in [*keys, "d/stays"]:
        store.put(key, b"x")

    store.delete(keys)
    store.delete([*keys, "never/there"])

    assert [entry.key for entry in store.list()] == ["d/stays"]


def test_a_listing_is_flat_complete_and_in_byte_order(store: Store) -> None:
    keys = ["a.b", "a/b", "a/b/c", "a/bc", "ab", "z/é", "z/z", "z/😀"]
    keys.remove("a/b")  # on disk a name is a file or a directory
    for key in reversed(keys):
        store.put(key, key.encode())

    entries = list(store.list())

    assert [entry.key for entry in entries] == sorted(keys, key=str.encode)
    assert [entry.size for entry in entries] == [len(entry.key.encode()) for entry in entries]
    now = datetime.now(UTC)
    assert all(abs(now - entry.last_modified) < timedelta(minutes=5) for entry in entries)
    assert [entry.key for entry in store.list("a/b")] == ["a/b/c", "a/bc"]
    assert [entry.key for entry in store.list("z/")] == ["z/z", "z/é", "z/😀"]
    assert list(store.list("nothing/here/")) == []


def test_many_are_read_in_order_and_an_error_is_in_its_place(store: Store) -> None:
    keys = [f"k/{n}" for n in range(20)]
    for key in keys:
        if key != "k/7":
            store.put(key, key.encode())

    reads = list(store.read_many(keys, in_flight=3))

    assert [key for key, _ in reads] == keys
    for key, read in reads:
        if key == "k/7":
            assert isinstance(read, NotFoundError)
        else:
            assert isinstance(read, Blob)
            assert read == store.get(key)


def test_a_large_object_arrives_whole(store: Store) -> None:
    data = os.urandom(20 * 1024**2)
    store.put("large", data)
    ((_, read),) = store.read_many(["large"])
    assert isinstance(read, Blob)
    assert read.data == data == store.get("large").data


def test_an_error_survives_the_way_between_processes() -> None:
    error = pickle.loads(pickle.dumps(NotFoundError("NoSuchKey", "a/b", transient=True)))
    assert (type(error), error.code, error.place, error.transient) == (
        NotFoundError,
        "NoSuchKey",
        "a/b",
        True,
    )


def test_a_uri_opens_the_store_it_names(aws: EmbeddedS3Server, tmp_path: Path) -> None:
    opened = open_store("s3://some-bucket/a/b/")
    assert isinstance(opened, S3Store)
    assert (opened.bucket, opened.prefix) == ("some-bucket", "a/b/")
    assert open_store("s3://some-bucket").uri == "s3://some-bucket"
    assert isinstance(open_store(str(tmp_path)), LocalStore)
    for wrong in ("", "http://x/y", "s3://", "s3://up per/x", "s3://bucket//x"):
        with pytest.raises(ValueError, match="a store is"):
            open_store(wrong)


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("file:///a/b", "/a/b"),
        ("file:/a/b", "/a/b"),
        ("file://localhost/a/b", "/a/b"),
        ("FILE:///a/b/", "/a/b"),
        ("file:////a//b", "/a/b"),
        ("file:///a%20b/%C3%A9%25", "/a b/é%"),
    ],
)
def test_a_file_uri_opens_the_directory_it_names(uri: str, path: str) -> None:
    assert open_store(uri).uri == path


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("file://host/a", "another machine"),
        ("file:a", "not an absolute path"),
        ("file:", "not an absolute path"),
        ("file:///a?b", "not an absolute path"),
        ("file:///a#b", "not an absolute path"),
        ("file:///a%00b", "null character"),
    ],
)
def test_a_file_uri_that_names_no_directory_here_is_refused(uri: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        open_store(uri)


# What only S3 can do wrong.


def test_a_store_sees_only_what_is_below_its_prefix(s3_store: S3Store, bucket: str) -> None:
    S3Store(bucket, "").put("belowish", b"x")
    s3_store.put("a", b"x")
    assert [entry.key for entry in s3_store.list()] == ["a"]
    assert [entry.key for entry in S3Store(bucket, "").list()] == ["below/a", "belowish"]


def test_a_listing_of_several_pages_keeps_every_name(s3_store: S3Store) -> None:
    crt = s3_store.crt()
    odd = [
        "sp ace",
        "+",
        "%2F",
        "nl\n",
        "\x01",
        "~",
        "&<>\"'",
        "é",
        "e\u0301",
        "//",
        "😀",
        "\u202e",
    ]
    names = sorted([f"{n:04}" for n in range(1100)] + odd, key=str.encode)
    puts = [crt.send("PUT", s3_store.bucket, f"below/{name}") for name in names]
    for put in puts:
        put.result()

    assert [entry.key for entry in s3_store.list()] == names
    with_directories = sorted({n.partition("/")[0] + "/" if "/" in n else n for n in names})
    assert list_directory(crt, s3_store.bucket, "below/") == with_directories


def test_a_missing_bucket_is_an_error_and_no_empty_listing(aws: EmbeddedS3Server) -> None:
    store = S3Store("no-such-bucket-anywhere", "")
    with pytest.raises(StoreError, match="NoSuchBucket"):
        list(store.list())
    with pytest.raises(StoreError, match="NoSuchBucket"):
        store.get("a")
    with pytest.raises(StoreError):
        store.put("a", b"x")


@pytest.mark.parametrize("exists", [True, False])
def test_a_conditional_write_whose_answer_was_lost_is_no_conflict(
    bucket: str, proxy: FaultProxy, exists: bool
) -> None:
    store = S3Store(bucket, "below")
    before = store.put("key", b"before") if exists else None
    lost: list[str] = []

    def lose_the_answer(request: Request) -> Answer | None:
        if request.method != "PUT" or lost:
            return None
        lost.append(request.path)
        return Answer(RESET, done=True)

    proxy.rule = lose_the_answer

    etag = store.put("key", b"after", if_match=before, if_absent=not exists)

    assert lost
    assert store.get("key") == Blob(b"after", etag)


def test_a_refusal_is_told_by_its_code_and_is_not_transient(
    s3_store: S3Store, proxy: FaultProxy
) -> None:
    store = S3Store(s3_store.bucket, "below")
    proxy.rule = lambda _: Answer(403, "AccessDenied")
    with pytest.raises(StoreError, match="AccessDenied") as refused:
        store.get("key")
    assert not refused.value.transient
    ((_, read),) = store.read_many(["key"])
    assert isinstance(read, StoreError)
    assert (read.code, read.transient) == ("AccessDenied", False)


def test_a_failed_delete_is_told(s3_store: S3Store, proxy: FaultProxy) -> None:
    store = S3Store(s3_store.bucket, "below")
    store.put("key", b"x")
    proxy.rule = lambda r: Answer(403, "AccessDenied") if r.method == "POST" else None
    with pytest.raises(StoreError, match="AccessDenied"):
        store.delete(["key"])


def deleted_keys(request: Request) -> list[str]:
    return re.findall("<Key>below/(.*?)</Key>", request.body.decode())


def refused_keys(code: str, *keys: str) -> Answer:
    """S3's answer to a removal of many keys of which it did not remove these."""
    told = "".join(
        f"<Error><Key>below/{key}</Key><Code>{code}</Code><Message>made up</Message></Error>"
        for key in keys
    )
    return Answer(200, content=f"<DeleteResult>{told}</DeleteResult>")


def test_keys_are_deleted_a_thousand_per_request(s3_store: S3Store, proxy: FaultProxy) -> None:
    proxy.rule = lambda _: refused_keys("")
    S3Store(s3_store.bucket, "below").delete(f"k/{n}" for n in range(2500))
    assert [len(deleted_keys(request)) for request in proxy.seen] == [1000, 1000, 500]


@pytest.mark.parametrize("code", ["InternalError", "SlowDown", "ServiceUnavailable"])
def test_keys_that_s3_did_not_delete_in_passing_are_deleted_again(
    s3_store: S3Store, proxy: FaultProxy, code: str
) -> None:
    store = S3Store(s3_store.bucket, "below")
    for key in ("a", "b", "c"):
        store.put(key, b"x")
    answers = [refused_keys(code, "b", "c"), refused_keys(code, "c")]
    proxy.seen.clear()
    proxy.rule = lambda r: answers.pop(0) if r.method == "POST" and answers else None
    store.delete(["a", "b", "c"])
    posted = [deleted_keys(request) for request in proxy.seen]
    assert posted == [["a", "b", "c"], ["b", "c"], ["c"]]


@pytest.mark.parametrize(("code", "times"), [("AccessDenied", 1), ("InternalError", 6)])
def test_a_key_that_s3_never_deletes_is_told(
    s3_store: S3Store, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch, code: str, times: int
) -> None:
    monkeypatch.setattr(bulk, "_SHORTEST_PAUSE_SECONDS", 0.001)
    proxy.rule = lambda _: refused_keys(code, "b")
    with pytest.raises(StoreError, match=f"{code} at b") as refused:
        S3Store(s3_store.bucket, "below").delete(["a", "b"])
    assert refused.value.transient == (code != "AccessDenied")
    assert len(proxy.seen) == times


def test_moves_are_under_way_together(s3_store: S3Store, proxy: FaultProxy) -> None:
    """Each copy waits until as many are under way as may be; one by one, they would fail."""
    store, together = S3Store(s3_store.bucket, "below"), threading.Barrier(16)
    moves = [(f"from/{n}", f"to/{n}") for n in range(32)]
    for key, _ in moves:
        store.put(key, b"x")
    proxy.seen.clear()

    def wait_for_the_others(request: Request) -> Answer | None:
        if request.is_copy:
            together.wait(5)
        return None

    proxy.rule = wait_for_the_others
    assert store.move_many(moves, in_flight=16) == {}
    assert not together.broken
    assert [request.method for request in proxy.seen] == ["PUT"] * 32 + ["POST"]
    assert sorted(entry.key for entry in store.list()) == sorted(new_key for _, new_key in moves)


def test_a_move_that_s3_slows_down_is_tried_again_and_a_refused_one_is_told(
    s3_store: S3Store, proxy: FaultProxy
) -> None:
    store = S3Store(s3_store.bucket, "below")
    for n in range(3):
        store.put(f"from/{n}", b"x")
    slowed: list[str] = []

    def fail(request: Request) -> Answer | None:
        if not request.is_copy or request.path.endswith("/0"):
            return None
        if request.path.endswith("/2"):
            return Answer(403, "AccessDenied")
        slowed.append(request.path)
        # Copies may fail after the status line has gone out: CopyObject, API reference.
        return (Answer(503, "SlowDown"), Answer(200, "InternalError"), None)[len(slowed) - 1]

    proxy.rule = fail
    failed = store.move_many([(f"from/{n}", f"to/{n}") for n in range(3)])
    assert {key: error.code for key, error in failed.items()} == {"to/2": "AccessDenied"}
    assert len(slowed) == 3
    assert [entry.key for entry in store.list()] == ["from/2", "to/0", "to/1"]


# What only a disk can do wrong.


@pytest.mark.parametrize("key", ["../out", "a/../../out", "/etc/passwd", "a//b", "a/./b", ""])
def test_no_key_leads_out_of_a_directory(tmp_path: Path, key: str) -> None:
    store = LocalStore(tmp_path / "store")
    with pytest.raises(StoreError, match="InvalidKey"):
        store.put(key, b"x")
    with pytest.raises(StoreError, match="InvalidKey"):
        store.get(key)
    assert not (tmp_path / "out").exists()


def test_a_directory_shows_no_temporary_and_keeps_no_empty_one(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "store")
    store.put("a/b/c", b"x", if_absent=True)
    assert [entry.key for entry in store.list()] == ["a/b/c"]
    store.put("deep/down/here", b"x")
    store.delete(["deep/down/here"])
    assert not (tmp_path / "store" / "deep").exists()


@pytest.mark.parametrize(("umask", "file", "directory"), [(0o077, 0o600, 0o700), (2, 0o664, 0o775)])
def test_the_umask_says_who_may_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, umask: int, file: int, directory: int
) -> None:
    store, replace = LocalStore(tmp_path / "store"), os.replace

    def look(temporary: Path, target: Path) -> None:
        assert Path(temporary).stat().st_mode & 0o777 == file
        replace(temporary, target)

    monkeypatch.setattr(os, "replace", look)
    before = os.umask(umask)
    try:
        store.put("quarantine/a/body", b"personal")
        store.put("_published/record", b"r", if_absent=True)
        store.put("_staging/x", b"x")
        store.move_many([("_staging/x", "tables/day/x")])
    finally:
        os.umask(before)

    found = [path for path in store.root.rglob("*") if path.is_file()]
    assert {path.name for path in found} == {"body", "record", "record.lock", "x"}
    assert {path.stat().st_mode & 0o777 for path in found} == {file}
    assert {path.parent.stat().st_mode & 0o777 for path in [*found, store.root / "x"]} == {
        directory
    }


@pytest.mark.parametrize("code", ["ENOSPC", "EROFS", "EACCES", "EDQUOT", "EIO"])
def test_a_disk_that_refuses_is_told_with_its_directory_and_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    number = getattr(errno, code)

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "replace", refuse)
    store = LocalStore(tmp_path)
    for condition in ({}, {"if_absent": True}):
        with pytest.raises(DiskError) as refused:
            store.put("a/key", b"data", **condition)
        kept = pickle.loads(pickle.dumps(refused.value))
        assert kept.reason == (
            f"the directory {tmp_path} cannot be used: {os.strerror(number)} ({code})"
        )
        assert not kept.transient


def test_a_directory_that_cannot_be_listed_does_not_look_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(tmp_path)
    store.put("a/b/c", b"x")
    scan = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("/b"):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DiskError, match="EACCES"):
        list(store.list())


def test_a_failed_write_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalStore(tmp_path)
    store.put("key", b"before")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(StoreError, match="ENOSPC"):
        store.put("key", b"after")

    assert store.get("key").data == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_neighbours_that_clean_up_do_not_break_a_write(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)

    def write_and_delete(number: int) -> None:
        for _ in range(30):
            store.put(f"day/{number}", b"x")
            store.delete([f"day/{number}"])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write_and_delete, range(4)))
    assert list(store.list()) == []
