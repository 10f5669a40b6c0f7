"""Structuring on EMR: each folder's outcome, no cluster too many, none left running."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from checkout_assets.domain.failures import Cause, diagnose_unit
from checkout_assets.domain.folders import Folder, select_folders
from checkout_assets.engines.emr import backend, cluster
from checkout_assets.engines.emr.request import launch_request
from checkout_assets.engines.emr.results import RunResults
from checkout_assets_tests.emr_place import SIX, EmrPlace, QuickClock
from checkout_assets_tests.local_emr.commands import one_line_script
from checkout_assets_tests.local_emr.local_emr import OVER_QUOTA, ClusterFault, Command, LocalEmr
from spark_jobs.contract.keys import publication_record_key
from spark_jobs.contract.publication import PUBLISHED, PublicationRecord
from spark_jobs.contract.totals import StructureTotals
from spark_jobs.stores import open_store

NAMES = [folder.name for folder in SIX]
FIRST, SECOND = NAMES[:2]


def slow_after(fast: str, seconds: float = 60) -> Command:
    """The usual script, but every folder except one takes its time."""

    def command(arguments: Sequence[str], at: Path) -> Sequence[str]:
        before = "" if arguments[-1] == fast else f"sleep {seconds}"
        return one_line_script(arguments, at, before)

    return command


@pytest.fixture
def place(emr: LocalEmr, tmp_path: Path) -> EmrPlace:
    return EmrPlace(emr, tmp_path)


def test_a_run_structures_its_folders_on_one_cluster_and_ends_it(
    emr: LocalEmr, place: EmrPlace
) -> None:
    told = place.run()
    assert sorted(told) == NAMES
    assert all(each.ok and each.totals.rows == 2 and each.attempts == 1 for each in told.values())
    assert {each.host for each in told.values()} == {emr.clusters[0].id}
    assert place.published() == set(NAMES)
    assert len(emr.clusters) == 1
    assert emr.living() == []


def test_the_host_s_policy_allows_all_that_runs_ask_emr_for_and_no_more(
    emr: LocalEmr, place: EmrPlace
) -> None:
    """Evaluated as AWS does, with what AWS checks though no request is named so."""
    emr.command = slow_after(FIRST)
    cancelled = place.start()
    next(cancelled)
    cancelled.close()  # type: ignore[attr-defined]
    other = place.api().launch(launch_request(place.options, "other", []))
    on_other = place.start(run_id="on another", cluster_id=other)
    next(on_other)
    on_other.close()  # type: ignore[attr-defined]

    assert place.host.denied == []
    assert place.host.needless() == []


def test_a_step_that_fails_runs_its_folder_once(
    emr: LocalEmr, place: EmrPlace, tmp_path: Path
) -> None:
    """YARN would begin a failed application again, under the same run id."""
    runs = tmp_path / "runs"
    emr.command = lambda arguments, at: one_line_script(
        arguments, at, before=f"echo run >>{runs}", error="it is refused"
    )
    assert not place.run([SIX[0]])[FIRST].ok
    assert runs.read_text().split() == ["run"]


def test_a_tag_of_one_s_own_does_not_unset_what_the_service_role_needs(
    emr: LocalEmr, place: EmrPlace
) -> None:
    tags = {"for-use-with-amazon-emr-managed-policies": "false", "team": "orders"}
    assert place.run([SIX[0]], tags=tags)[FIRST].ok


def test_whoever_reads_how_it_goes_is_told_of_launches_retries_and_links(
    emr: LocalEmr, place: EmrPlace
) -> None:
    emr.step_faults = {FIRST: [""]}
    place.run()
    cluster = emr.clusters[0].id
    launched, again = place.told
    assert cluster in launched
    assert "#/clusterDetails/" in launched
    assert FIRST in again
    assert again.endswith("It is retried.")


def test_runs_that_start_together_do_not_launch_together(emr: LocalEmr, place: EmrPlace) -> None:
    """The place's clock takes the middle of each range: of a minute, and of a poll's jitter."""
    place.run([SIX[0]])
    assert place.clock.slept[:2] == [30, 90]


def test_blank_failures_of_first_steps_are_tried_again(emr: LocalEmr, place: EmrPlace) -> None:
    """As 50, F0, D0 and C0 failed when several clusters started together."""
    emr.step_faults = {FIRST: [""], NAMES[3]: [""]}
    told = place.run()
    assert all(each.ok for each in told.values())
    assert {name: each.attempts for name, each in told.items() if each.attempts > 1} == {
        FIRST: 2,
        NAMES[3]: 2,
    }
    assert len(emr.clusters) == 1
    assert len(emr.clusters[0].steps) == 8


def test_a_folder_that_keeps_failing_without_a_word_fails_alone(
    emr: LocalEmr, place: EmrPlace
) -> None:
    emr.step_faults = {FIRST: [""] * 9}
    told = place.run()
    assert [name for name, each in told.items() if not each.ok] == [FIRST]
    assert told[FIRST].attempts == 2
    assert "failed without saying why" in told[FIRST].error
    assert "Attempt 2" in told[FIRST].error
    assert "console.aws.amazon.com" in told[FIRST].error
    assert len(emr.clusters) == 1


def test_a_permanent_failure_is_never_repeated_and_its_sentence_helps(
    emr: LocalEmr, place: EmrPlace
) -> None:
    emr.step_faults = {SECOND: ["Traceback\nModuleNotFoundError: No module named 'orjson'\n"]}
    told = place.run()
    assert [name for name, each in told.items() if not each.ok] == [SECOND]
    assert told[SECOND].attempts == 1
    assert "make package" in told[SECOND].error
    assert "No module named 'orjson'" in told[SECOND].error
    again = place.run([SIX[1]])
    assert again[SECOND].ok
    assert len(emr.clusters) == 2
    assert [step.args[-1] for step in emr.clusters[1].steps] == [SECOND]


@pytest.mark.parametrize(
    ("fault", "clusters", "told"),
    [
        (ClusterFault("INTERNAL_ERROR", ""), 3, "the cluster failed"),
        (
            ClusterFault("BOOTSTRAP_FAILURE", "On the master instance"),
            2,
            "a bootstrap action failed",
        ),
        (ClusterFault("INSTANCE_FLEET_TIMEOUT", ""), 3, "no capacity for these instances"),
        (
            ClusterFault("VALIDATION_ERROR", "insufficient capacity for c5.4xlarge"),
            3,
            "no capacity for these instances",
        ),
        (
            ClusterFault("VALIDATION_ERROR", "The subnet is wrong"),
            1,
            "refuses the cluster's configuration",
        ),
        (ClusterFault("VALIDATION_ERROR", "VcpuLimitExceeded: more"), 1, "quota is used up"),
        (OVER_QUOTA, 1, "quota is used up"),
        (ClusterFault("INTERNAL_ERROR", "Max spot instance count exceeded"), 1, "is used up"),
        (
            ClusterFault("INTERNAL_ERROR", "", 0, ["INTERNAL_ERROR_SPOT_NO_CAPACITY_PRIMARY"]),
            3,
            "no capacity for these instances",
        ),
        (
            ClusterFault(
                "VALIDATION_ERROR",
                "The instance type c5.4xlarge is not supported in the requested Availability Zone",
            ),
            3,
            "no capacity for these instances",
        ),
        (
            ClusterFault("USER_REQUEST", "Terminated by user request"),
            1,
            "someone terminated the cluster",
        ),
    ],
)
def test_each_end_of_a_cluster_has_its_outcome_and_costs_no_cluster_too_many(
    place: EmrPlace, fault: ClusterFault, clusters: int, told: str
) -> None:
    place.emr.cluster_faults = [fault] * 9
    results = place.run()
    assert sorted(results) == NAMES
    assert all(told in each.error for each in results.values())
    assert len(place.emr.clusters) == clusters
    assert place.published() == set()


def test_a_launch_without_the_role_for_clean_up_says_how_to_create_it(
    emr: LocalEmr, place: EmrPlace
) -> None:
    emr.clean_up_role = False
    results = place.run()
    assert sorted(results) == NAMES
    command = "aws iam create-service-linked-role --aws-service-name elasticmapreduce.amazonaws.com"
    assert all(f"run {command} (" in each.error for each in results.values())
    assert len(emr.clusters) == 1


def test_a_cluster_that_breaks_down_is_replaced_for_the_unfinished_folders_only(
    emr: LocalEmr, place: EmrPlace
) -> None:
    emr.cluster_faults = [ClusterFault("INSTANCE_FAILURE", after_steps=4)]
    told = place.run()
    assert all(each.ok for each in told.values())
    assert [len(cluster.steps) for cluster in emr.clusters] == [6, 2]
    assert emr.living() == []


def test_a_lack_of_capacity_moves_the_next_launch_to_another_subnet(
    emr: LocalEmr, place: EmrPlace
) -> None:
    emr.cluster_faults = [ClusterFault("VALIDATION_ERROR", "insufficient capacity")]
    told = place.run(subnets=("subnet-a", "subnet-b"))
    assert all(each.ok for each in told.values())
    used = [request["Instances"]["Ec2SubnetId"] for request in emr.api.launched()]
    assert used == ["subnet-a", "subnet-b"]


def test_scattered_broken_folders_are_repaired_by_one_cluster(
    emr: LocalEmr, place: EmrPlace
) -> None:
    scattered = select_folders(["00_CheckoutOrder", "86_CheckoutOrder", "FF_FulfillmentOrder"])
    assert all(each.ok for each in place.run(scattered).values())
    assert len(emr.clusters) == 1
    assert [step.args[-1] for step in emr.clusters[0].steps] == [each.name for each in scattered]


def test_closing_the_iterator_terminates_the_cluster(emr: LocalEmr, place: EmrPlace) -> None:
    emr.command = slow_after(FIRST)
    results = place.start()
    assert next(results).folder.name == FIRST
    results.close()  # type: ignore[attr-defined]
    emr.wait_until(lambda: emr.clusters[0].state == "TERMINATED")
    assert place.published() == {FIRST}


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, RuntimeError])
def test_an_interrupt_while_waiting_terminates_the_cluster(
    emr: LocalEmr, place: EmrPlace, interrupt: type[BaseException]
) -> None:
    class Interrupted(QuickClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if len(self.slept) == 3:
                raise interrupt

    emr.frozen = True
    with pytest.raises(interrupt):
        list(place.engine(clock=Interrupted()).run(SIX, "run"))
    assert emr.living() == []


def test_an_engine_never_started_launches_nothing(emr: LocalEmr, place: EmrPlace) -> None:
    place.start().close()  # type: ignore[attr-defined]
    assert emr.api.calls == {}


def test_a_run_that_died_is_attached_to_again(emr: LocalEmr, place: EmrPlace) -> None:
    """Its cluster lives, one folder is published, one runs, the others wait."""
    emr.command = slow_after(FIRST, seconds=1)
    dead = place.start()
    assert next(dead).folder.name == FIRST
    again = place.run()  # the first one is never closed: its process was killed
    assert all(each.ok for each in again.values())
    assert sorted(again) == NAMES
    assert len(emr.clusters) == 1
    assert len(emr.clusters[0].steps) == 6
    assert emr.living() == []
    del dead


def test_a_run_that_was_told_done_does_nothing_again(emr: LocalEmr, place: EmrPlace) -> None:
    place.run()
    again = place.run()
    assert all(each.ok and each.totals.rows == 2 for each in again.values())
    assert len(emr.clusters) == 1


def test_another_run_id_is_another_run(emr: LocalEmr, place: EmrPlace) -> None:
    place.run()
    assert {each.run_id for each in place.run(run_id="run2").values()} == {"run2"}
    assert len(emr.clusters) == 2


def test_completed_without_a_record_is_not_believed(emr: LocalEmr, place: EmrPlace) -> None:
    emr.command = lambda _arguments, _place: ["true"]
    told = place.run([SIX[0]])
    assert not told[FIRST].ok
    assert "left no result in the lake" in told[FIRST].error
    assert told[FIRST].attempts == 2


def test_a_result_without_a_publication_record_is_not_believed(
    emr: LocalEmr, place: EmrPlace
) -> None:
    unpublished = f"rm -r {place.lake.uri}/_published"
    emr.command = lambda arguments, at: one_line_script(arguments, at, after=unpublished)
    told = place.run([SIX[0]])[FIRST]
    assert "left no result in the lake" in told.error


def test_a_step_that_failed_after_publishing_is_believed(emr: LocalEmr, place: EmrPlace) -> None:
    emr.command = lambda arguments, at: [*one_line_script(arguments, at, after="exit 1")]
    assert place.run([SIX[0]])[FIRST].ok


def test_what_was_published_before_its_cluster_ended_is_believed(
    emr: LocalEmr, place: EmrPlace
) -> None:
    class EndsIt(QuickClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if place.published() and emr.living():
                emr.end_cluster(emr.clusters[0], "USER_REQUEST")

    emr.command = lambda arguments, at: one_line_script(arguments, at, after="sleep 60")
    told = {each.folder.name: each for each in place.engine(clock=EndsIt()).run(SIX, "run")}
    assert [name for name, each in told.items() if each.ok] == [FIRST]
    assert "someone terminated the cluster" in told[SECOND].error


def test_the_folders_own_error_is_what_people_read(emr: LocalEmr, place: EmrPlace) -> None:
    error = f"{FIRST}: it was not copied: copy it first."
    emr.command = lambda arguments, at: one_line_script(arguments, at, error=error)
    told = place.run([SIX[0]])[FIRST]
    assert told.error.startswith(f"{error} Attempt 1, step s-")
    assert len(emr.clusters[0].steps) == 1


def test_a_cluster_of_somebody_else_is_used_and_left_running(
    emr: LocalEmr, place: EmrPlace
) -> None:
    other = place.api().launch(launch_request(place.options, "other", []))
    emr.step_faults = {FIRST: [""]}
    assert all(each.ok for each in place.run(cluster_id=other).values())
    assert emr.living() == [other]
    assert len(emr.clusters) == 1


def test_cancelling_on_a_cluster_of_somebody_else_cancels_only_our_steps(
    emr: LocalEmr, place: EmrPlace
) -> None:
    emr.command = slow_after(FIRST)
    other = place.api().launch(launch_request(place.options, "other", []))
    results = place.start(cluster_id=other)
    next(results)
    results.close()  # type: ignore[attr-defined]
    ended = ["COMPLETED"] + ["CANCELLED"] * 5
    emr.wait_until(lambda: [step.state for step in emr.clusters[0].steps] == ended)
    assert emr.living() == [other]


def test_a_step_somebody_cancelled_is_not_tried_again(emr: LocalEmr, place: EmrPlace) -> None:
    emr.command = slow_after(FIRST, seconds=0.3)
    results = place.start(SIX[:3])
    next(results)
    last = emr.clusters[0].steps[2]
    place.api().cancel_steps(emr.clusters[0].id, [last.id])
    told = {each.folder.name: each for each in results}
    assert "someone cancelled the step" in told[NAMES[2]].error
    assert told[SECOND].ok
    assert len(emr.clusters[0].steps) == 3


def test_a_launch_whose_answer_was_lost_is_not_repeated(emr: LocalEmr, place: EmrPlace) -> None:
    emr.api.answers = {"RunJobFlow": ["lost:InternalServerException"]}
    assert all(each.ok for each in place.run().values())
    assert len(emr.clusters) == 1


def test_steps_whose_answer_was_lost_are_not_added_twice(emr: LocalEmr, place: EmrPlace) -> None:
    emr.step_faults = {FIRST: [""]}
    emr.api.answers = {"AddJobFlowSteps": ["lost:InternalServerException"]}
    assert all(each.ok for each in place.run().values())
    assert len(emr.clusters[0].steps) == 7


def test_a_throttled_launch_waits_and_goes_on(emr: LocalEmr, place: EmrPlace) -> None:
    emr.api.answers = {"RunJobFlow": ["ThrottlingException"] * 3}
    assert all(each.ok for each in place.run().values())
    assert len(emr.clusters) == 1


def test_a_refused_launch_fails_every_folder_with_the_reason(
    emr: LocalEmr, place: EmrPlace
) -> None:
    emr.api.answers = {"RunJobFlow": ["AccessDeniedException"]}
    told = place.run()
    assert sorted(told) == NAMES
    assert all("AWS refuses the request (AccessDenied" in each.error for each in told.values())
    assert emr.clusters == []
    assert emr.api.calls["RunJobFlow"] == 1


def test_more_folders_than_a_cluster_takes_are_added_as_others_end(
    emr: LocalEmr, place: EmrPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (backend, cluster):
        monkeypatch.setattr(module, "MOST_STEPS", 4)
    assert all(each.ok for each in place.run().values())
    assert len(emr.api.launched()[0]["Steps"]) == 4
    assert len(emr.clusters) == 1


@pytest.mark.parametrize("operation", ["ListSteps", "DescribeCluster"])
def test_a_while_without_an_answer_is_waited_out(place: EmrPlace, operation: str) -> None:
    place.emr.api.answers = {operation: ["InternalServerException", "ThrottlingException"] * 5}
    engine = place.engine()
    engine.api = place.impatient_api()
    assert all(each.ok for each in engine.run(SIX, "run"))
    assert len(place.emr.clusters) == 1


@pytest.mark.parametrize(
    ("errors", "sentence"),
    [
        (["ThrottlingException"] * 99, "AWS throttles the requests"),
        (["AccessDeniedException"], "AWS refuses the request"),
    ],
)
def test_an_api_that_stays_silent_ends_the_run_and_its_cluster(
    place: EmrPlace, errors: list[str], sentence: str
) -> None:
    place.emr.api.answers = {"ListSteps": errors}
    engine = place.engine()
    engine.api = place.impatient_api()
    told = list(engine.run(SIX, "run"))
    assert len(told) == len(SIX)
    assert all(sentence in each.error for each in told)
    assert place.emr.living() == []


def test_a_publication_without_one_row_is_a_failure_and_not_tried_again(
    tmp_path: Path,
) -> None:
    lake = open_store(str(tmp_path))
    totals = StructureTotals(documents=2, quarantined={"no_id": 2})
    record = PublicationRecord(FIRST, "run1", PUBLISHED, "c", "d", "1", [], [], [], totals)
    lake.put(publication_record_key(FIRST), record.to_json())

    told = RunResults(lake, "run1").of(Folder.parse(FIRST), 1)

    assert told is not None
    assert (told.ok, told.totals) == (False, totals)
    assert diagnose_unit(told.error, told.failure).cause is Cause.PERMANENT
