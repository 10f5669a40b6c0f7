"""Structuring a folder whose publication record was lost is not done while old files are there."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from checkout_assets.domain.folders import Folder, select_folders
from checkout_assets.engines.locations import Location
from checkout_assets.engines.structuring.leftovers import ORPHANS_LEFT, LeftoverWatch
from checkout_assets.engines.structuring.spark_engine import StructuredFolder
from checkout_assets_tests.fault_proxy import Answer, FaultProxy
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from checkout_assets_tests.spark_jobs.test_publishing import first_run, second_run
from spark_jobs.contract.keys import publication_record_key, quarantine_file_key, table_file_key
from spark_jobs.contract.totals import StructureTotals
from spark_jobs.job.publishing import publish, read_published

NEIGHBOUR = "0B_CheckoutOrder"
CHOSEN = select_folders([FOLDER, NEIGHBOUR])


class Publishing:
    """An engine that publishes one folder again, as Spark does, and fails the others."""

    def __init__(self, lake: Location) -> None:
        self._lake = lake.open()
        self.closed = False

    def run(self, folders: Sequence[Folder], run_id: str) -> Iterator[StructuredFolder]:
        try:
            for folder in folders:
                error = "" if folder.name == FOLDER else f"{folder}: it is broken."
                if not error:
                    record = second_run(self._lake)
                    publish(self._lake, record, read_published(self._lake, FOLDER))
                yield StructuredFolder(folder, run_id, StructureTotals(rows=2), 2, error=error)
        finally:
            self.closed = True


@pytest.fixture(params=["disk", "s3"])
def lake(request: pytest.FixtureRequest, place: OrdersPlace) -> Location:
    return place.lake if request.param == "disk" else replace(place.raw, prefix="lake/")


def structure(lake: Location) -> dict[str, StructuredFolder]:
    told = LeftoverWatch(Publishing(lake), lake).run(CHOSEN, "run2")
    return {result.folder.name: result for result in told}


def test_a_folder_published_again_is_done(lake: Location) -> None:
    first_run(lake.open())
    lake.open().put(table_file_key(NEIGHBOUR, "2018-10-31", "lost", 0), b"its neighbour's")
    results = structure(lake)
    assert results[FOLDER].ok
    assert results[NEIGHBOUR].error == f"{NEIGHBOUR}: it is broken."


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_a_folder_whose_record_was_lost_is_not(lake: Location, lost: int) -> None:
    """Its rows are published all the same; ``lost`` of the three old files went with the record."""
    record = first_run(lake.open())
    keys = [file.path for file in record.all_files]
    lake.open().delete([publication_record_key(FOLDER), *keys[:lost]])

    result = structure(lake)[FOLDER]

    assert not result.ok
    assert result.failure == ORPHANS_LEFT
    assert result.totals.rows == 2
    assert f"{3 - lost} file" in result.error
    assert "docs/runbook.md#files_orphaned" in result.error


def test_a_folder_with_old_orphans_is_not_done_by_structuring_it(lake: Location) -> None:
    first_run(lake.open())
    lake.open().put(quarantine_file_key(FOLDER, "lost", 0), b"old")
    assert structure(lake)[FOLDER].failure == ORPHANS_LEFT


def test_a_lake_that_cannot_be_listed_leaves_no_folder_done(
    place: OrdersPlace, proxy: FaultProxy
) -> None:
    lake = replace(place.raw, prefix="lake/")
    first_run(lake.open())
    proxy.rule = lambda request: (
        Answer(403, "AccessDenied") if "list-type=2" in request.path else None
    )
    # Publishing lists the folder's staging too, so the engine here is one that has published.
    engine = Publishing(lake)
    engine.run = lambda *_: iter([StructuredFolder(CHOSEN[0], "run2")])  # type: ignore[assignment,method-assign]
    (result,) = LeftoverWatch(engine, lake).run(CHOSEN[:1], "run2")
    assert not result.ok
    assert "not known" in result.error


def test_closing_it_closes_the_engine(lake: Location) -> None:
    engine = Publishing(lake)
    results = LeftoverWatch(engine, lake).run(CHOSEN, "run2")
    next(results)
    results.close()
    assert engine.closed
