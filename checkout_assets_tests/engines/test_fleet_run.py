"""Each rule of a supervised run, with a clock that only waiting moves and a scripted backend."""

from collections.abc import Mapping, Sequence

import pytest

from checkout_assets.domain.folders import Folder
from checkout_assets.engines.fleet.backend import Found, Look, Numbers, Standing
from checkout_assets.engines.fleet.tags import GROUP_TAG, tagged_group
from checkout_assets_tests.scripted_fleet import (
    BROKEN,
    DENIED,
    ENDS,
    FIRST,
    FOLDERS,
    NO_ANSWER,
    NO_CAPACITY,
    PACE,
    PASSES,
    SECOND,
    SPOT,
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
from spark_jobs.stores import StoreError


def test_a_run_launches_one_host_waits_and_ends_it() -> None:
    backend, clock = FakeBackend(), FakeClock()
    told = run(backend, clock)
    assert all_done(told)
    assert {(each.host, each.attempts) for each in told.values()} == {("h1", 1)}
    assert clock.slept == [30, 100]
    assert backend.prepared == 1
    assert backend.terminated == ["h1"]


def test_what_records_prove_is_told_and_launches_nothing() -> None:
    backend = FakeBackend(records=set(FOLDERS))
    assert all_done(run(backend))
    assert (backend.launches, backend.prepared) == ([], 0)


def test_a_host_that_outlived_a_killed_run_is_ended_though_all_is_done() -> None:
    standing = [Standing("h9", alive=True)]
    backend = FakeBackend(records=set(FOLDERS), standing=standing, held_by={"h9": {}})
    assert all_done(run(backend))
    assert (backend.launches, backend.terminated) == ([], ["h9"])


def test_an_attempt_never_has_a_number_that_an_earlier_one_had() -> None:
    backend = FakeBackend(before={SECOND.name: 4})
    run(backend)
    assert backend.launches == [(0, {FIRST: 1, SECOND: 5, THIRD: 1})]


def test_a_living_host_is_attached_to_and_what_failed_there_is_done_again() -> None:
    held = {FIRST: Found(3, goes_on=True), SECOND: Found(2, goes_on=False)}
    backend = FakeBackend(standing=[Standing("h9", alive=True)], held=held)
    seen: list[Numbers[Folder]] = []

    def look(host: FakeHost, numbers: Numbers[Folder]) -> FakeLook:
        seen.append(numbers)
        return done(host, numbers)

    backend.script = [look, look]
    assert all_done(run(backend))
    assert backend.launches == []
    assert seen == [{FIRST: 3, SECOND: 3, THIRD: 1}, {SECOND: 3, THIRD: 1}]
    assert backend.terminated == ["h9"]


def test_an_attempt_that_failed_on_the_living_host_does_not_count_again() -> None:
    """Its number is the one that this run would give: no record of it has been left."""
    held = {FIRST: Found(1, goes_on=False)}
    backend = FakeBackend(standing=[Standing("h9", alive=True)], held=held)
    assert all_done(run(backend))
    assert backend.seen[0] == ("h9", {FIRST: 2, SECOND: 1, THIRD: 1})


def test_living_hosts_of_one_group_go_on_as_two() -> None:
    """As an earlier version left them; whoever replaces one must find no host of the other."""
    held_by = {
        "h8": {FIRST: Found(1, goes_on=True)},
        "h9": {SECOND: Found(1, goes_on=True), THIRD: Found(1, goes_on=True)},
    }
    backend = FakeBackend(
        standing=[Standing("h9", alive=True), Standing("h8", alive=True)],
        held_by=held_by,
        scripts={"h8": [over(BROKEN)], "h9": [over(BROKEN)]},
        grows=False,
    )
    assert all_done(run(backend))
    assert sorted(backend.groups) == [1, 2]


def test_a_host_that_is_ending_is_waited_for_before_another_is_launched() -> None:
    backend, clock = FakeBackend(standing=[Standing("h9", alive=False)]), FakeClock()
    assert all_done(run(backend, clock))
    assert clock.slept.count(PACE.ending_poll_seconds) > 10
    assert len(backend.launches) == 1


def test_an_end_of_another_attempt_does_not_count() -> None:
    stale: Script = lambda _host, _numbers: Look([ended_well(FIRST, 7)])  # noqa: E731
    backend = FakeBackend(script=[stale, over(ENDS)])
    assert not any(each.ok for each in run(backend).values())


def test_a_folder_that_failed_in_passing_is_tried_as_often_as_it_is_worth() -> None:
    backend = FakeBackend(script=[fails(FIRST, PASSES), fails(FIRST, PASSES)])
    told = run(backend)
    assert told[FIRST].attempts == 2
    assert told[FIRST].failure == Failure("Passing", transient=True)
    assert told[FIRST].error == (
        f"{FIRST}: it may pass. Attempt 2, step s-1. Its log ends: the end See https://it"
    )
    assert told[SECOND].ok
    assert len(backend.launches) == 1


def test_a_folder_that_failed_for_good_is_not_tried_again() -> None:
    told = run(FakeBackend(script=[fails(FIRST, ENDS, "Its own words.")]))
    assert told[FIRST].attempts == 1
    assert told[FIRST].failure == Failure("Never")
    assert told[FIRST].error.startswith("Its own words. Attempt 1, step s-1.")


def test_a_host_that_takes_no_more_work_ends_and_another_does_what_is_tried_again() -> None:
    finished = over(ENDS, gone=False, finished=True)
    first_two: Script = lambda _host, _numbers: Look([ended_well(SECOND, 1), ended_well(THIRD, 1)])  # noqa: E731
    backend = FakeBackend(grows=False, script=[fails(FIRST, PASSES), first_two, finished])
    told = run(backend, most_hosts=2)
    assert all_done(told)
    assert told[FIRST].attempts == 2
    assert [given for _, given in backend.launches] == [dict.fromkeys(FOLDERS, 1), {FIRST: 2}]


def test_a_host_that_broke_down_is_replaced_as_often_as_that_is_worth() -> None:
    backend = FakeBackend(script=[over(BROKEN)] * 9)
    told = run(backend)
    assert len(backend.launches) == 1 + BROKEN.retries
    assert backend.terminated == [], "they were gone already"
    assert {each.failure for each in told.values()} == {Failure("Broke", transient=True)}
    assert {each.attempts for each in told.values()} == {3}
    assert told[FIRST].error == (
        f"{FIRST}: not done, because it broke. Host h3. Its log ends: the end See https://it"
    )


def test_different_ends_are_counted_apart_and_together_by_the_runs_own_limit() -> None:
    ends = [over(BROKEN), over(SPOT), over(BROKEN), over(SPOT), over(SPOT)]
    backend = FakeBackend(script=list(ends))
    assert not any(each.ok for each in run(backend).values())
    assert len(backend.launches) == PACE.most_hosts
    assert all_done(run(FakeBackend(script=list(ends)), most_hosts=6))


def test_what_has_better_chances_elsewhere_is_launched_elsewhere() -> None:
    backend = FakeBackend(script=[over(SPOT), over(BROKEN)])
    assert all_done(run(backend))
    assert [choice for choice, _ in backend.launches] == [0, 1, 1]


def test_what_was_done_unseen_before_the_host_ended_is_believed() -> None:
    backend = FakeBackend()

    def look(_host: FakeHost, _numbers: Numbers[Folder]) -> FakeLook:
        backend.records = {SECOND}
        return Look(over=ENDS, gone=True)

    backend.script = [look]
    told = run(backend)
    assert [folder for folder, each in told.items() if each.ok] == [SECOND]
    assert told[SECOND].host == "h1"


def test_a_host_that_may_still_work_is_ended_before_another_is_launched() -> None:
    ended_before: list[str] = []

    def look(host: FakeHost, numbers: Numbers[Folder]) -> FakeLook:
        ended_before.extend(host.backend.terminated)
        return done(host, numbers)

    backend = FakeBackend(script=[over(BROKEN, gone=False), look])
    assert all_done(run(backend))
    assert ended_before == ["h1"]
    assert backend.terminated == ["h1", "h2"]


def test_a_host_that_tells_nothing_new_is_lost() -> None:
    told = [nothing] * 12
    backend = FakeBackend(script=[*told, done])
    assert all_done(run(backend))
    assert backend.terminated == ["h1", "h2"]


def test_a_host_that_tells_something_new_is_not_lost() -> None:
    goes_on: list[Script] = [
        lambda _host, _numbers, sign=sign: Look(sign=sign)  # type: ignore[misc]
        for sign in range(50)
    ]
    backend = FakeBackend(script=[*goes_on, done])
    assert all_done(run(backend))
    assert len(backend.launches) == 1


@pytest.mark.parametrize("error", [THROTTLED, NO_ANSWER, StoreError("AccessDenied", "place")])
def test_a_while_without_an_answer_is_waited_out(error: Exception) -> None:
    silent = [raises(error)] * PACE.most_silent_polls
    backend = FakeBackend(script=[*silent, nothing, *silent, done])
    assert all_done(run(backend))
    assert len(backend.launches) == 1


@pytest.mark.parametrize(
    ("error", "looks", "failure"),
    [
        (THROTTLED, 4, Failure("ThrottlingException", transient=True)),
        (DENIED, 1, Failure("AccessDeniedException")),
        (StoreError("NoSuchBucket", "place"), 4, Failure("NoSuchBucket")),
    ],
)
def test_who_stays_silent_or_refuses_ends_the_run_and_its_host(
    error: Exception, looks: int, failure: Failure
) -> None:
    backend = FakeBackend(script=[raises(error)] * 99)
    told = run(backend)
    assert {each.failure for each in told.values()} == {failure}
    assert (backend.looks, backend.terminated) == (looks, ["h1"])


def test_a_launch_in_passing_trouble_is_repeated_ever_more_slowly() -> None:
    backend, clock = FakeBackend(answers=[THROTTLED] * 5), FakeClock()
    assert all_done(run(backend, clock))
    assert clock.slept[1:6] == [6, 12, 24, 48, 90]


def test_a_launch_that_never_succeeds_is_given_up() -> None:
    backend = FakeBackend(answers=[THROTTLED] * 99)
    told = run(backend)
    assert len(backend.launches) == 8
    assert {each.failure for each in told.values()} == {
        Failure("ThrottlingException", transient=True)
    }
    assert backend.terminated == []


def test_a_refused_launch_is_not_repeated() -> None:
    backend = FakeBackend(answers=[DENIED] * 99)
    assert {each.failure for each in run(backend).values()} == {Failure("AccessDeniedException")}
    assert len(backend.launches) == 1


def test_a_lack_of_capacity_goes_through_all_choices_three_times() -> None:
    backend, clock = FakeBackend(answers=[NO_CAPACITY] * 99, choices=2), FakeClock()
    told = run(backend, clock)
    assert {each.failure for each in told.values()} == {Failure("NoCapacity", transient=True)}
    assert [choice for choice, _ in backend.launches] == [0, 1, 2, 3, 4, 5]
    assert clock.slept == [30, 90, 90]


def test_a_launch_whose_answer_was_lost_is_looked_for_unless_it_can_be_repeated() -> None:
    backend = FakeBackend(answers=[NO_ANSWER], repeats_safely=False)
    find = backend.find

    def found() -> Sequence[Standing]:
        find()
        return [Standing("h7", alive=True)] if backend.launches else []

    backend.find = found  # type: ignore[method-assign]
    assert {each.host for each in run(backend).values()} == {"h7"}
    assert len(backend.launches) == 1
    assert backend.terminated == ["h7"]


def test_a_launch_that_was_never_answered_leaves_nothing_running() -> None:
    backend = FakeBackend(answers=[NO_ANSWER] * 99)
    find = backend.find

    def found() -> Sequence[Standing]:
        find()
        return [Standing("h7", alive=True)] if backend.launches else []

    backend.find = found  # type: ignore[method-assign]
    run(backend)
    assert backend.terminated == ["h7"]


def test_closing_a_run_ends_its_host() -> None:
    one: Script = lambda _host, _numbers: Look([ended_well(FIRST, 1)])  # noqa: E731
    backend = FakeBackend(script=[one])
    results = started(backend)
    assert next(results).folder == FIRST
    results.close()  # type: ignore[attr-defined]
    assert backend.terminated == ["h1"]


def test_what_cannot_be_ended_hides_no_result(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(_host: str) -> None:
        raise DENIED

    backend = FakeBackend()
    backend.terminate = refuse  # type: ignore[method-assign]
    assert all_done(run(backend))
    assert "may still run" in caplog.text


def test_more_folders_than_a_host_takes_are_done_side_by_side() -> None:
    backend, clock = FakeBackend(units_per_host=2), FakeClock()
    told = run(backend, clock)
    assert all_done(told)
    assert [given for _, given in backend.launches] == [{FIRST: 1, SECOND: 1}, {THIRD: 1}]
    assert backend.groups == [1, 2]
    assert [told[folder].host for folder in FOLDERS] == ["h1", "h1", "h2"]
    assert clock.slept == [30, 100]
    assert sorted(backend.terminated) == ["h1", "h2"]


def test_a_host_that_has_done_its_part_is_ended_while_another_works() -> None:
    ended_before: list[list[str]] = []

    def look(host: FakeHost, numbers: Numbers[Folder]) -> FakeLook:
        ended_before.append(list(host.backend.terminated))
        return done(host, numbers)

    backend = FakeBackend(units_per_host=2, scripts={"h2": [nothing, look]})
    assert all_done(run(backend))
    assert ended_before == [["h1"]]


def test_both_hosts_of_a_killed_run_are_attached_to_with_what_each_was_given() -> None:
    held_by = {
        "h8": {FIRST: Found(1, goes_on=True), SECOND: Found(2, goes_on=False)},
        "h9": {THIRD: Found(4, goes_on=True)},
    }
    standing = [Standing("h9", alive=True, group=2), Standing("h8", alive=True, group=1)]
    backend = FakeBackend(standing=standing, held_by=held_by, units_per_host=2)
    told = run(backend)
    assert all_done(told)
    assert backend.launches == []
    assert [told[folder].host for folder in FOLDERS] == ["h8", "h8", "h9"]
    assert backend.seen == [("h9", {THIRD: 4}), ("h8", {FIRST: 1, SECOND: 3}), ("h8", {SECOND: 3})]
    assert sorted(backend.terminated) == ["h8", "h9"]


@pytest.mark.parametrize("grows", [False, True])
def test_what_no_living_host_was_given_goes_to_one_with_room_or_to_a_new_one(grows: bool) -> None:
    held_by = {"h9": {FIRST: Found(1, goes_on=True)}}
    backend = FakeBackend(
        standing=[Standing("h9", alive=True, group=2)],
        held_by=held_by,
        units_per_host=2,
        grows=grows,
    )
    told = run(backend)
    assert all_done(told)
    new = [{THIRD: 1}] if grows else [{SECOND: 1, THIRD: 1}]
    assert [given for _, given in backend.launches] == new
    assert backend.groups == [1]
    assert told[SECOND].host == ("h9" if grows else "h1")


@pytest.mark.parametrize(
    ("told", "group"),
    [
        ("2", 2),
        ("512", 512),
        ("1000", 1),
        ("", 1),
        ("0", 1),
        ("-1", 1),
        ("x", 1),
        ("\u0663", 1),
        ("9" * 99, 1),
    ],
)
def test_a_tag_that_names_no_group_is_of_the_first(told: str, group: int) -> None:
    """A host of an earlier version has no such tag at all."""
    assert tagged_group({GROUP_TAG: told} if told else {}) == group


def test_a_living_host_that_none_of_the_folders_needs_is_ended() -> None:
    held_by = {"h8": {folder: Found(1, goes_on=True) for folder in FOLDERS}, "h9": {}}
    standing = [Standing("h9", alive=True), Standing("h8", alive=True)]
    backend = FakeBackend(standing=standing, held_by=held_by, grows=False)
    assert all_done(run(backend))
    assert {host for host, _ in backend.seen} == {"h8"}
    assert sorted(backend.terminated) == ["h8", "h9"]


def test_only_what_is_launched_anew_waits_for_a_host_that_is_ending() -> None:
    standing = [Standing("h8", alive=False, group=1), Standing("h9", alive=True, group=2)]
    held_by = {"h9": {FIRST: Found(1, goes_on=True)}}
    backend = FakeBackend(standing=standing, held_by=held_by, units_per_host=2, grows=False)
    clock = FakeClock()
    results = started(backend, clock)
    assert next(results).folder == FIRST
    assert clock.slept == [30]
    assert all(each.ok for each in results)
    assert clock.slept.count(PACE.ending_poll_seconds) > 10
    assert backend.groups == [3]


def test_a_group_whose_hosts_are_used_up_fails_alone() -> None:
    scripts = {host: [over(BROKEN)] for host in ("h1", "h3", "h4")}
    backend = FakeBackend(units_per_host=2, scripts=scripts)
    told = run(backend)
    assert [folder for folder, each in told.items() if not each.ok] == [FIRST, SECOND]
    assert {told[folder].failure for folder in (FIRST, SECOND)} == {Failure("Broke", True)}
    assert (told[THIRD].host, told[THIRD].attempts) == ("h2", 1)
    assert backend.groups == [1, 2, 1, 1]


def test_a_group_that_waits_for_capacity_does_not_hold_up_another() -> None:
    backend = FakeBackend(units_per_host=2, answers=[NO_CAPACITY, None, NO_CAPACITY])
    clock = FakeClock()
    results = started(backend, clock)
    assert next(results).folder == THIRD
    assert sum(clock.slept) == 30 + 100
    assert all(each.ok for each in results)


def test_a_launch_whose_answer_was_lost_is_not_looked_for_among_other_groups() -> None:
    """h9 is the host of the second group, which may have been seen and is not the first's."""
    backend = FakeBackend(units_per_host=2, answers=[NO_ANSWER], repeats_safely=False)
    others, ours = Standing("h9", alive=True, group=2), Standing("h7", alive=True, group=1)
    find = backend.find

    def found() -> Sequence[Standing]:
        find()
        return [others, ours] if backend.launches else []

    backend.find = found  # type: ignore[method-assign]
    told = run(backend)
    assert [told[folder].host for folder in FOLDERS] == ["h7", "h7", "h2"]
    assert "h9" not in backend.terminated


@pytest.mark.parametrize("attached", [False, True])
def test_closing_a_run_ends_the_hosts_of_all_groups(attached: bool) -> None:
    """Also of one whose turn has not come yet."""
    one: Script = lambda _host, _numbers: Look([ended_well(FIRST, 1)])  # noqa: E731
    backend = FakeBackend(units_per_host=2, scripts={"h1": [one]})
    if attached:
        given = {folder: Found(1, goes_on=True) for folder in FOLDERS}
        backend.held_by = {
            "h1": {f: given[f] for f in (FIRST, SECOND)},
            "h2": {THIRD: given[THIRD]},
        }
        backend.standing = [
            Standing("h1", alive=True, group=1),
            Standing("h2", alive=True, group=2),
        ]
    results = started(backend)
    assert next(results).folder == FIRST
    results.close()  # type: ignore[attr-defined]
    assert sorted(backend.terminated) == ["h1", "h2"]


def test_an_interrupt_ends_the_hosts_of_all_groups() -> None:
    def interrupted(_host: FakeHost, _numbers: Numbers[Folder]) -> FakeLook:
        raise KeyboardInterrupt

    backend = FakeBackend(units_per_host=1, scripts={"h2": [interrupted]})
    with pytest.raises(KeyboardInterrupt):
        list(started(backend))
    assert sorted(backend.terminated) == ["h1", "h2", "h3"]


@pytest.mark.parametrize("error", [DENIED, StoreError("AccessDenied", "place")])
def test_what_cannot_be_attached_to_fails_the_run_and_is_ended(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> Mapping[Folder, Found]:
        raise error

    monkeypatch.setattr(FakeHost, "found", refuse)
    standing = [Standing("h8", alive=True), Standing("h9", alive=True, group=2)]
    backend = FakeBackend(standing=standing, units_per_host=2)
    told = run(backend)
    assert sorted(told) == list(FOLDERS)
    assert not any(each.ok for each in told.values())
    assert backend.launches == []
    assert sorted(backend.terminated) == ["h8", "h9"]


def test_what_could_not_be_ended_is_ended_with_the_run() -> None:
    backend, refusals = FakeBackend(units_per_host=2), [THROTTLED]
    terminate = backend.terminate

    def once(host: str) -> None:
        if refusals:
            raise refusals.pop()
        terminate(host)

    backend.terminate = once  # type: ignore[method-assign]
    assert all_done(run(backend))
    assert sorted(backend.terminated) == ["h1", "h2"]
