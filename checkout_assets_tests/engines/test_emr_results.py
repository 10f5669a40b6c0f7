"""What is believed of the results that steps left in the lake."""

from pathlib import Path

import pytest

from checkout_assets.domain.folders import Folder
from checkout_assets.engines.emr.results import RunResults
from spark_jobs.contract.keys import result_key
from spark_jobs.contract.results import FolderStructured
from spark_jobs.contract.totals import StructureTotals
from spark_jobs.stores import LocalStore

FOLDER = Folder.parse("0A_CheckoutOrder")


@pytest.fixture
def lake(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def leave(lake: LocalStore, run_id: str) -> bytes:
    """A step's result that says nothing but that it failed."""
    told = FolderStructured(FOLDER.name, run_id, StructureTotals(), error="it failed").to_json()
    lake.put(result_key(FOLDER.name, run_id), told)
    return told


def test_attempts_are_those_of_the_very_run(lake: LocalStore) -> None:
    for run_id in ("nightly", "nightly_attempt3", "nightly-2_attempt9", "nightly2"):
        leave(lake, run_id)
    lake.put("_results/nightly_attempt3/deeper/strange.json", b"{}")

    found = RunResults(lake, "nightly").attempts()

    assert found[FOLDER.name] == 3
    assert RunResults(lake, "night").attempts() == {}
    assert RunResults(lake, "nightly-2").attempts() == {FOLDER.name: 9}


def test_a_result_of_a_later_version_is_told_as_that(lake: LocalStore) -> None:
    written = leave(lake, "nightly").replace(b'"format_version": 1', b'"format_version": 2')
    lake.put(result_key(FOLDER.name, "nightly"), written)

    told = RunResults(lake, "nightly").of(FOLDER, 1)

    assert told is not None
    assert "the result was written by a later version of checkout-assets" in told.error
