"""Reconciliations that list a part of the folders each day: nothing is missed, each day is told."""

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from checkout_assets.domain.folders import Folder
from checkout_assets.domain.reconciliation import FolderReconciled, Reason, State, Summary
from checkout_assets.domain.reporting.listings import need_no_listing, told_listings
from checkout_assets.domain.reporting.outcome import ReconciliationOutcome, outcome_of
from checkout_assets.domain.rotation import due_on
from checkout_assets.engines.locations import S3Location
from checkout_assets.engines.reconciling.engine import Reconciler
from checkout_assets.engines.reporting.leaving import earlier_listings, leave_report
from checkout_assets.engines.reporting.page import Report
from checkout_assets_tests.fault_proxy import FaultProxy
from checkout_assets_tests.orders_place import OrdersPlace

DAYS = 7
START = datetime(2026, 11, 22, 5, tzinfo=UTC)
FOLDERS = [due_on((START + timedelta(n)).date(), DAYS)[0] for n in range(1, DAYS + 1)]
"""One folder of each day's part: the first has its turn a day after the start."""


@pytest.fixture
def migrated(place: OrdersPlace) -> OrdersPlace:
    """Two documents in each of the folders, copied and reconciled in full."""
    for folder in FOLDERS:
        for name in "ab":
            place.put(document(folder, name))
    assert all(each.ok for each in place.copy(*(folder.name for folder in FOLDERS)).values())
    reconcile(place, 0, in_turns=False)
    return place


def document(folder: Folder, name: str) -> str:
    return f"{folder}/A/id/{name}"


def reconcile(
    place: OrdersPlace,
    day: int,
    *,
    in_turns: bool = True,
    always: Collection[Folder] = (),
    with_source: bool = True,
) -> dict[Folder, FolderReconciled]:
    """Reconcile on that day after the start, and leave the report."""
    return told(place, day, in_turns=in_turns, always=always, with_source=with_source)[0]


def told(
    place: OrdersPlace,
    day: int,
    *,
    in_turns: bool = True,
    always: Collection[Folder] = (),
    with_source: bool = True,
) -> tuple[dict[Folder, FolderReconciled], ReconciliationOutcome, str]:
    """The results, the outcome and the page."""
    at = START + timedelta(day)
    engine = Reconciler(place.source if with_source else None, place.raw, place.lake)
    if in_turns:
        kept = earlier_listings(place.lake)
        engine = engine.without_listing(need_no_listing(kept, at.date(), DAYS, always))
    found = sorted(engine.run(FOLDERS, "run"), key=lambda each: each.folder)
    outcome = outcome_of(found, Summary.of(found), (), at=at, run_id="run", with_source=with_source)
    left = leave_report(place.lake, Report(outcome, found), at)
    assert left.problem == ""
    return {each.folder: each for each in found}, outcome, left.page


def listed(found: dict[Folder, FolderReconciled]) -> set[Folder]:
    return {folder for folder, each in found.items() if not each.copy.earlier_day}


def is_red(found: FolderReconciled, *reasons: Reason) -> bool:
    return found.state is State.RED and set(reasons) <= found.reasons


def test_all_folders_are_listed_within_seven_days(migrated: OrdersPlace) -> None:
    days = [listed(reconcile(migrated, day)) for day in range(1, DAYS + 1)]
    assert days == [{folder} for folder in FOLDERS]


def test_what_was_not_listed_keeps_its_result_with_its_day(migrated: OrdersPlace) -> None:
    reconcile(migrated, 1)
    found, outcome, page = told(migrated, 2)
    first, second, third = FOLDERS[:3]
    assert [found[each].copy.earlier_day for each in (first, second, third)] == [
        "2026-11-23",
        "",
        "2026-11-22",
    ]
    assert [found[each].copy.listed for each in FOLDERS] == [2] * DAYS
    assert outcome.listed == {second.name: 2}
    assert outcome.listed_earlier["2026-11-23"] == [first.name]
    sentence = told_listings(outcome)
    assert sentence.startswith("1 of 7 folders was listed for this reconciliation; the others keep")
    assert f"1 on 2026-11-23 ({first})" in sentence
    assert sentence in page
    assert page.count("<p>Listed on 2026-11-22.</p>") == 5
    (copied,) = [each for each in found[third].findings if each.rule == "every_object_copied"]
    assert copied.summary.endswith(" Last listed on 2026-11-22.")


