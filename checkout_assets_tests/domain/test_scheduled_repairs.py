"""Which folders the schedule repairs, how it counts its tries, and when it gives up."""

from datetime import UTC, datetime
from typing import Any

import pytest

from checkout_assets.domain.reconciliation import Reason, State
from checkout_assets.domain.reporting.outcome import Line, ReconciliationOutcome, ReportedFolder
from checkout_assets.domain.reporting.scheduled_repairs import (
    RepairState,
    ScheduledRepair,
    given_up,
    next_repair,
    state_after,
)

NOW = datetime(2026, 11, 27, 5, tzinfo=UTC)
A, B, C = "07_CheckoutOrder", "86_FulfillmentOrder", "E9_FulfillmentOrder"


def found(with_source: bool = True, **red: Reason) -> ReconciliationOutcome:
    """A reconciliation with these red folders, by the letters A, B and C."""
    names = {"A": A, "B": B, "C": C}
    folders = [
        ReportedFolder(names[each], "red", [Line(reason.code, reason.state.value, "Red.", 1)])
        for each, reason in red.items()
    ]
    return ReconciliationOutcome(
        NOW.isoformat(), "r", with_source, 512, 512 - len(red), 0, 0, 0, 0, 0, 0, folders
    )


def after(
    outcome: ReconciliationOutcome, before: RepairState | None, *repairs: ScheduledRepair
) -> RepairState:
    return state_after(outcome, before, repairs, NOW)


def repair(*folders: str, **how: Any) -> ScheduledRepair:
    return ScheduledRepair(frozenset(folders), **how)


def names(state: RepairState, tries: int = 3, most: int = 32, busy: str = "") -> list[str]:
    return [each.name for each in next_repair(state, tries, most, [busy])]


def test_only_what_running_again_may_help_is_repaired() -> None:
    red = found(A=Reason.NOT_COPIED, B=Reason.SOURCE_IS_EMPTY, C=Reason.FILES_MISSING)
    assert names(after(red, None)) == [A, C]


@pytest.mark.parametrize("reason", [each for each in Reason if each.state is State.RED])
def test_a_reason_beside_one_that_stays_is_not_repaired(reason: Reason) -> None:
    lines = [
        Line(each.code, "red", "Red.", 1) for each in (reason, Reason.QUARANTINE_SHARE_EXCEEDED)
    ]
    outcome = found()
    outcome.folders.append(ReportedFolder(A, "red", lines))
    assert names(after(outcome, None)) == []


def test_without_the_source_only_what_structuring_helps_is_repaired() -> None:
    red = found(False, A=Reason.NOT_COPIED, B=Reason.NOT_STRUCTURED)
    assert names(after(red, None)) == [B]


def test_yellow_folders_are_not_repaired() -> None:
    outcome = found()
    outcome.folders.append(ReportedFolder(A, "yellow", [Line("not_copied", "yellow", "So.", 1)]))
    assert names(after(outcome, None)) == []


def test_tries_are_counted_while_a_folder_stays_red_and_then_it_is_given_up() -> None:
    red = found(A=Reason.NOT_COPIED, B=Reason.NOT_COPIED)
    state = after(red, None)
    for _ in range(2):
        state = after(red, state, repair(A))
        assert given_up(state, 3) == []
        assert names(state) == [A, B]
    state = after(red, state, repair(A), repair(A, is_repeat=True))
    assert state.tries == {A: 3}
    assert given_up(state, 3) == [A]
    assert names(state) == [B]
    assert given_up(after(red, state), 3) == [A]


def test_a_folder_that_was_green_begins_anew() -> None:
    red = found(A=Reason.NOT_COPIED)
    state = after(red, after(red, None), *[repair(A, permanent=frozenset({A}))] * 3)
    assert given_up(state, 3) == [A]
    green = after(found(), state)
    assert (green.tries, green.permanent) == ({}, [])
    assert names(after(red, green)) == [A]


def test_a_permanent_failure_is_not_tried_again_whatever_the_limit() -> None:
    red = found(A=Reason.NOT_COPIED, B=Reason.NOT_COPIED)
    state = after(red, None, repair(A, B, permanent=frozenset({B})))
    assert given_up(state, 1000) == [B]
    assert names(state, tries=1000) == [A]
    assert given_up(after(red, state), 1000) == [B]


def test_the_least_tried_folders_come_first_and_busy_ones_are_left_out() -> None:
    red = found(A=Reason.NOT_COPIED, B=Reason.NOT_COPIED, C=Reason.NOT_COPIED)
    state = after(red, None, repair(A))
    assert names(state, most=2) == [B, C]
    assert names(state, most=2, busy=B) == [A, C]
