"""The small machines of the copy engine: sorting on disk, columns, the pace, work put off."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checkout_assets.engines.copying import pace as pace_module
from checkout_assets.engines.copying import spool
from checkout_assets.engines.copying.columns import EPOCH, from_column, to_column
from checkout_assets.engines.copying.pace import START, RequestPace
from checkout_assets.engines.copying.spool import Spool
from checkout_assets.engines.interruptible import (
    InterruptedCopyError,
    begin_all,
    interruptibly,
)
from spark_jobs.transport.later import Later


@given(st.lists(st.text(max_size=5), max_size=60, unique=True))
def test_a_spool_gives_back_all_in_order(keys: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spool, "_MOST_IN_MEMORY", 7)
        patch.setattr(spool, "_AT_ONCE", 2)
        aside: Spool[int] = Spool()
        for number, key in enumerate(keys):
            aside.add(key, number)
        assert list(aside.drain()) == sorted((key, number) for number, key in enumerate(keys))


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]))),
    st.lists(st.integers(-(2**63), 2**63 - 1)),
    st.lists(st.datetimes(timezones=st.just(UTC))),
)
def test_columns_hold_what_pyarrow_would_hold(
    texts: list[str], numbers: list[int], instants: list[datetime]
) -> None:
    import pyarrow as pa

    for values, kind in (
        (texts, pa.string()),
        (numbers, pa.int64()),
        (instants, pa.timestamp("us", tz="UTC")),
    ):
        column = to_column(values, kind)
        column.validate(full=True)
        assert column.equals(pa.array(values, type=kind))
        assert from_column(pa.chunked_array([column], type=kind)) == values


def test_instants_keep_every_microsecond() -> None:
    import pyarrow as pa

    instant = EPOCH + timedelta(days=365_000, microseconds=999_999)
    assert to_column([instant], pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_pylist() == [
        365_000 * 86_400_000_000 + 999_999
    ]


def _round(pace: RequestPace) -> None:
    """As many requests as may be under way begin, then all of them succeed."""
    begun = pace.limit
    for _ in range(begun):
        pace.begin()
    for _ in range(begun):
        pace.succeeded()


def test_the_pace_grows_to_its_most() -> None:
    pace = RequestPace(500)
    limits = [pace.limit]
    for _ in range(200):
        _round(pace)
        limits.append(pace.limit)
    assert limits[0] == START
    assert limits == sorted(limits)
    assert limits[-1] == 500


def test_failures_slow_the_pace_once_a_second_and_it_recovers_by_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pace = RequestPace(1000)
    clock = [100.0]
    monkeypatch.setattr(pace_module, "monotonic", lambda: clock[0])
    for _ in range(20):
        pace.begin()
    for _ in range(10):
        pace.failed()
    assert pace.limit == int(START * 0.7)
    clock[0] += 2
    for _ in range(10):
        pace.failed()
    slowed = pace.limit
    assert slowed == int(START * 0.7 * 0.7)
    for _ in range(3):
        _round(pace)
    assert slowed < pace.limit <= slowed + 3


def test_a_waiting_request_goes_on_when_others_end() -> None:
    pace = RequestPace(4)
    for _ in range(4 * 2):
        pace.begin()
    begun = threading.Event()

    def begin() -> None:
        pace.begin()
        begun.set()

    waiting = threading.Thread(target=begin)
    waiting.start()
    assert not begun.wait(0.1)
    pace.succeeded()
    assert begun.wait(5)
    waiting.join()


def test_the_limit_does_not_grow_while_answers_only_become_slower() -> None:
    told: list[int] = []
    pace = RequestPace(1000, told.append)
    for seconds in [0.05] * 300 + [0.2] * 2000:
        while pace._under_way < pace.limit:
            pace.begin()
        pace.succeeded(seconds)
    assert START + 300 <= pace.limit < 500
    assert told == list(range(START, pace.limit + 1))


def test_slow_answers_from_the_first_do_not_keep_the_limit_low() -> None:
    pace = RequestPace(1000)
    for seconds in [0.01] * 10 + [0.5] * 2000:
        while pace._under_way < pace.limit:
            pace.begin()
        pace.succeeded(seconds)
    assert pace.limit == 256


def test_a_store_that_only_fails_is_hopeless_until_something_succeeds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pace = RequestPace(64)
    clock = [100.0]
    monkeypatch.setattr(pace_module, "monotonic", lambda: clock[0])
    for _ in range(40):
        pace.begin()
    for _ in range(30):
        pace.failed()
        assert not pace.hopeless
    clock[0] += 1000
    assert pace.hopeless
    pace.succeeded()
    assert not pace.hopeless


def test_what_cannot_be_interrupted_is_left_behind() -> None:
    over, cancelled = threading.Event(), threading.Event()
    assert interruptibly(lambda: 7, cancelled) == 7
    with pytest.raises(ZeroDivisionError):
        interruptibly(lambda: 1 // 0, cancelled)
    with pytest.raises(InterruptedCopyError):
        interruptibly(lambda: over.wait(5), cancelled, longest_seconds=0.05)
    threading.Timer(0.05, cancelled.set).start()
    with pytest.raises(InterruptedCopyError):
        interruptibly(lambda: over.wait(5), cancelled)
    over.set()


def test_work_for_many_is_done_once_for_each_and_what_has_not_begun_can_be_cancelled() -> None:
    resume = threading.Event()

    def work(number: int) -> int:
        resume.wait(5)
        return 10 // number

    done = begin_all(work, [1, 2, 0, 5, 10], 2, "test")
    while sum(future.running() for future in done) < 2:
        time.sleep(0.01)
    assert [future.cancel() for future in done] == [False, False, True, True, True]
    resume.set()
    assert [future.result(5) for future in done[:2]] == [10, 5]
    again = begin_all(work, range(-1, 2), 8, "test")
    assert [again[0].result(5), again[2].result(5)] == [-10, 10]
    assert isinstance(again[1].exception(5), ZeroDivisionError)


def test_later_keeps_time_and_hurries_when_told() -> None:
    later, heard = Later(), []
    started = time.monotonic()
    later.call(0.2, lambda: heard.append("second"))
    later.call(0.05, lambda: heard.append("first"))
    later.call(1000, lambda: heard.append("last"))
    while len(heard) < 2:
        time.sleep(0.01)
    assert time.monotonic() - started >= 0.2
    assert heard == ["first", "second"]
    later.close()
    assert heard == ["first", "second", "last"]


def test_later_costs_only_the_work_that_raises_and_loses_nothing_once_closed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    later, heard = Later(), []
    later.call(0.0, lambda: 1 // 0)  # type: ignore[arg-type, return-value]
    later.call(1000, lambda: heard.append("soon"))
    later.do_all()
    later.call(1000, lambda: heard.append("at the end"))
    later.close()
    later.call(1000, lambda: heard.append("after the end"))
    assert heard == ["soon", "at the end", "after the end"]
    assert "ZeroDivisionError in test_copying_machines.py" in caplog.text
