"""A run of more folders than one cluster takes has several, each with folders of its own."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from checkout_assets.domain.folders import ALL_FOLDERS
from checkout_assets.engines.emr.request import launch_request
from checkout_assets.engines.fleet.tags import DEPLOYMENT_TAG, GROUP_TAG, RUN_ID_TAG
from checkout_assets_tests.emr_place import SIX, EmrPlace, WatchingClock
from checkout_assets_tests.local_emr.commands import one_line_script
from checkout_assets_tests.local_emr.local_emr import ClusterFault, LocalEmr

NAMES = [folder.name for folder in SIX]
FIRST = NAMES[0]
THREE = {"folders_per_cluster": 3}
HALVES = [NAMES[:3], NAMES[3:]]


def slow_but_first(arguments: Sequence[str], at: Path) -> Sequence[str]:
    return one_line_script(arguments, at, before="" if arguments[-1] == FIRST else "sleep 0.5")


@pytest.fixture
def place(emr: LocalEmr, tmp_path: Path) -> EmrPlace:
    return EmrPlace(emr, tmp_path)


def folders_of(emr: LocalEmr) -> list[list[str]]:
    """By cluster, the folders of its steps, in the order in which they were added."""
    return [[step.args[-1] for step in each.steps] for each in emr.clusters]


def test_a_cluster_takes_as_many_folders_as_that_of_the_hand_run(
    emr: LocalEmr, place: EmrPlace
) -> None:
    a_run = [folder.name for folder in ALL_FOLDERS[:32]]
    told = place.run(ALL_FOLDERS[:32])
    assert sorted(name for name, each in told.items() if each.ok) == sorted(a_run)
    assert folders_of(emr) == [a_run[:16], a_run[16:]]
    assert emr.living() == []


def test_the_clusters_of_a_run_work_side_by_side_and_are_told_apart(
    emr: LocalEmr, place: EmrPlace
) -> None:
    emr.frozen = True

    def both_live() -> None:
        emr.frozen = emr.frozen and len(emr.living()) < 2

    engine = place.engine(WatchingClock(both_live), **THREE)
    told = {each.folder.name: each for each in engine.run(SIX, "run")}
    assert all(each.ok for each in told.values())
    assert folders_of(emr) == HALVES
    hosts = [{told[name].host for name in half} for half in HALVES]
    assert hosts == [{each.id} for each in emr.clusters]
    launched = emr.api.launched()
    assert [each["Name"] for each in launched] == ["orders run group 1", "orders run group 2"]
    same = {DEPLOYMENT_TAG: "orders", RUN_ID_TAG: "run"}
    tags = [{tag["Key"]: tag["Value"] for tag in each["Tags"]} for each in launched]
    assert all(same.items() <= each.items() for each in tags)
    assert [each[GROUP_TAG] for each in tags] == ["1", "2"]
    assert emr.living() == []


def test_a_run_that_died_is_attached_to_at_all_of_its_clusters(
    emr: LocalEmr, place: EmrPlace
) -> None:
    emr.command = slow_but_first
    dead = place.start(**THREE)
    assert next(dead).folder.name == FIRST
    again = place.run(**THREE, tags={"team": "another one since then"})
    assert sorted(name for name, each in again.items() if each.ok) == NAMES
    assert folders_of(emr) == HALVES
    assert emr.living() == []
    del dead  # it was never closed: its process was killed


def test_a_lost_cluster_is_replaced_while_the_other_one_goes_on(
    emr: LocalEmr, place: EmrPlace
) -> None:
    emr.cluster_faults = [None, ClusterFault("INSTANCE_FAILURE", after_steps=1)]
    told = place.run(**THREE)
    assert all(each.ok for each in told.values())
    assert folders_of(emr) == [*HALVES, NAMES[4:]]
    groups = [
        {tag["Key"]: tag["Value"] for tag in each["Tags"]}[GROUP_TAG] for each in emr.api.launched()
    ]
    assert groups == ["1", "2", "2"]
    assert emr.living() == []


def test_a_refused_cluster_fails_its_own_folders_only(emr: LocalEmr, place: EmrPlace) -> None:
    emr.cluster_faults = [None, ClusterFault("VALIDATION_ERROR", "no such subnet")]
    told = place.run(**THREE)
    assert [name for name in NAMES if told[name].ok] == HALVES[0]
    assert all("refuses the cluster's configuration" in told[name].error for name in HALVES[1])
    assert emr.living() == []


def test_closing_a_run_terminates_all_of_its_clusters(emr: LocalEmr, place: EmrPlace) -> None:
    emr.command = slow_but_first
    results = place.start(**THREE)
    assert next(results).folder.name == FIRST
    assert len(emr.living()) == 2
    results.close()  # type: ignore[attr-defined]
    assert emr.living() == []


def test_a_launch_whose_answer_was_lost_is_found_among_the_clusters_of_the_run(
    emr: LocalEmr, place: EmrPlace
) -> None:
    emr.api.answers = {"RunJobFlow": ["", "lost:InternalServerException"]}
    assert all(each.ok for each in place.run(**THREE).values())
    assert folders_of(emr) == HALVES


def test_a_cluster_of_somebody_else_takes_all_folders(emr: LocalEmr, place: EmrPlace) -> None:
    other = place.api().launch(launch_request(place.options, "other", []))
    assert all(each.ok for each in place.run(**THREE, cluster_id=other).values())
    assert folders_of(emr) == [NAMES]
    assert emr.living() == [other]
