"""A demo that is interrupted: one sentence, exit code 130, and no process that stays."""

import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from checkout_assets.cli.demo import INTERRUPTED
from checkout_assets_tests.spark_process import SparkProcess, wait_until
from spark_jobs.contract.keys import REPORTS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[SparkProcess]:
    words = ["demo", "--directory", str(tmp_path / "demo"), "--documents", "600", "--days", "1"]
    with SparkProcess(words) as process:
        yield process


def sample_is_made(directory: Path) -> bool:
    return (directory / "s3.log").exists()


def backfill_is_under_way(directory: Path) -> bool:
    """It begins when the first reconciliation has written its report."""
    return any((directory / "lake" / REPORTS).glob("*.html"))


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
@pytest.mark.parametrize("moment", [sample_is_made, backfill_is_under_way])
def test_an_interrupted_demo_ends_with_one_sentence_and_nothing_stays(
    demo: SparkProcess, tmp_path: Path, moment: Callable[[Path], bool], sent: signal.Signals
) -> None:
    wait_until(lambda: moment(tmp_path / "demo"))
    demo.signal(sent)
    assert demo.end() == 130, demo.err
    assert demo.err.splitlines()[-1] == INTERRUPTED
    assert "go on" not in demo.err
    assert "Traceback" not in demo.err
    wait_until(lambda: demo.alive() == [])
