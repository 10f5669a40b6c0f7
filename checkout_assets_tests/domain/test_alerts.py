"""What the cursor keeps stays small and is read back; messages stay within a service's limits."""

import json
from itertools import product

import pytest

from checkout_assets.domain.alerts.found import Alert, FailedRun, run_alerts
from checkout_assets.domain.alerts.levels import Levels, level_of, pack_levels, unpack_levels
from checkout_assets.domain.alerts.message import AlertLinks, compose, trial_message
from checkout_assets.domain.alerts.state import AlertState, TargetState
from checkout_assets.domain.alerts.topics import is_fifo, is_topic, topic_region
from checkout_assets.domain.folders import ALL_FOLDERS, FOLDER_NAMES
from spark_jobs.contract.record_format import RecordError, read_record, write_record

CHECKS = tuple(f"a_check_with_a_long_name_{number:02}" for number in range(20))
MIXED: Levels = {
    place: 1 + number * 7919 % 101 for number, place in enumerate(product(CHECKS, FOLDER_NAMES))
}


def test_a_level_is_worse_with_each_digit_and_worst_as_an_error() -> None:
    counts = (0, 1, 9, 10, 99, 100, 10**15)
    levels = [level_of(False, False, count) for count in counts]
    assert levels == [1, 1, 1, 2, 2, 3, 16]
    assert level_of(False, True, 0) > level_of(False, False, 10**200)
    assert level_of(True, True, 10) == 0


def test_levels_are_read_back_as_they_were() -> None:
    mixed = {**MIXED, (CHECKS[0], ""): 100}
    assert unpack_levels(pack_levels(mixed)) == mixed


def test_the_cursor_stays_small_whatever_is_red() -> None:
    packed = pack_levels(MIXED)
    target = TargetState(
        runs_sent=list(range(10**9, 10**9 + 200)),
        levels=packed,
        machines=[f"i-{number:017x} UNKNOWN_RUN" for number in range(200)],
    )
    targets = {f"{number:016x}": target for number in range(10)}
    state = AlertState(since=1.8e9, levels=packed, targets=targets)
    written = write_record(state)
    assert len(json.dumps(json.loads(written))) < 300_000
    assert read_record(AlertState, written) == state


@pytest.mark.parametrize("text", ["", "!", "aGVsbG8=", "eJwDAAAAAAE="])
def test_levels_that_are_broken_are_refused(text: str) -> None:
    told = {"since": 1.0, "levels": {"check": text}}
    with pytest.raises(RecordError, match="packed levels"):
        read_record(AlertState, json.dumps(told).encode())


def test_a_failure_that_came_late_is_not_lost() -> None:
    """Its number is lower than one that was sent before."""
    state = TargetState().settle([7], settled_before=6)
    assert (state.runs_before, state.runs_sent) == (0, [7])
    state = state.settle([5, 7], settled_before=8)
    assert (state.runs_before, state.runs_sent) == (7, [])


def test_an_event_that_came_late_is_read_again() -> None:
    state = AlertState(since=0).moved(50, now=1000, settled_seconds=120)
    assert state.moved(60, now=1100, settled_seconds=120).read == 0
    assert state.moved(60, now=1120, settled_seconds=120).read == 50


def test_waits_grow_up_to_an_hour() -> None:
    state, waits = TargetState(), []
    for _ in range(9):
        state = state.after_failure(0)
        waits.append(state.not_before)
    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert state.after_success(10, pause=600) == TargetState(messages=1, not_before=610)


def test_a_message_of_many_alerts_is_bounded_and_counts_the_rest() -> None:
    runs = [FailedRun(n, f"run-{n}", "job", ALL_FOLDERS[::2]) for n in range(200)]
    message = compose(list(run_alerts(runs)), AlertLinks(), {}, 0)
    assert len(message.body) < 100_000
    assert "There are 160 more: see Dagster's UI." in message.body
    assert "and 226 more" in message.body
    assert len(message.subject) < 100
    assert message.subject.isascii()


def test_without_urls_a_message_names_run_and_section() -> None:
    alert = Alert("key", "It failed.", "So it is.", "some_check", ("run-1",) * 2)
    message = compose([alert], AlertLinks(), {}, 0)
    assert message.body.splitlines()[2:4] == [
        "Run: run-1",
        "What to do: docs/runbook.md#some_check",
    ]
    assert message.subject == "checkout-assets: It failed"


def test_an_id_is_of_the_alerts_and_of_the_messages_before() -> None:
    one, other = (Alert(key, "It failed.", "So it is.", "check") for key in "ab")
    ids = [
        compose(alerts, AlertLinks(), {}, earlier).id
        for alerts, earlier in (([one], 0), ([one], 0), ([one], 1), ([other], 0))
    ]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3
    assert trial_message("now").id != trial_message("later").id


@pytest.mark.parametrize(
    ("arn", "valid"),
    [
        ("arn:aws:sns:us-east-2:111122223333:orders", True),
        ("arn:aws-cn:sns:cn-north-1:111122223333:orders.fifo", True),
        ("arn:aws:sns:us-east-2:111122223333:orders:subscription", False),
        ("arn:aws:sns:us-east-2:111122223333:*", False),
        ("arn:aws:sqs:us-east-2:111122223333:orders", False),
        ("orders", False),
    ],
)
def test_a_topic_is_named_by_its_arn(arn: str, valid: bool) -> None:
    assert is_topic(arn) is valid
    if valid:
        assert topic_region(arn) in arn
        assert is_fifo(arn) is arn.endswith(".fifo")
