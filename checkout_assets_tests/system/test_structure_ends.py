"""Structuring that is interrupted: one sentence, exit code 130, and no process that stays."""

import signal
import sys
from collections.abc import Callable, Iterator

import pytest

from checkout_assets_tests.held_documents import (
    HeldS3,
    documents_are_read,
    java_starts,
    launcher_starts,
)
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from checkout_assets_tests.spark_process import SparkProcess, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")

SENTENCE = (
    "Interrupted. What was published stays, and no folder is published by halves; run the same "
    "command again, which structures all its folders."
)


@pytest.fixture
def structuring(place: OrdersPlace, held: HeldS3) -> Iterator[SparkProcess]:
    words = ["structure", "--raw", place.raw.uri, "--lake", place.lake.uri, FOLDER]
    environment = {"AWS_ENDPOINT_URL_S3": held.endpoint_url, "CHECKOUT_SPARK_MASTER": "local[1]"}
    with SparkProcess(words, environment) as process:
        yield process


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