def test_a_lost_object_is_red_when_its_folder_has_its_turn_and_stays_so(
    migrated: OrdersPlace,
) -> None:
    lost = FOLDERS[5]
    for day in (1, 2):
        reconcile(migrated, day)
    migrated.delete(document(lost, "a"), migrated.raw)
    for day in (3, 4, 5):
        found = reconcile(migrated, day)[lost]
        assert found.copy.earlier_day == "2026-11-22"
    for day in (6, 7):
        found = reconcile(migrated, day)[lost]
        assert is_red(found, Reason.OBJECTS_MISSING)
        assert not found.copy.earlier_day


@pytest.mark.parametrize("side", ["source", "raw"])
def test_a_folder_that_is_gone_is_red_on_the_same_day(migrated: OrdersPlace, side: str) -> None:
    gone = FOLDERS[5]
    place: S3Location = getattr(migrated, side)
    for name in "ab":
        migrated.delete(document(gone, name), place)
    found = reconcile(migrated, 3)
    assert listed(found) == {FOLDERS[2], gone}
    lost = Reason.SOURCE_IS_EMPTY if side == "source" else Reason.OBJECTS_MISSING
    assert is_red(found[gone], lost)


def test_a_folder_that_was_copied_again_or_was_red_is_listed(migrated: OrdersPlace) -> None:
    again, red = FOLDERS[3], FOLDERS[4]
    migrated.put(document(again, "a"), b'{"changed": true}')
    migrated.copy(again.name, run_id="again", as_of=datetime.now(UTC))
    assert listed(reconcile(migrated, 1)) == set(FOLDERS)  # up to another cut-off, all are due
    migrated.copy(again.name, run_id="once more")
    assert listed(reconcile(migrated, 2, always=[red])) == {FOLDERS[1], again, red}


def test_nothing_is_asked_twice(migrated: OrdersPlace, proxy: FaultProxy) -> None:
    """Neither the names below the source nor the record of a folder that was copied since."""
    migrated.copy(FOLDERS[3].name, run_id="once more")
    kept = earlier_listings(migrated.lake)
    engine = Reconciler(migrated.source, migrated.raw, migrated.lake).without_listing(
        need_no_listing(kept, (START + timedelta(2)).date(), DAYS)
    )
    proxy.seen.clear()
    assert listed({each.folder: each for each in engine.run(FOLDERS, "run")}) == {
        FOLDERS[1],
        FOLDERS[3],
    }
    assert engine.unexpected() == []
    paths = [each.path for each in proxy.seen if each.method == "GET"]
    of_source = [path for path in paths if path.startswith(f"/{migrated.source.bucket}")]
    assert sum("delimiter=" in path for path in of_source) == 1
    records = Counter(path for path in paths if "current.json" in path)
    assert len(records) == DAYS
    assert set(records.values()) == {1}


def test_a_folder_whose_day_was_missed_is_listed_on_the_next(migrated: OrdersPlace) -> None:
    for day in (2, 3, 4, 5, 6):
        reconcile(migrated, day)
    assert listed(reconcile(migrated, 8)) == {FOLDERS[0], FOLDERS[6]}
    assert listed(reconcile(migrated, 10)) == {FOLDERS[1], FOLDERS[2]}


@pytest.mark.parametrize("data", [b"", b"{}", b'{"format_version": 99}', b'{"folders": {"x": {}}}'])
def test_without_a_usable_record_of_listings_all_are_listed(
    migrated: OrdersPlace, data: bytes
) -> None:
    migrated.lake.open().put("_reports/listings.json", data)
    assert listed(reconcile(migrated, 1)) == set(FOLDERS)


def test_another_raw_or_no_source_is_listed_in_full(migrated: OrdersPlace) -> None:
    assert listed(reconcile(migrated, 1, with_source=False)) == set(FOLDERS)
    assert listed(reconcile(migrated, 2, with_source=False)) == {FOLDERS[1]}
    other = replace(migrated.raw, prefix="other/")
    for key in migrated.keys(""):  # a replica, records and all
        migrated.put(key, migrated.get(key)["bytes"], other)
    migrated.raw = other
    assert listed(reconcile(migrated, 3, with_source=False)) == set(FOLDERS)
