"""Structuring that is interrupted: one sentence, exit code 130, and no process that stays."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from checkout_assets_tests.fault_proxy import FaultProxy, Request
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from checkout_assets_tests.spark_process import SparkProcess, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")

SENTENCE = "Interrupted. What was done stays; run the same command again to go on."


class HeldS3:
    """An S3 that does not answer for documents until it may; everything else passes."""

    def __init__(self, proxy: FaultProxy) -> None:
        self.endpoint_url = proxy.endpoint_url
        self.reached, self.release = threading.Event(), threading.Event()
        proxy.rule = self._hold

    def _hold(self, request: Request) -> None:
        if request.method == "GET" and "/id/" in request.path:
            self.reached.set()
            self.release.wait(240)


@pytest.fixture
def held(place: OrdersPlace) -> Iterator[HeldS3]:
    """A copied folder, and an S3 through which its documents cannot be read."""
    place.put(f"{FOLDER}/A/id/1", b'{"Id":"1","LastChange":"2018-10-31"}')
    place.copy_one()
    with FaultProxy(os.environ["AWS_ENDPOINT_URL_S3"]).serving() as proxy:
        held = HeldS3(proxy)
        yield held
        held.release.set()


@pytest.fixture
def structuring(place: OrdersPlace, held: HeldS3) -> Iterator[SparkProcess]:
    words = ["structure", "--raw", place.raw.uri, "--lake", place.lake.uri, FOLDER]
    environment = {"AWS_ENDPOINT_URL_S3": held.endpoint_url, "CHECKOUT_SPARK_MASTER": "local[1]"}
    with SparkProcess(words, environment) as process:
        yield process


def launcher_starts(process: SparkProcess, _: HeldS3) -> bool:
    return process.runs("org.apache.spark.launcher.Main") or java_starts(process, _)


def java_starts(process: SparkProcess, _: HeldS3) -> bool:
    return process.runs("org.apache.spark.deploy.SparkSubmit")


def documents_are_read(_: SparkProcess, held: HeldS3) -> bool:
    return held.reached.is_set()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
@pytest.mark.parametrize("moment", [launcher_starts, java_starts, documents_are_read])
def test_an_interrupt_ends_with_one_sentence_and_nothing_stays(
    structuring: SparkProcess,
    held: HeldS3,
    moment: Callable[[SparkProcess, HeldS3], bool],
    sent: signal.Signals,
) -> None:
    wait_until(lambda: moment(structuring, held))
    structuring.signal(sent)
    assert_interrupted(structuring)


def test_a_second_ctrl_c_ends_it_just_as_well(structuring: SparkProcess, held: HeldS3) -> None:
    wait_until(held.reached.is_set)
    structuring.signal(signal.SIGINT)
    held.release.wait(0.3)
    structuring.signal(signal.SIGINT)
    held.release.wait(0.1)
    structuring.signal(signal.SIGINT)
    assert_interrupted(structuring)


def test_nothing_stays_when_it_is_killed(structuring: SparkProcess, held: HeldS3) -> None:
    wait_until(held.reached.is_set)
    structuring.signal(signal.SIGKILL)
    structuring.end()
    wait_until(lambda: structuring.alive() == [])


def assert_interrupted(process: SparkProcess) -> None:
    assert process.end() == 130, process.err
    assert (process.out, process.err.strip()) == ("", SENTENCE)
    wait_until(lambda: process.alive() == [])
