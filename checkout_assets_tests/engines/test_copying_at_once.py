"""Raw changes under a copy: another copy of the same folder is faster, or somebody else writes."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from checkout_assets.domain.copying import CutOff
from checkout_assets.engines.copying import requests
from checkout_assets_tests.fault_proxy import RESET, Answer, FaultProxy, Request
from checkout_assets_tests.kms_double import KmsDouble
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace

KEYS = [f"{FOLDER}/A/id/{n}" for n in range(5)]
ONE = KEYS[2]


@pytest.fixture
def filled(place: OrdersPlace, proxy: FaultProxy) -> OrdersPlace:
    for key in KEYS:
        place.put(key, f"body of {key}".encode())
    return place


@pytest.fixture
def kms(filled: OrdersPlace, proxy: FaultProxy) -> KmsDouble:
    """S3 as it is, and raw under SSE-KMS: no two copies of an object have the same tag."""
    double = KmsDouble(proxy, filled.client, lambda path: f"{filled.raw.bucket}/" in path)
    proxy.rule = double.rule
    return double


@pytest.fixture(params=[True, False], ids=["named", "unnamed"])
def named(request: pytest.FixtureRequest, kms: KmsDouble) -> bool:
    """Whether S3 says which condition failed; not every store does."""
    kms.names_conditions = request.param
    return bool(request.param)


def before(proxy: FaultProxy, kms: KmsDouble, act: Callable[[], object], key: str = ONE) -> None:
    """Let something happen once, just before S3 sees the copy of that object."""
    done = threading.Event()

    def rule(request: Request) -> Answer | None:
        if request.is_copy and request.path.split("?")[0].endswith(key) and not done.is_set():
            done.set()
            act()
        return kms.rule(request)

    proxy.rule = rule


def proof_holds(place: OrdersPlace, kms: KmsDouble) -> bool:
    """Whether raw holds what the record that stands says."""
    root = f"/{place.raw.bucket}/{place.raw.prefix}"
    return all(kms.tag(root + row["raw_key"]) == row["raw_etag"] for row in place.manifest())


def test_a_copy_overwrites_only_what_was_listed(filled: OrdersPlace, proxy: FaultProxy) -> None:
    filled.copy_one(run_id="1")
    listed = filled.put(ONE, b"older", filled.raw)
    del proxy.seen[:]
    filled.put(KEYS[0], b"newer at the source")
    filled.delete(KEYS[1], filled.raw)

    assert filled.copy_one(run_id="2", as_of=CutOff.NOW).ok

    conditions = {
        request.path.rpartition("/")[2]: (
            request.headers.get("if-match", "").strip('"') == listed,
            request.headers.get("if-none-match"),
        )
        for request in proxy.copies
    }
    assert conditions == {"0": (False, None), "1": (False, "*"), "2": (True, None)}
    assert all("if-match" in r.headers or "if-none-match" in r.headers for r in proxy.copies)


@pytest.mark.usefixtures("named")
def test_the_slower_of_two_copies_leaves_the_proof_of_the_other(
    filled: OrdersPlace, proxy: FaultProxy, kms: KmsDouble
) -> None:
    before(proxy, kms, lambda: filled.copy_one(run_id="winner"), KEYS[0])

    slower = filled.copy_one(run_id="slower", in_flight=1)

    assert "finished this folder meanwhile and its record stands" in slower.error
    assert "Nothing is lost" in slower.error
    record = filled.record()
    assert record is not None
    assert record.copy_id.startswith("winner-")
    assert proof_holds(filled, kms)


def test_copies_at_the_same_time_end_with_one_proof(
    filled: OrdersPlace, proxy: FaultProxy, kms: KmsDouble
) -> None:
    for n in range(60):
        filled.put(f"{FOLDER}/B/id/{n}", f"{n}".encode())

    with ThreadPoolExecutor(3) as pool:
        ended = list(pool.map(lambda n: filled.copy_one(run_id=f"at-once-{n}"), range(3)))

    assert [copied.ok for copied in ended].count(True) == 1, [copied.error for copied in ended]
    assert proof_holds(filled, kms)


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize("body", [b"a stranger's", f"BODY OF {ONE}".encode()], ids=["size", "same"])
def test_what_somebody_else_wrote_is_not_overwritten(
    filled: OrdersPlace, proxy: FaultProxy, kms: KmsDouble, body: bytes
) -> None:
    before(proxy, kms, lambda: filled.put(ONE, body, filled.raw))

    copied = filled.copy_one(run_id="1")

    assert "1 of 5 objects could not be copied" in copied.error
    assert "something else wrote it in raw meanwhile" in copied.error
    assert filled.get(ONE)["bytes"] == body
    assert filled.record() is None
    assert filled.copy_one(run_id="2").facts.by_status == {"present": 4, "copied": 1}


@pytest.mark.usefixtures("named")
def test_what_another_copy_wrote_before_the_source_changed_is_no_failure(
    filled: OrdersPlace, proxy: FaultProxy, kms: KmsDouble
) -> None:
    before(proxy, kms, lambda: filled.put(ONE, f"body of {ONE}".encode(), filled.raw))
    inner, changed = proxy.rule, []

    def rule(request: Request) -> Answer | None:
        looks = request.method == "HEAD" and f"{filled.source.bucket}/" in request.path
        if looks and ONE in request.path and not changed:
            changed.append(filled.put(ONE, b"changed at the source"))
        return inner(request)

    proxy.rule = rule

    copied = filled.copy_one()

    assert copied.ok, copied.error
    assert (copied.facts.newer, copied.facts.by_status) == (1, {"copied": 4})


def test_after_a_race_over_a_changing_source_one_copy_completes_the_folder(
    filled: OrdersPlace, proxy: FaultProxy, kms: KmsDouble
) -> None:
    def changing(request: Request) -> Answer | None:
        answer = kms.rule(request)
        if request.is_copy and request.path.split("?")[0].endswith(tuple(KEYS[1:])):
            key = request.path[request.path.index(FOLDER) :]
            filled.put(key, f"changed in {len(proxy.seen)}".encode())
        return answer

    proxy.rule = changing
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda n: filled.copy_one(run_id=f"at-once-{n}"), range(3)))
    proxy.rule = kms.rule

    alone = filled.copy_one(run_id="alone")

    assert alone.ok, alone.error
    assert proof_holds(filled, kms)


def test_where_all_has_changed_since_the_cut_off_moving_it_helps(
    filled: OrdersPlace, proxy: FaultProxy, kms: KmsDouble
) -> None:
    before(proxy, kms, lambda: [filled.put(key, b"changed at the source") for key in KEYS], KEYS[0])
    assert "5 objects came after the cut-off: move it with --as-of." in filled.copy_one().error

    moved = filled.copy_one(run_id="moved", as_of=CutOff.NOW)

    assert moved.ok, moved.error


@pytest.mark.usefixtures("named")
def test_an_object_removed_from_raw_meanwhile_is_written(
    filled: OrdersPlace, proxy: FaultProxy, kms: KmsDouble
) -> None:
    filled.put(ONE, b"older", filled.raw)
    before(proxy, kms, lambda: filled.delete(ONE, filled.raw))

    copied = filled.copy_one()

    assert copied.ok, copied.error
    assert copied.facts.by_status == {"copied": 5}


@pytest.mark.usefixtures("named")
def test_an_object_changed_on_both_sides_is_looked_at_on_both(
    filled: OrdersPlace, proxy: FaultProxy, kms: KmsDouble
) -> None:
    filled.put(ONE, b"older", filled.raw)

    def change() -> None:
        filled.put(ONE, b"changed at the source")
        filled.delete(ONE, filled.raw)

    before(proxy, kms, change)

    copied = filled.copy_one()

    assert copied.ok, copied.error
    assert (copied.facts.newer, copied.facts.by_status) == (1, {"copied": 4})


def test_a_lost_answer_is_found_to_be_done(
    filled: OrdersPlace, proxy: FaultProxy, kms: KmsDouble
) -> None:
    """The request is sent again and loses against itself; its bytes are in raw."""
    lost: list[str] = []

    def rule(request: Request) -> Answer | None:
        answer = kms.rule(request)
        if request.is_copy and request.path not in lost:
            lost.append(request.path)
            return Answer(RESET)
        return answer

    proxy.rule = rule

    copied = filled.copy_one()

    assert copied.ok, copied.error
    assert copied.facts.by_status == {"present": 5}


def test_bytes_too_many_to_read_are_not_believed(
    filled: OrdersPlace, proxy: FaultProxy, kms: KmsDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checkout_assets.engines.copying.comparing._LARGEST_READ", 3)
    kms.encrypted = lambda _: True
    before(proxy, kms, lambda: filled.put(ONE, f"body of {ONE}".encode(), filled.raw))

    assert "with bytes that cannot be compared" in filled.copy_one().error

    kms.checksum = lambda _: "AAAAAAAAAAA="
    filled.put(ONE, b"changed at the source")
    before(proxy, kms, lambda: filled.put(ONE, b"changed at the source", filled.raw))
    assert filled.copy_one(as_of=CutOff.NOW).ok


def test_where_conditions_on_copies_are_ignored_the_loser_says_what_it_did(
    filled: OrdersPlace, proxy: FaultProxy, kms: KmsDouble
) -> None:
    kms.ignores_copies = True
    before(proxy, kms, lambda: filled.copy_one(run_id="winner"), KEYS[0])

    slower = filled.copy_one(run_id="slower", in_flight=1)

    assert "5 objects in raw are no longer what that record says. Copy the folder again" in (
        slower.error
    )
    assert "Nothing is lost" not in slower.error
    assert not proof_holds(filled, kms)
    assert filled.copy_one(run_id="again").ok


def test_a_store_that_refuses_conditions_on_copies_is_asked_without(
    filled: OrdersPlace, proxy: FaultProxy
) -> None:
    refused = Answer(501, "NotImplemented")
    proxy.rule = lambda r: refused if r.is_copy and "if-none-match" in r.headers else None

    copied = filled.copy_one()

    assert copied.ok, copied.error
    assert len(proxy.copies) <= 2 * len(KEYS)


def test_a_large_object_overwrites_only_what_was_listed(
    filled: OrdersPlace, proxy: FaultProxy, kms: KmsDouble
) -> None:
    body = b"x" * (6 * 1024**2)
    filled.put(ONE, body)
    before(proxy, kms, lambda: filled.put(ONE, b"a stranger's", filled.raw))

    copied = filled.copy_one(largest_copy=1024**2)

    assert "something else wrote it in raw meanwhile" in copied.error
    assert filled.get(ONE)["bytes"] == b"a stranger's"
    uploads = filled.client.list_multipart_uploads(Bucket=filled.raw.bucket)
    assert not uploads.get("Uploads")
    assert filled.copy_one(run_id="2", largest_copy=1024**2).ok
    assert filled.get(ONE)["bytes"] == body


def test_an_upload_whose_end_meets_another_write_begins_anew(
    filled: OrdersPlace, proxy: FaultProxy, kms: KmsDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "_LONGEST_PAUSE_SECONDS", 0.01)
    filled.put(ONE, b"x" * (6 * 1024**2))
    conflicts = [Answer(409, "ConditionalRequestConflict")] * 2

    def rule(request: Request) -> Answer | None:
        ends = request.method == "POST" and "uploadId=" in request.path
        return conflicts.pop() if ends and conflicts else kms.rule(request)

    proxy.rule = rule

    copied = filled.copy_one(largest_copy=1024**2)

    assert copied.ok, copied.error
    assert sum("uploads" in request.path for request in proxy.seen) == 3


def test_a_large_object_changed_at_the_source_is_looked_at_again(
    filled: OrdersPlace, proxy: FaultProxy, kms: KmsDouble
) -> None:
    filled.put(ONE, b"x" * (6 * 1024**2))
    before(proxy, kms, lambda: filled.put(ONE, b"y" * (6 * 1024**2)))

    copied = filled.copy_one(largest_copy=1024**2)

    assert copied.ok, copied.error
    assert (copied.facts.newer, copied.facts.listed) == (1, 4)
