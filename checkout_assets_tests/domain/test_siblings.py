"""A folder unlike its siblings is flagged; sources that are merely uneven are not."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from checkout_assets.domain.copying import CopyFacts
from checkout_assets.domain.folders import ALL_FOLDERS, Folder
from checkout_assets.domain.reconciliation import (
    CopyEvidence,
    FolderReconciled,
    LakeEvidence,
    Reason,
    State,
    judge,
)
from checkout_assets.domain.siblings import compared_with_siblings, far_from_middle
from spark_jobs.contract.completion import CompletionRecord

CHECKOUT = ALL_FOLDERS[:256]
FOLDER = CHECKOUT[0x86]
DAYS = 365


def copied(folder: Folder, objects: int, size: int = 0, documents: int = -1) -> FolderReconciled:
    """A folder that was copied, of so many objects, bytes and documents."""
    kinds = {"document": objects if documents < 0 else documents}
    facts = CopyFacts(
        listed=objects, by_status={"copied": objects}, by_kind=kinds, total_bytes=size or objects
    )
    record = CompletionRecord(
        folder.name,
        "c",
        "2026-01-01T00:00:00+00:00",
        "2026-01-01T00:00:00+00:00",
        [],
        {},
        {},
        0,
        "",
    )
    copy = CopyEvidence(listed=objects, record=record, facts=facts)
    return FolderReconciled(folder, copy=copy)


def flagged(folders: list[FolderReconciled], before: dict[str, int] | None = None) -> set[str]:
    """The folders that are unlike their siblings."""
    compared = compared_with_siblings(folders, before)
    assert [each.folder for each in compared] == [each.folder for each in folders]
    return {
        each.folder.name
        for each in compared
        if any(cause.reason is Reason.UNLIKE_SIBLINGS for cause in each.causes)
    }


@pytest.mark.parametrize(
    "odd",
    [
        copied(FOLDER, 900),
        copied(FOLDER, 1),
        copied(FOLDER, 4_000),
        copied(FOLDER, 2_000, size=100),
        copied(FOLDER, 2_000, documents=700),
    ],
    ids=["half is lost", "nearly all is lost", "twice as many", "tiny objects", "other objects"],
)
def test_a_folder_unlike_its_siblings_is_flagged(odd: FolderReconciled) -> None:
    folders = [odd if each == FOLDER else copied(each, 2_000) for each in CHECKOUT]
    assert flagged(folders) == {FOLDER.name}


def test_the_other_type_may_have_another_size() -> None:
    folders = [copied(each, 2_000 if each in CHECKOUT else 50) for each in ALL_FOLDERS]
    assert flagged(folders) == set()


def test_a_flagged_folder_is_yellow_and_says_what_is_odd() -> None:
    folders = [copied(each, 12 if each == FOLDER else 2_000) for each in CHECKOUT]
    odd = compared_with_siblings(folders)[0x86]
    assert odd.state is State.YELLOW
    (cause,) = odd.causes
    assert cause.sentence.startswith(
        "its size is not plausible: objects 12, of its type's folders in the middle 2,000; "
    )


def test_fewer_than_16_folders_have_no_middle() -> None:
    folders = [copied(each, 2_000) for each in CHECKOUT[:14]]
    assert flagged([*folders, copied(FOLDER, 1)]) == set()
    assert flagged([*folders, copied(CHECKOUT[14], 2_000), copied(FOLDER, 1)]) == {FOLDER.name}


@pytest.mark.parametrize("objects", [0, 1, 5])
def test_few_objects_say_nothing(objects: int) -> None:
    folders = [copied(each, 5) for each in CHECKOUT]
    folders[0x86] = copied(FOLDER, objects)
    assert flagged(folders) == set()


def test_folders_that_were_not_copied_are_left_out() -> None:
    lost = judge(FOLDER, CopyEvidence(listed=2_000), LakeEvidence())
    folders = [lost if each == FOLDER else copied(each, 2_000) for each in CHECKOUT]
    assert compared_with_siblings(folders)[0x86] == lost


@pytest.mark.parametrize(
    ("now", "odd"), [(700, True), (2_900, True), (1_990, False), (2_000, False), (0, False)]
)
def test_a_listing_that_changed_as_the_others_did_not_is_flagged(now: int, odd: bool) -> None:
    """An empty listing is red for a reason of its own."""
    before = {each.name: 2_000 for each in CHECKOUT}
    folders = [copied(each, 2_000) for each in CHECKOUT]
    changed = folders[0x86]
    folders[0x86] = replace(changed, copy=replace(changed.copy, listed=now))
    assert flagged(folders) == set()
    assert flagged(folders, before) == ({FOLDER.name} if odd else set())


def test_all_folders_may_grow_together() -> None:
    before = {each.name: 1_000 for each in CHECKOUT}
    assert flagged([copied(each, 3_000) for each in CHECKOUT], before) == set()


def uniform(chance: random.Random) -> float:
    return chance.gauss(780_000, 880)


def even_and_small(chance: random.Random) -> float:
    return max(chance.gauss(40, 40**0.5), 1)


def log_normal(chance: random.Random) -> float:
    return chance.lognormvariate(9, 1.5) + 1


def pareto(chance: random.Random) -> float:
    return 500 * chance.paretovariate(1.2)


@pytest.mark.parametrize("size", [uniform, even_and_small, log_normal, pareto])
def test_a_year_of_daily_runs_raises_one_false_alarm_at_most(
    size: Callable[[random.Random], float],
) -> None:
    alarms, chance = 0, random.Random(20261127)
    counts = {each: int(size(chance)) for each in CHECKOUT}
    for _ in range(DAYS):
        later = {each: grown(count, chance) for each, count in counts.items()}
        usual = dict.fromkeys(later, float(sorted(later.values())[len(later) // 2]))
        alarms += len(far_from_middle({each: float(n) for each, n in later.items()}, usual))
        ratios = {each: later[each] / counts[each] for each in counts}
        alarms += len(far_from_middle(ratios, {each: float(n) for each, n in counts.items()}))
        counts = later
    assert alarms <= 1


def grown(count: int, chance: random.Random) -> int:
    """A day later: a thousandth more in the middle, by chance."""
    new = count / 1_000
    return count + max(round(chance.gauss(new, new**0.5)), 0)


def test_an_earlier_listing_says_nothing_of_growth() -> None:
    """Folders listed today grew for a week; the others show the number of then."""
    earlier = datetime(2026, 11, 20, tzinfo=UTC)
    today = [copied(each, 3_000) for each in CHECKOUT[:40]]
    others = [copied(each, 2_000) for each in CHECKOUT[40:]]
    others = [replace(each, copy=replace(each.copy, listed_at=earlier)) for each in others]
    before = {each.name: 2_000 for each in CHECKOUT}
    told = compared_with_siblings([*today, *others], before)
    assert not [each for each in told if "at the last time" in " ".join(causes_of(each))]


def causes_of(folder: FolderReconciled) -> list[str]:
    return [cause.sentence for cause in folder.causes]
