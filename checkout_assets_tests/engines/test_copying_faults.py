"""What a copy does when requests fail, the source changes under it, or it is killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from checkout_assets.domain.copying import CutOff
from checkout_assets.domain.errors import MigrationError
from checkout_assets.domain.folders import select_folders
from checkout_assets.engines.copying import earlier
from checkout_assets.engines.copying.engine import CopyEngine, CopyOptions
from checkout_assets_tests.fault_proxy import RESET, Answer, FaultProxy, Request
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from spark_jobs.contract.keys import completion_record_key
from spark_jobs.stores import StoreError

BAD = f"{FOLDER}/A/id/2"
NEIGHBOUR = "0B_CheckoutOrder"


@pytest.fixture
def filled(place: OrdersPlace, proxy: FaultProxy) -> OrdersPlace:
    """Five documents of one folder, one of another; the engine goes through the proxy."""
    for n in range(5):
        place.put(f"{FOLDER}/A/id/{n}", f"body {n}".encode())
    place.put(f"{NEIGHBOUR}/A/id/0")
    return place


def in_an_hour() -> datetime:
    return datetime.now(UTC) + timedelta(hours=1)


def fails(request: Request, key: str = BAD) -> bool:
    return request.is_copy and request.path.endswith(key)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(403, "AccessDenied"), "access was denied"),
        (Answer(403, "InvalidObjectState"), "restore it with aws s3api restore-object"),
        (Answer(403, "KMS.DisabledException"), "KMS key may not be used"),
        (
            Answer(403, "AccessDenied", message="not authorized to perform: kms:Decrypt"),
            "the source's key must grant kms:Decrypt",
        ),
        (Answer(403, "RequestTimeTooSkewed"), "this machine's clock is more than 15 minutes off"),
        (Answer(400, "InvalidRequest"), "S3 answered InvalidRequest"),
        (Answer(200, "AccessDenied"), "access was denied"),
        (Answer(200, ""), "S3 answered UnnamedError"),
    ],
)
def test_an_object_that_fails_leaves_no_record_and_its_neighbours_alone(
    filled: OrdersPlace, proxy: FaultProxy, answer: Answer, said: str
) -> None:
    proxy.rule = lambda request: answer if fails(request) else None

    results = filled.copy(FOLDER, NEIGHBOUR)

    bad = results[FOLDER]
    assert results[NEIGHBOUR].ok
    assert bad.facts.by_status == {"copied": 4, "failed": 1}
    assert "1 of 5 objects could not be copied" in bad.error
    assert said in bad.error
    assert [failure.source_key for failure in bad.failures] == [BAD]
    assert filled.record() is None

    proxy.rule = lambda _: None
    repaired = filled.copy_one(run_id="again")
    assert repaired.ok
    assert repaired.facts.by_status == {"copied": 1, "present": 4}


def test_a_failure_keeps_the_record_of_the_copy_before(
    filled: OrdersPlace, proxy: FaultProxy
) -> None:
    filled.copy_one(run_id="1")
    before = filled.record()
    filled.put(BAD, b"changed")
    proxy.rule = lambda request: Answer(403, "AccessDenied") if fails(request) else None

    assert not filled.copy_one(run_id="2", as_of=CutOff.NOW).ok
    assert filled.record() == before


@pytest.mark.parametrize(
    "answer",
    [
        Answer(200, "InternalError"),
        Answer(503, "SlowDown"),
        Answer(409, "ConditionalRequestConflict"),
        Answer(200, "ConditionalRequestConflict"),
        Answer(409, "OperationAborted"),
    ],
    ids=lambda answer: f"{answer.status}-{answer.code}",
)
def test_transient_answers_are_asked_again(
    filled: OrdersPlace, proxy: FaultProxy, answer: Answer
) -> None:
    told: list[str] = []

    def once_each(request: Request) -> Answer | None:
        if not request.is_copy or request.path in told:
            return None
        told.append(request.path)
        return answer

    proxy.rule = once_each

    copied = filled.copy_one()

    assert copied.ok, copied.error
    assert copied.facts.by_status == {"copied": 5}
    assert len(told) == 5


def test_dropped_connections_are_asked_again(filled: OrdersPlace, proxy: FaultProxy) -> None:
    dropped: list[str] = []

    def once(request: Request) -> Answer | None:
        if request.path in dropped or (not request.is_copy and "list-type" not in request.path):
            return None
        dropped.append(request.path)
        return Answer(RESET)

    proxy.rule = once

    copied = filled.copy_one()

    assert copied.ok, copied.error
    assert len(dropped) == 9  # five copies; the source, raw, records, manifests listed


def test_what_is_transient_for_ever_fails_in_the_end(
    filled: OrdersPlace, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("checkout_assets.engines.copying.requests._MOST_ATTEMPTS", 3)
    answer = Answer(200, "InternalError")
    proxy.rule = lambda request: answer if fails(request) else None

    copied = filled.copy_one()

    assert "S3 answered InternalError" in copied.error
    assert sum(fails(request) for request in proxy.seen) == 3


def test_a_listing_that_fails_is_no_empty_folder(filled: OrdersPlace, proxy: FaultProxy) -> None:
    denied = Answer(403, "AccessDenied")
    proxy.rule = lambda request: denied if "list-type" in request.path else None
    with pytest.raises(MigrationError, match="which tell its source, cannot be listed"):
        filled.copy_one()
    proxy.rule = lambda request: denied if request.lists_a_folder else None

    copied = filled.copy_one()

    assert "access was denied while listing" in copied.error
    proxy.rule = lambda _: None
    assert filled.record() is None


def test_an_object_deleted_meanwhile_fails_and_is_not_missed_by_a_second_copy(
    filled: OrdersPlace, proxy: FaultProxy
) -> None:
    def delete_first(request: Request) -> None:
        if fails(request):
            filled.delete(BAD)

    proxy.rule = delete_first

    first = filled.copy_one(run_id="1")

    assert "it was deleted at the source while it was copied" in first.error
    assert filled.record() is None
    assert filled.copy_one(run_id="2").facts.by_status == {"present": 4}


def test_an_object_deleted_meanwhile_is_known_where_s3_says_denied(
    filled: OrdersPlace, proxy: FaultProxy
) -> None:
    """As it does to those who may list the source by prefix only."""

    def delete_and_deny(request: Request) -> Answer | None:
        if fails(request):
            filled.delete(BAD)
            return Answer(403, "AccessDenied")
        return None

    proxy.rule = delete_and_deny
    assert "it was deleted at the source while it was copied" in filled.copy_one().error


def test_a_known_object_deleted_meanwhile_has_vanished(
    filled: OrdersPlace, proxy: FaultProxy
) -> None:
    filled.copy_one(run_id="1")
    filled.put(BAD, b"changed")

    def delete_first(request: Request) -> None:
        if fails(request):
            filled.delete(BAD)

    proxy.rule = delete_first

    copied = filled.copy_one(run_id="2", as_of=CutOff.NOW)

    assert copied.ok, copied.error
    assert copied.facts.by_status == {"present": 4, "vanished": 1}
    assert filled.get(BAD)["bytes"] == b"body 2"


def test_an_object_changed_meanwhile_is_looked_at_again(
    filled: OrdersPlace, proxy: FaultProxy
) -> None:
    changed: list[str] = []

    def change_once(request: Request) -> None:
        if fails(request) and not changed:
            changed.append(filled.put(BAD, b"another body"))

    proxy.rule = change_once

    copied = filled.copy_one(as_of=in_an_hour())

    assert copied.ok, copied.error
    assert filled.get(BAD)["bytes"] == b"another body"
    row = next(row for row in filled.manifest() if row["source_key"] == BAD)
    assert (row["source_etag"], row["size"], row["attempts"]) == (changed[0], 12, 2)


def test_an_object_overwritten_meanwhile_after_the_cut_off_is_newer(
    filled: OrdersPlace, proxy: FaultProxy
) -> None:
    def change(request: Request) -> None:
        if fails(request):
            filled.put(BAD, b"another body")

    proxy.rule = change

    copied = filled.copy_one()

    assert copied.ok, copied.error
    assert (copied.facts.listed, copied.facts.newer) == (4, 1)
    assert BAD not in filled.statuses()


def test_an_object_that_never_stands_still_fails(filled: OrdersPlace, proxy: FaultProxy) -> None:
    bodies = iter(range(100))

    def change(request: Request) -> None:
        if fails(request):
            filled.put(BAD, f"body number {next(bodies)}".encode())

    proxy.rule = change

    copied = filled.copy_one(as_of=in_an_hour())

    assert "changed at the source again" in copied.error
    assert filled.record() is None


def test_what_else_writes_to_raw_is_found_by_listing_it_again(
    filled: OrdersPlace, proxy: FaultProxy
) -> None:
    def overwrite(request: Request) -> None:
        if request.path.endswith(".parquet"):
            filled.put(BAD, b"somebody else's", filled.raw)

    proxy.rule = overwrite

    copied = filled.copy_one()

    assert "raw's listing differs from the manifest in 1 object" in copied.error
    assert filled.record() is None


def test_raw_objects_lost_before_verification_are_found(
    filled: OrdersPlace, proxy: FaultProxy
) -> None:
    def lose(request: Request) -> None:
        if request.path.endswith(".parquet"):
            filled.delete(BAD, filled.raw)

    proxy.rule = lose

    assert "differs from the manifest in 1 object" in filled.copy_one().error
    assert filled.record() is None


def test_of_two_copies_the_conditional_write_decides(
    filled: OrdersPlace, proxy: FaultProxy
) -> None:
    others: list[str] = []

    def finish_first(request: Request) -> None:
        if request.method == "PUT" and request.path.endswith("current.json") and not others:
            others.append("")
            copied = filled.copy_one(run_id="other")
            assert copied.record is not None
            others[0] = copied.record.copy_id

    proxy.rule = finish_first

    copied = filled.copy_one(run_id="late")

    assert f"copy {others[0]}, listed at" in copied.error
    assert "finished this folder meanwhile" in copied.error
    record = filled.record()
    assert record is not None
    assert record.copy_id == others[0]


def test_a_killed_copy_is_taken_up_where_it_was(place: OrdersPlace, proxy: FaultProxy) -> None:
    """Tags of objects in parts are proved by the manifest only: by parts no record names."""
    for n in range(30):
        place.put_in_parts(f"{FOLDER}/A/id/{n:02}", b"x")
    held = threading.Event()

    def hold(request: Request) -> None:
        if request.is_copy and request.path.endswith(("28", "29")):
            held.wait(30)

    proxy.rule = hold
    script = (
        "import sys\n"
        "from checkout_assets.engines.copying import engine, manifest, folder_copy\n"
        "from checkout_assets.engines.locations import S3Location\n"
        "from checkout_assets.domain.folders import select_folders\n"
        "manifest.ROWS_PER_PART = 10\n"
        "source, raw = S3Location(sys.argv[1], 'root/'), S3Location(sys.argv[2], 'copies/')\n"
        f"list(engine.CopyEngine(source, raw).run(select_folders(['{FOLDER}']), 'run'))\n"
    )
    copying = subprocess.Popen(
        [sys.executable, "-c", script, place.source.bucket, place.raw.bucket], env=os.environ
    )
    deadline = time.monotonic() + 30
    while len(_parts(place)) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    copying.send_signal(signal.SIGKILL)
    copying.wait()
    held.set()
    assert len(_parts(place)) == 2
    assert place.record() is None

    proxy.rule = lambda _: None
    copied = place.copy_one(run_id="run")

    assert copied.ok
    assert copied.facts.by_status == {"copied": 10, "present": 20}


def test_a_cancelled_copy_keeps_what_it_proved(
    place: OrdersPlace, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(6):
        place.put_in_parts(f"{FOLDER}/A/id/{n}", b"x")
    place.put(f"{NEIGHBOUR}/A/id/0")
    monkeypatch.setattr("checkout_assets.engines.copying.folder_copy._MOST_WAITING", 1)
    reached, resume = threading.Event(), threading.Event()

    def hold(request: Request) -> None:
        if request.is_copy and request.path.endswith(f"{FOLDER}/A/id/3"):
            reached.set()
            resume.wait(30)

    proxy.rule = hold
    engine = CopyEngine(place.source, place.raw, CopyOptions(folders_at_once=2))
    results = engine.run(select_folders([FOLDER, NEIGHBOUR]), "run")
    assert next(results).folder.name == NEIGHBOUR
    assert reached.wait(30)
    threading.Timer(0.3, resume.set).start()
    results.close()

    assert place.record() is None
    copied = place.copy_one(run_id="run")
    assert copied.ok
    assert copied.facts.by_status["present"] >= 4


def test_a_run_that_cannot_write_raw_concerns_all(filled: OrdersPlace, proxy: FaultProxy) -> None:
    proxy.rule = lambda r: Answer(403, "AccessDenied") if "as_of.json" in r.path else None

    with pytest.raises(StoreError, match="AccessDenied"):
        filled.copy(FOLDER, NEIGHBOUR)


def test_old_parts_that_may_not_be_removed_are_a_note(
    filled: OrdersPlace, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(earlier, "ABANDONED_AFTER", timedelta(seconds=-60))
    for run_id in ("1", "2"):
        filled.copy_one(run_id=run_id)
    proxy.rule = lambda r: Answer(403, "AccessDenied") if r.method == "POST" else None

    copied = filled.copy_one(run_id="3")

    assert copied.ok
    assert "could not be removed (AccessDenied)" in copied.notes[0]


def test_a_record_that_cannot_be_written_leaves_the_folder_incomplete(
    filled: OrdersPlace, proxy: FaultProxy
) -> None:
    key = completion_record_key(FOLDER)
    proxy.rule = lambda r: (
        Answer(403, "AccessDenied") if r.method == "PUT" and r.path.endswith(key) else None
    )

    results = filled.copy(FOLDER, NEIGHBOUR)

    assert "access was denied while listing or recording" in results[FOLDER].error
    assert results[NEIGHBOUR].ok


def _parts(place: OrdersPlace) -> list[str]:
    listed = place.client.list_objects_v2(
        Bucket=place.raw.bucket, Prefix=f"{place.raw.prefix}_manifests/{FOLDER}/"
    )
    return [item["Key"] for item in listed.get("Contents", [])]
