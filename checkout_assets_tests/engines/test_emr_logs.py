"""The end of a step's log, and of its driver's, from where EMR puts them."""

import gzip
import random
from pathlib import Path

import pytest

from checkout_assets.engines.emr import logs
from checkout_assets.engines.emr.logs import read_log_end
from spark_jobs.stores import Store, open_store

CLUSTER, STEP, APPLICATION = "j-1", "s-1", "application_1700000000000_0001"
STEP_LOG = f"{CLUSTER}/steps/{STEP}/stderr.gz"
CONTAINERS = f"{CLUSTER}/containers/{APPLICATION}/container_1700000000000_0001_01"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "logs"))


def test_a_log_that_is_not_there_yet_is_empty(store: Store) -> None:
    assert read_log_end(store, CLUSTER, STEP) == ""


def test_in_cluster_mode_the_drivers_log_follows(store: Store) -> None:
    submitted = f"INFO Client: Submitted {APPLICATION}\nException: finished with failed status\n"
    store.put(STEP_LOG, gzip.compress(submitted.encode()))
    store.put(f"{CONTAINERS}_000001/stderr.gz", gzip.compress(b"ImportError: the driver\n"))
    store.put(f"{CONTAINERS}_000002/stderr.gz", gzip.compress(b"an executor\n"))
    told = read_log_end(store, CLUSTER, STEP)
    assert told.startswith("INFO Client")
    assert told.endswith("ImportError: the driver\n")
    assert "an executor" not in told


def test_of_a_long_log_the_end_is_read(store: Store) -> None:
    store.put(STEP_LOG, gzip.compress(b"line\n" * 1_000_000 + b"the last\n"))
    told = read_log_end(store, CLUSTER, STEP)
    assert told.endswith("the last\n")
    assert len(told) <= 64 * 1024


def test_a_log_too_large_to_fetch_is_left_to_the_link(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "_LARGEST_LOG", 1000)
    store.put(STEP_LOG, gzip.compress(random.Random(1).randbytes(2000)))
    assert read_log_end(store, CLUSTER, STEP) == ""


@pytest.mark.parametrize("data", [b"no gzip", gzip.compress(b"x" * 999)[:-9]])
def test_a_broken_log_is_no_reason_to_fail(store: Store, data: bytes) -> None:
    store.put(STEP_LOG, data)
    assert read_log_end(store, CLUSTER, STEP) in {"", "x" * 999}
