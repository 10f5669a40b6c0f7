"""A plan's arithmetic: requests, prices, and what changes with machines and size."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.planning.estimate import (
    SPOT,
    Machines,
    estimate_copy,
    estimate_structuring,
)
from checkout_assets.domain.planning.prices import LONGEST_AGE_DAYS, Price, PriceTable
from checkout_assets.domain.planning.requests import (
    RequestCounts,
    requests_to_copy,
    requests_to_structure,
)
from checkout_assets.domain.planning.workload import FolderLoad, Workload, spread_evenly

GB = 1024**3
TABLE = PriceTable(
    date(2026, 11, 26),
    {
        name: Price(dollars, "", "a page")
        for name, dollars in {
            "s3.thousand_writes": 0.005,
            "s3.thousand_reads": 0.0004,
            "s3.transfer_gb": 0.01,
            "ec2.large": 1.0,
            "spot_share": 0.4,
        }.items()
    },
)
FLEET = Machines("16 x large", 16, ("ec2.large",), 5_500)


def test_the_hand_run_costs_what_its_requests_cost() -> None:
    """facts: COPY requests dominate; 400 M objects are about 2,000 dollars."""
    work = spread_evenly(400_000_000, 4096 * GB)
    found = estimate_copy(work.objects, work.total_bytes, requests_to_copy(work), FLEET, TABLE)
    assert found.requests_dollars == pytest.approx(2_004, abs=3)
    assert found.transfer_dollars == pytest.approx(40.96, abs=0.01)
    assert found.hours < found.most_hours == pytest.approx(31.7, abs=0.1)
    assert found.dollars == pytest.approx(
        found.requests_dollars + found.transfer_dollars + found.machines_dollars
    )


def test_more_machines_save_hours_and_spot_saves_dollars() -> None:
    work = spread_evenly(100_000_000, GB)
    requests = requests_to_structure(work, days=10)
    one, many, spot = (
        estimate_structuring(work.read, requests, each, TABLE)
        for each in (replace(FLEET, count=1), FLEET, replace(FLEET, market=SPOT))
    )
    assert many.hours < one.hours
    assert spot.machines_dollars == pytest.approx(many.machines_dollars * 0.4)
    assert one.requests_dollars == many.requests_dollars


@pytest.mark.parametrize("objects", [0, 1, 511, 512, 513, 400_000_001])
def test_nothing_is_lost_when_objects_are_spread(objects: int) -> None:
    work = spread_evenly(objects, objects * 3)
    assert (work.objects, work.total_bytes, work.read) == (objects, objects * 3, objects)


def test_a_large_object_is_copied_in_parts() -> None:
    small = Workload({"a": FolderLoad(1, 1, 1)})
    large = Workload({"a": FolderLoad(1, 6 * GB, 1, large=1, parts=12)})
    more, less = requests_to_copy(large), requests_to_copy(small)
    assert more.writes - less.writes == 12 + 1  # each part; begin and end in place of the one COPY
    assert more.reads - less.reads == 2  # its headers and its tags


@pytest.mark.parametrize(("days", "files"), [(1, 1), (5, 3)])
def test_a_folder_has_no_more_files_than_documents(days: int, files: int) -> None:
    three = Workload({"a": FolderLoad(3, 3, 3)})
    none = Workload({"a": FolderLoad(3, 3, 0)})
    more = requests_to_structure(three, days).writes - requests_to_structure(none, days).writes
    assert more == 2 * files


def test_counts_add_up() -> None:
    assert (RequestCounts(1, 2) + RequestCounts(3, 4)).total == 10


@pytest.mark.parametrize(("age", "told"), [(0, False), (LONGEST_AGE_DAYS, False), (91, True)])
def test_old_prices_are_told(age: int, told: bool) -> None:
    assert bool(TABLE.warning(TABLE.as_of + timedelta(days=age))) is told


def test_a_price_that_is_missing_is_named() -> None:
    with pytest.raises(UsageError, match=r"no price for ec2\.other.*--prices"):
        TABLE.dollars("ec2.other")
