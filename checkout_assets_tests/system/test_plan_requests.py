"""``plan`` beside the requests that S3 gets, for sources of other kinds than the demo's."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from checkout_assets.cli.main import run
from checkout_assets.domain.folders import FOLDER_NAMES
from checkout_assets.sample.s3_server import EmbeddedS3Server
from checkout_assets_tests.fault_proxy import FaultProxy, Request
from checkout_assets_tests.orders_place import OrdersPlace
from checkout_assets_tests.system.test_plan_cli import DOCUMENT, billed, planned, requests_of

TWO = FOLDER_NAMES[:2]
OF_BOTH_TYPES = FOLDER_NAMES[246:266]
"""Twenty folders, ten of each order type: two Spark jobs, one of which has both."""

OBJECTS = 200


@pytest.fixture
def place(aws: EmbeddedS3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OrdersPlace:
    assert aws.endpoint_url
    found = OrdersPlace(tmp_path)
    monkeypatch.setenv("CHECKOUT_SOURCE_URI", found.source.uri)
    monkeypatch.setenv("CHECKOUT_RAW_URI", found.raw.uri)
    monkeypatch.setenv("CHECKOUT_LAKE_URI", f"s3://{found.raw.bucket}/lake")
    return found


def fill(place: OrdersPlace, folders: Sequence[str], first: int = 0, last: int = OBJECTS) -> None:
    for folder in folders:
        for number in range(first, last):
            place.put(f"{folder}/{number:04d}/id/x", DOCUMENT)


def in_parts(place: OrdersPlace) -> Sequence[str]:
    """Objects whose tags are no MD5."""
    for folder in TWO:
        for number in range(OBJECTS):
            place.put_in_parts(f"{folder}/{number:04d}/id/x", DOCUMENT)
    return TWO


def tagged(place: OrdersPlace) -> Sequence[str]:
    for folder in TWO:
        for number in range(OBJECTS):
            key = f"{place.source.prefix}{folder}/{number:04d}/id/x"
            where = {"Bucket": place.source.bucket, "Key": key}
            place.client.put_object(**where, Body=DOCUMENT, Tagging="team=orders")
    return TWO


def tiny(place: OrdersPlace) -> Sequence[str]:
    fill(place, OF_BOTH_TYPES, last=1)
    return OF_BOTH_TYPES


@pytest.mark.parametrize("made", [in_parts, tagged, tiny])
def test_copying_sends_what_was_planned(
    made: Callable[[OrdersPlace], Sequence[str]],
    proxy: FaultProxy,
    place: OrdersPlace,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folders = made(place)
    check(proxy, capsys, "copy", folders)


def test_structuring_tiny_folders_sends_what_was_planned(
    proxy: FaultProxy, place: OrdersPlace, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = tiny(place)
    assert run(["copy", *folders]) == 0
    # Of the files that are published after the tables are listed, some may be listed yet.
    check(proxy, capsys, "structure", folders, unsure=len(folders))


def test_copying_the_other_half_sends_what_was_planned(
    proxy: FaultProxy,
    place: OrdersPlace,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill(place, TWO, last=OBJECTS // 2)
    monkeypatch.setenv("CHECKOUT_AS_OF", "2999-01-01T00:00:00Z")
    assert run(["copy", *TWO]) == 0
    monkeypatch.delenv("CHECKOUT_AS_OF")
    fill(place, TWO, first=OBJECTS // 2)
    document = check(proxy, capsys, "copy", TWO, "--left")
    assert (document["objects"], document["present"]) == (OBJECTS, OBJECTS)
    document = check(proxy, capsys, "copy", TWO, "--left")
    assert (document["objects"], document["present"]) == (0, 2 * OBJECTS)
    assert document["documents"] == 2 * OBJECTS


def test_copying_split_among_instances_sends_what_was_planned(
    proxy: FaultProxy, place: OrdersPlace, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each instance runs the command for its share, and reports."""
    fill(place, TWO)
    document = planned(capsys, "--instances", "2", *TWO)
    (foreseen,) = {
        tuple(sorted(each["requests"].items()))
        for each in document["estimates"]
        if each["stage"] == "copy" and each["machines"]["types"]
    }
    proxy.seen.clear()
    for folder in TWO:
        report = ("--report", f"s3://{place.raw.bucket}/fleet/runs/run/{folder}")
        assert run(["copy", *report, "--run-id", "run", folder]) == 0
    agree(dict(foreseen), billed(list(first_reports(proxy.seen))), unsure=2)


def first_reports(seen: Sequence[Request]) -> Iterator[Request]:
    """Without the reports of every further 15 s: progress is first reported twice, heard once."""
    most = {"PUT": 2, "GET": 1}
    reported: Counter[tuple[str, str]] = Counter()
    for each in seen:
        reported[each.method, each.path] += 1
        if "/fleet/" not in each.path or reported[each.method, each.path] <= most.get(
            each.method, 1
        ):
            yield each


def test_what_is_left_is_listed_and_not_given(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "--left", "--objects", "7"]) == 2
    assert "leave out --inventory and --objects" in capsys.readouterr().err


def check(
    proxy: FaultProxy,
    capsys: pytest.CaptureFixture[str],
    stage: str,
    folders: Sequence[str],
    *words: str,
    unsure: int = 0,
) -> dict[str, object]:
    """Compare plan and requests of a stage; returns the plan."""
    document = planned(capsys, "--days", "1", *words, *folders)
    proxy.seen.clear()
    assert run([stage, *folders]) == 0
    agree(requests_of(document, stage), billed(proxy.seen), unsure)
    return document


def agree(foreseen: dict[str, int], sent: dict[str, int], unsure: int = 0) -> None:
    """Within 2 %; ``unsure`` more or less are known to depend on time."""
    assert sum(foreseen.values()) == pytest.approx(sum(sent.values()), rel=0.02, abs=unsure)
    for kind in ("writes", "reads"):
        # Few requests of the rarer kind: one more or less is more than 2 %.
        assert foreseen[kind] == pytest.approx(sent[kind], rel=0.02, abs=max(2, unsure)), kind
