"""Waiting for threads: each result as it ends, and no signal unheard."""

import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

import pytest

from spark_jobs.completed import completed


class SignalError(Exception):
    pass


@pytest.fixture
def signals_raise() -> Iterator[None]:
    def raise_it(number: int, frame: FrameType | None) -> None:
        raise SignalError

    before = signal.signal(signal.SIGUSR1, raise_it)
    yield
    signal.signal(signal.SIGUSR1, before)


def test_results_come_as_they_end() -> None:
    first = threading.Event()
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(lambda: first.wait(60) and "slow")
        results = completed([slow, pool.submit(lambda: "quick")])
        assert next(results) == "quick"
        first.set()
        assert list(results) == ["slow"]


def test_an_exception_is_raised() -> None:
    def fail() -> None:
        raise KeyError

    with ThreadPoolExecutor() as pool, pytest.raises(KeyError):
        list(completed([pool.submit(fail)]))


@pytest.mark.usefixtures("signals_raise")
def test_a_signal_that_another_thread_is_given_is_handled_while_waiting() -> None:
    handled = threading.Event()

    def signal_itself() -> bool:
        time.sleep(0.3)  # by now the main thread waits
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        return handled.wait(10)

    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(signal_itself)
        with pytest.raises(SignalError):
            list(completed([waiting]))
        handled.set()
        assert waiting.result(), "the signal was handled after the wait only"


def test_what_has_not_begun_is_cancelled_when_nobody_reads_on() -> None:
    release, begun = threading.Event(), threading.Semaphore(0)

    def waits() -> None:
        begun.release()
        release.wait(60)

    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(lambda: "quick"), *(pool.submit(waits) for _ in range(4))]
        results = completed(futures)
        assert next(results) == "quick"
        assert begun.acquire(timeout=60)
        assert begun.acquire(timeout=60)
        results.close()
        assert [future.cancelled() for future in futures] == [False, False, False, True, True]
        release.set()


@pytest.mark.usefixtures("signals_raise")
def test_what_has_not_begun_is_cancelled_by_an_interrupt() -> None:
    release = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        futures = [pool.submit(release.wait, 3) for _ in range(2)]
        threading.Timer(0.2, lambda: signal.raise_signal(signal.SIGUSR1)).start()
        with pytest.raises(SignalError):
            list(completed(futures))
        assert [future.cancelled() for future in futures] == [False, True]
        release.set()
