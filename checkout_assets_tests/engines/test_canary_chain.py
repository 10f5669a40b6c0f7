"""The chain of a canary: each link that breaks is named, and no machine outlives it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from checkout_assets.domain.canary import Link
from checkout_assets.domain.doctor import CheckResult, CheckState
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.engines.canary.remedies import REMEDIES
from checkout_assets.engines.copying.result import FolderCopied
from checkout_assets.engines.structuring.spark_engine import StructuredFolder
from checkout_assets.engines.worker.reports import FolderReport
from checkout_assets_tests.scripted_canary import (
    MULTIPART,
    ONE,
    ORDER,
    ORDINARY,
    RUN_ID,
    TAGGED,
    Machine,
    ScriptedCanary,
    publication,
    refusal,
    unreadable_record,
)
from spark_jobs.contract.failures import Failure

FAILURE = Failure("Some", transient=False)
GIVEN_UP = MigrationError("It was given up after 30 minutes.")
Sabotage = Callable[[ScriptedCanary], object]


@pytest.fixture
def canary(tmp_path: Path) -> ScriptedCanary:
    return ScriptedCanary(tmp_path)


def raises(error: Exception) -> Callable[[], str]:
    def check() -> str:
        raise error

    return check


def test_a_healthy_chain_is_told_in_its_order(canary: ScriptedCanary) -> None:
    canary.fly()
    assert [each.check for each in canary.results] == ORDER
    told = canary.in_state(CheckState.OK)
    assert list(told) == ORDER
    assert told["instance launched"] == told["worker started"] == "i-1"
    assert told["cluster started"] == "j-1"
    assert told["source readable"] == "ordinary, tagged, multipart"
    assert told["completion record"] == "it proves 3 objects"
    assert told["rows published"] == "3 rows in the canary's table, 1 object in quarantine"
    assert told["everything removed"] == "6 objects"
    assert [each.launched for each in canary.fleets] == [1, 1]
    assert canary.left() == []


def wrong_account(canary: ScriptedCanary) -> None:
    canary.identity = raises(UsageError("The principal is of account 9."))


def no_document(canary: ScriptedCanary) -> None:
    del canary.source.found[ORDINARY]


def denied_source(canary: ScriptedCanary) -> None:
    canary.source.denied = True


def unusable_options(canary: ScriptedCanary) -> None:
    canary.instances.unusable = UsageError("No package was given.")


def idle_worker(canary: ScriptedCanary) -> None:
    canary.instances.begins = False


def worker_that_was_given_up(canary: ScriptedCanary) -> None:
    canary.instances.lost, canary.instances.begins = GIVEN_UP, False


def copies_denied(canary: ScriptedCanary) -> None:
    canary.copied = FolderCopied(ONE, error="All copies were denied.", failure=FAILURE)
    canary.raw_objects.found.clear()


def one_copy_denied(canary: ScriptedCanary) -> None:
    copies_denied(canary)
    canary.raw_objects.found = {ORDINARY: ("1", {}), MULTIPART: ("3", {})}


def error_after_all_copies(canary: ScriptedCanary) -> None:
    canary.copied = FolderCopied(ONE, error="Listing raw was denied.", failure=FAILURE)


def tags_lost(canary: ScriptedCanary) -> None:
    canary.raw_objects.found[TAGGED] = ("2", {})


def another_type(canary: ScriptedCanary) -> None:
    canary.raw_objects.headers[ORDINARY] = {"ContentType": "text/plain"}


def report_of_a_failure(canary: ScriptedCanary) -> None:
    canary.report = FolderReport(ONE, ok=False, error="It failed.", failure=FAILURE)


def nothing_proven(canary: ScriptedCanary) -> None:
    canary.proven = 0


def more_proven(canary: ScriptedCanary) -> None:
    canary.proven = 4


def cluster_without_capacity(canary: ScriptedCanary) -> None:
    canary.clusters.unusable = refusal("InsufficientInstanceCapacity")


def cluster_that_was_given_up(canary: ScriptedCanary) -> None:
    canary.clusters.lost, canary.clusters.begins = GIVEN_UP, False


def step_failed(canary: ScriptedCanary) -> None:
    canary.structured = StructuredFolder(ONE, RUN_ID, error="The step failed.", failure=FAILURE)


def no_publication(canary: ScriptedCanary) -> None:
    canary.record = None


def smaller_file(canary: ScriptedCanary) -> None:
    canary.record = publication(size=5)


def missing_quarantine(canary: ScriptedCanary) -> None:
    canary.quarantined = b""


COPYING: list[tuple[Sabotage, str, str]] = [
    (unusable_options, "instance launched", "No package was given."),
    (idle_worker, "worker started", "i-1 never began its work."),
    (worker_that_was_given_up, "worker started", "It was given up after 30 minutes."),
    (
        copies_denied,
        "objects copied",
        "All copies were denied. Not in raw: the ordinary and the tagged and the multipart object.",
    ),
    (one_copy_denied, "objects copied", "All copies were denied. Not in raw: the tagged object."),
    (error_after_all_copies, "objects copied", "Listing raw was denied."),
    (
        tags_lost,
        "objects copied",
        "The copies differ from the source in the tags of the tagged object.",
    ),
    (
        another_type,
        "objects copied",
        "The copies differ from the source in ContentType of the ordinary object.",
    ),
    (
        report_of_a_failure,
        "reports received",
        "The instance copied the folder, but its report is missing.",
    ),
    (nothing_proven, "completion record", "It proves 0 objects instead of 3."),
    (more_proven, "completion record", "It proves 4 objects instead of 3."),
]
STRUCTURING: list[tuple[Sabotage, str, str]] = [
    (cluster_without_capacity, "cluster started", "InsufficientInstanceCapacity"),
    (cluster_that_was_given_up, "cluster started", "It was given up after 30 minutes."),
    (step_failed, "step completed", "The step failed."),
    (no_publication, "rows published", "the store answered NoSuchKey."),
    (unreadable_record, "rows published", "publication record"),
    (missing_quarantine, "rows published", "1 file differs from the record."),
    (smaller_file, "rows published", "1 file differs from the record."),
]
BEFORE: list[tuple[Sabotage, str, str]] = [
    (wrong_account, "identity", "The principal is of account 9."),
    (
        no_document,
        "source readable",
        "No ordinary document is among the first 2 objects of 07_CheckoutOrder.",
    ),
    (denied_source, "source readable", "the store answered AccessDenied."),
]


def assert_all_ended(canary: ScriptedCanary) -> None:
    """Each machine was ended once, nothing is left, and every link has its line."""
    assert canary.instances.ended == ["i-1"] * canary.instances.launched
    assert canary.clusters.ended == ["j-1"] * canary.clusters.launched
    assert [*canary.instances.living, *canary.clusters.living, *canary.left()] == []
    assert sorted(each.check for each in canary.results) == sorted(ORDER)


def names(cases: list[tuple[Sabotage, str, str]]) -> list[str]:
    return [each.__name__ for each, _, _ in cases]


@pytest.mark.parametrize(("sabotage", "link", "reason"), BEFORE, ids=names(BEFORE))
def test_nothing_is_launched_before_identity_and_source_are_known(
    canary: ScriptedCanary, sabotage: Sabotage, link: str, reason: str
) -> None:
    sabotage(canary)
    canary.fly()
    assert list(canary.failed) == [link]
    assert reason in canary.failed[link]
    assert [each.launched for each in canary.fleets] == [0, 0]
    not_reached = [each for each in ORDER[ORDER.index(link) + 1 :] if each != "everything removed"]
    assert list(canary.in_state(CheckState.UNKNOWN)) == not_reached


@pytest.mark.parametrize(("sabotage", "link", "reason"), COPYING, ids=names(COPYING))
def test_a_broken_link_of_copying_ends_its_instance_and_launches_no_cluster(
    canary: ScriptedCanary, sabotage: Sabotage, link: str, reason: str
) -> None:
    sabotage(canary)
    canary.fly()
    assert canary.failed == {link: reason}
    (broken,) = [each for each in canary.results if each.state is CheckState.FAILED]
    assert broken.remedy == REMEDIES[Link(link)]
    assert_all_ended(canary)
    assert canary.clusters.launched == 0
    assert set(canary.in_state(CheckState.UNKNOWN)) >= {"cluster started", "cluster ended"}


@pytest.mark.parametrize(("sabotage", "link", "reason"), STRUCTURING, ids=names(STRUCTURING))
def test_a_broken_link_of_structuring_ends_its_cluster(
    canary: ScriptedCanary, sabotage: Sabotage, link: str, reason: str
) -> None:
    sabotage(canary)
    canary.fly()
    assert list(canary.failed) == [link]
    assert reason in canary.failed[link]
    assert_all_ended(canary)


def test_a_launch_that_is_found_only_by_its_tags_is_named_and_ended(
    canary: ScriptedCanary,
) -> None:
    canary.instances.lost = GIVEN_UP
    canary.fly()
    assert canary.in_state(CheckState.OK)["instance launched"] == "i-1"
    assert canary.instances.ended == ["i-1"]


def test_every_machine_of_the_canary_is_ended_whoever_launched_it(canary: ScriptedCanary) -> None:
    canary.clusters.living = [Machine("j-0"), Machine("j-2", alive=False)]
    canary.clusters.slow = 3
    canary.fly()
    assert canary.failed == {}
    assert canary.clusters.ended == ["j-0", "j-1"]
    assert canary.clusters.living == []


def test_a_machine_that_is_ending_is_waited_for_and_ended_once(canary: ScriptedCanary) -> None:
    canary.instances.slow = 39
    canary.fly()
    assert canary.failed == {}
    assert canary.instances.ended == ["i-1"]
    assert sum(canary.paused) == 40 * 15 + 2 * 15


def test_nothing_is_launched_beside_an_instance_that_does_not_end(canary: ScriptedCanary) -> None:
    canary.instances.slow = 99
    canary.fly()
    assert canary.failed == {"instance ended": "It is still ending: i-1."}
    assert canary.clusters.launched == 0
    assert canary.paused == [15.0] * 40
    assert canary.left() == []


@pytest.mark.parametrize("fleet", [0, 1])
def test_a_machine_that_may_not_be_ended_is_named(canary: ScriptedCanary, fleet: int) -> None:
    refusing = canary.fleets[fleet]
    refusing.unended = {refusing.machine: refusal("UnauthorizedOperation")}
    canary.fly()
    link = ("instance ended", "cluster ended")[fleet]
    said = "AWS refuses the request (UnauthorizedOperation)"
    assert canary.failed == {link: f"{refusing.machine} is still running: {said}."}
    assert canary.paused[30 * fleet :] == [], "what is refused is not asked for again"
    assert canary.left() == []


def test_a_machine_that_may_not_be_ended_does_not_keep_another_one(
    canary: ScriptedCanary,
) -> None:
    canary.clusters.living = [Machine("j-0")]
    canary.clusters.unended = {"j-0": refusal("AccessDeniedException")}
    canary.fly()
    assert list(canary.failed) == ["cluster ended"]
    assert canary.clusters.ended == ["j-1"]


@pytest.mark.parametrize("fleet", [0, 1])
def test_a_machine_is_ended_although_aws_did_not_answer_at_once(
    canary: ScriptedCanary, fleet: int
) -> None:
    busy = canary.fleets[fleet]
    busy.unended = {busy.machine: refusal("ThrottlingException")}
    busy.unseen = refusal("ServiceUnavailable")
    canary.on_pause = lambda: busy.recover() if busy.living else None
    canary.fly()
    assert canary.failed == {}
    assert busy.ended == [busy.machine]


def test_machines_that_cannot_be_looked_for_are_told(canary: ScriptedCanary) -> None:
    canary.instances.lost, canary.instances.unseen = GIVEN_UP, refusal("UnauthorizedOperation")
    canary.fly()
    assert list(canary.failed) == ["instance launched", "instance ended"]
    assert canary.failed["instance launched"] == "It was given up after 30 minutes."
    assert "UnauthorizedOperation" in canary.failed["instance ended"]
    assert canary.paused == []


def test_the_result_of_one_fleet_is_not_taken_for_that_of_the_other(
    canary: ScriptedCanary,
) -> None:
    canary.clusters.unusable = UsageError("No log_uri was given.")
    canary.fly()
    assert canary.failed == {"cluster started": "No log_uri was given."}


@pytest.mark.parametrize("fleet", [0, 1])
def test_an_interruption_at_work_ends_the_machine_and_removes_everything(
    canary: ScriptedCanary, fleet: int
) -> None:
    interrupted = canary.fleets[fleet]
    interrupted.lost = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        canary.fly()
    assert interrupted.ended == [interrupted.machine]
    assert [each.living for each in canary.fleets] == [[], []]
    assert canary.left() == []


@pytest.mark.parametrize("fleet", [0, 1])
def test_an_interruption_while_a_machine_ends_does_not_leave_it(
    canary: ScriptedCanary, fleet: int
) -> None:
    interrupted = canary.fleets[fleet]
    find, looks = interrupted.find, []

    def find_interrupted() -> list[Machine]:
        looks.append(1)
        if len(looks) == 1:
            raise KeyboardInterrupt
        return find()

    interrupted.find = find_interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        canary.fly()
    assert interrupted.ended == [interrupted.machine]
    assert interrupted.living == []
    assert canary.left() == []


@pytest.mark.parametrize("last", range(len(ORDER)))
def test_a_reader_that_went_away_leaves_nothing(canary: ScriptedCanary, last: int) -> None:
    told: list[str] = []

    def tell(result: CheckResult) -> None:
        if len(told) == last:
            raise BrokenPipeError
        told.append(result.check)

    with pytest.raises(BrokenPipeError):
        canary.fly(tell)
    assert told == ORDER[:last]
    assert [each.living for each in canary.fleets] == [[], []]
    assert canary.left() == []


@pytest.mark.parametrize("link", [each for each in ORDER if each != "everything removed"])
def test_an_interruption_while_a_link_is_told_leaves_nothing(
    canary: ScriptedCanary, link: str
) -> None:
    told: list[str] = []

    def tell(result: CheckResult) -> None:
        told.append(result.check)
        if result.check == link and told.count(link) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        canary.fly(tell)
    assert told[-1] == "everything removed"
    assert [each.living for each in canary.fleets] == [[], []]
    assert canary.left() == []


def test_what_is_left_of_a_canary_is_told(canary: ScriptedCanary) -> None:
    canary.raw.put("_canary/canary-20200101T000000Z-0a1b2c3d/a", b"")
    canary.fly()
    told = canary.in_state(CheckState.OK)["everything removed"]
    assert told == "6 objects, and 1 object of earlier canaries"
    assert canary.left() == []


def test_an_error_that_nobody_foresaw_is_a_broken_link(canary: ScriptedCanary) -> None:
    canary.identity = raises(ZeroDivisionError("division"))
    canary.fly()
    assert list(canary.failed) == ["identity"]
    assert "ZeroDivisionError" in canary.failed["identity"]


def test_a_folder_without_some_kinds_is_told(canary: ScriptedCanary) -> None:
    del canary.source.found[TAGGED], canary.source.found[MULTIPART]
    canary.proven = 1
    canary.report = replace(canary.report, copy_id="c")
    canary.fly()
    assert canary.failed == {}
    told = canary.in_state(CheckState.OK)
    assert told["source readable"] == (
        "ordinary; no tagged or multipart object is among the first 1"
    )
