"""How long a run stays with a host, what it may find again, and what it leaves running."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from checkout_assets.domain.failures import Cause, Diagnosis
from checkout_assets.domain.folders import Folder, select_folders
from checkout_assets.engines.aws_requests import AwsRequestError
from checkout_assets.engines.fleet.backend import Found, Look, Numbers, Standing
from checkout_assets.engines.fleet.run import FleetRun
from checkout_assets.engines.seam import FolderOutcome
from checkout_assets_tests.scripted_fleet import (
    BROKEN,
    DENIED,
    FIRST,
    FOLDERS,
    NO_ANSWER,
    PACE,
    PASSES,
    SECOND,
    THIRD,
    THROTTLED,
    FakeBackend,
    FakeClock,
    FakeHost,
    FakeLook,
    Script,
    all_done,
    done,
    ended_well,
    fails,
    nothing,
    over,
    raises,
    run,
    started,
)
from spark_jobs.contract.failures import Failure

HOUR = Diagnosis(Cause.TRANSIENT, "its hour is over", 1, "Hour")
SILENT_POLLS = round(PACE.silence_seconds / PACE.poll_seconds)
LIVING = Standing("h7", alive=True)
ENDING = Standing("h8", alive=False)


def waits_before_launches(clock: FakeClock) -> int:
    """How often the run waited for a host that was ending."""
    return clock.slept.count(PACE.ending_poll_seconds)


def after_a_launch(backend: FakeBackend, *answers: Sequence[Standing]) -> None:
    """Nothing is found before a launch, then these, the last one always."""
    left = list(answers)

    def find() -> Sequence[Standing]:
        backend.finds += 1
        if not backend.launches:
            return []
        return left.pop(0) if len(left) > 1 else left[0]

    backend.find = find  # type: ignore[method-assign]


def ends_with(*folders: Folder, then: Script = nothing) -> Script:
    """These have succeeded; what ``then`` shows besides."""

    def look(host: FakeHost, numbers: Numbers[Folder]) -> FakeLook:
        ended = [ended_well(folder, numbers[folder]) for folder in folders]
        return replace(then(host, numbers), ended=ended)

    return look


def test_an_older_attempt_on_the_living_host_does_not_count() -> None:
    """A later one has left a record, so its number is taken."""
    held = {FIRST: Found(2, goes_on=True)}
    backend = FakeBackend(standing=[LIVING], held=held, before={FIRST.name: 4})
    assert all_done(run(backend))
    assert backend.seen[0] == ("h7", {FIRST: 5, SECOND: 1, THIRD: 1})


def test_a_living_host_that_has_too_many_folders_is_given_no_more() -> None:
    """It was launched when a host was given more."""
    folders = select_folders(["00_CheckoutOrder..04_CheckoutOrder"])
    held = {folder: Found(1, goes_on=True) for folder in folders[:2]}
    backend = FakeBackend(standing=[LIVING], held_by={"h7": held}, units_per_host=1)
    told = list(FleetRun(backend, folders, PACE, FakeClock()).results())
    assert {each.folder for each in told if each.host == "h7"} == set(held)
    assert [given for _, given in backend.launches] == [{folder: 1} for folder in folders[2:]]


def test_a_record_is_looked_for_by_the_latest_attempt_that_left_something() -> None:
    asked: list[Numbers[Folder]] = []
    backend = FakeBackend(before={SECOND.name: 4})

    def proven(numbers: Numbers[Folder]) -> Sequence[FolderOutcome]:
        asked.append(dict(numbers))
        return []

    backend.proven = proven  # type: ignore[method-assign]
    assert all_done(run(backend))
    assert asked == [{FIRST: 1, SECOND: 4, THIRD: 1}]


def test_a_host_that_still_works_is_not_waited_for_by_another_group() -> None:
    backend = FakeBackend(
        standing=[Standing("h7", alive=True, group=2)],
        held_by={"h7": {FIRST: Found(1, goes_on=True)}},
        scripts={"h7": [nothing] * 5},
        units_per_host=2,
        grows=False,
    )
    clock = FakeClock()
    assert all_done(run(backend, clock))
    assert waits_before_launches(clock) == 0


def test_a_host_that_does_not_end_is_waited_for_once() -> None:
    once, twice = FakeClock(), FakeClock()
    assert all_done(run(FakeBackend(standing=[ENDING]), once))
    assert all_done(run(FakeBackend(standing=[ENDING], script=[over(BROKEN)]), twice))
    assert waits_before_launches(twice) == waits_before_launches(once)


def test_runs_that_lost_their_hosts_together_do_not_launch_together() -> None:
    clock = FakeClock()
    assert all_done(run(FakeBackend(script=[over(BROKEN)]), clock))
    assert clock.slept == [30, 100, 30, 100]


def test_what_is_all_done_when_the_host_ends_needs_no_other_host() -> None:
    backend, clock, said = FakeBackend(), FakeClock(), list[str]()

    def look(_host: FakeHost, _numbers: Numbers[Folder]) -> FakeLook:
        backend.records = set(FOLDERS)
        return Look(over=BROKEN)

    backend.script = [look]
    told = {
        each.folder: each for each in FleetRun(backend, FOLDERS, PACE, clock, said.append).results()
    }
    assert all_done(told)
    assert clock.slept == [30, 100]
    assert len(said) == 1
    assert backend.terminated == ["h1"]


def test_an_end_that_is_told_twice_counts_once() -> None:
    twice: Script = lambda _host, _numbers: Look([ended_well(FIRST, 1)] * 2)  # noqa: E731
    results = list(started(FakeBackend(script=[twice])))
    assert [each.folder for each in results] == list(FOLDERS)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([over(HOUR, finished=True)] * 2, id="with work that it was given"),
        pytest.param(
            [fails(FIRST, PASSES), ends_with(SECOND, THIRD, then=over(HOUR)), over(HOUR)],
            id="before its end, with all that it was given",
        ),
        pytest.param(
            [fails(FIRST, PASSES), over(HOUR, finished=True), over(HOUR, finished=True)],
            id="with some of what it was given",
        ),
    ],
)
def test_a_host_that_left_work_undone_ended_for_its_own_reason(script: list[Script]) -> None:
    """Only one that ended by itself, and left nothing but what is tried again, counts as well."""
    told = run(FakeBackend(script=script, grows=False))
    assert told[FIRST].failure == Failure("Hour", transient=True)


def test_a_host_may_be_silent_as_long_as_it_is_allowed_to() -> None:
    backend = FakeBackend(script=[nothing] * (SILENT_POLLS + 1))
    assert all_done(run(backend))
    assert len(backend.launches) == 1


def test_a_host_whose_folders_end_is_not_silent() -> None:
    silent = [nothing] * (SILENT_POLLS - 2)
    backend = FakeBackend(script=[*silent, ends_with(FIRST), *silent])
    assert all_done(run(backend))
    assert len(backend.launches) == 1


def test_a_new_host_has_all_the_time_that_the_silent_one_had() -> None:
    backend = FakeBackend(script=[nothing] * (SILENT_POLLS + 2 + SILENT_POLLS))
    assert all_done(run(backend))
    assert len(backend.launches) == 2


def test_a_silent_host_is_gone_before_another_is_launched() -> None:
    """It may only be unable to tell."""
    backend, clock = FakeBackend(script=[nothing] * (SILENT_POLLS + 2)), FakeClock()
    gone_before: list[list[str]] = []
    new = backend.new

    def launched(numbers: Numbers[Folder], group: int) -> FakeHost:
        gone_before.append(list(backend.terminated))
        return new(numbers, group)

    backend.new = launched  # type: ignore[method-assign]
    assert all_done(run(backend, clock))
    assert gone_before == [[], ["h1"]]
    assert waits_before_launches(clock) == 0, "it was gone at once"


def test_progress_is_told_now_and_then_and_at_once_if_it_is_urgent() -> None:
    def at(number: int) -> Script:
        return lambda _host, _numbers: Look(
            sign=number, progress=f"poll {number}", urgent=number == 1
        )

    said: list[str] = []
    backend = FakeBackend(script=[at(number) for number in range(9)])
    list(FleetRun(backend, FOLDERS, PACE, FakeClock(), said.append).results())
    assert said[1:] == ["poll 0", "poll 1", "poll 4", "poll 7"]


def test_a_group_that_gives_up_ends_its_host_while_another_works() -> None:
    ended_before: list[list[str]] = []

    def look(host: FakeHost, numbers: Numbers[Folder]) -> FakeLook:
        ended_before.append(list(host.backend.terminated))
        return done(host, numbers)

    scripts = {"h1": [raises(DENIED)], "h2": [nothing, look]}
    told = run(FakeBackend(units_per_host=2, scripts=scripts))
    assert [folder for folder, each in told.items() if each.ok] == [THIRD]
    assert ended_before == [["h1"]]


def test_a_launch_that_was_refused_unread_is_not_looked_for() -> None:
    backend = FakeBackend(answers=[THROTTLED], repeats_safely=False)
    assert all_done(run(backend))
    assert backend.finds == 1


def test_only_what_lives_can_be_the_launch_whose_answer_was_lost() -> None:
    """As long as something is ending, the host may yet be seen; if nothing is there, it is not."""
    backend, clock = FakeBackend(answers=[NO_ANSWER], repeats_safely=False), FakeClock()
    after_a_launch(backend, [ENDING], [])
    told = run(backend, clock)
    assert {each.host for each in told.values()} == {"h2"}
    assert waits_before_launches(clock) == 1


@pytest.mark.parametrize(
    ("answers", "repeats_safely", "seen", "ended"),
    [
        pytest.param(
            [NO_ANSWER, DENIED], True, [[LIVING, ENDING]], ["h7"], id="and then was refused"
        ),
        pytest.param([NO_ANSWER], False, [[], [LIVING]], ["h2", "h7"], id="and then was repeated"),
    ],
)
def test_a_launch_that_was_not_answered_once_leaves_nothing_running(
    answers: list[AwsRequestError],
    repeats_safely: bool,
    seen: list[list[Standing]],
    ended: list[str],
) -> None:
    backend = FakeBackend(answers=[*answers], repeats_safely=repeats_safely)
    after_a_launch(backend, *seen)
    run(backend)
    assert backend.terminated == ended


def test_a_host_that_was_found_again_is_ended_even_if_nobody_can_look_again() -> None:
    backend = FakeBackend(answers=[NO_ANSWER], repeats_safely=False)
    after_a_launch(backend, [LIVING])
    results = started(backend)
    next(results)
    backend.find = raising(DENIED)  # type: ignore[method-assign]
    assert all(each.ok for each in results)
    assert backend.terminated == ["h7"]


def raising(error: Exception) -> Callable[[], Sequence[Standing]]:
    def find() -> Sequence[Standing]:
        raise error

    return find
