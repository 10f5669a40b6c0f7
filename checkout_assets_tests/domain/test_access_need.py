"""When a grant has outlived its need."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from checkout_assets.domain.access.grants import granted
from checkout_assets.domain.access.need import Need, Reconciled, judge_need
from checkout_assets.domain.anomalies import Severity

DAY = timedelta(days=1)
NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
CUT_OFF = "2026-11-01T00:00:00+00:00"
GRANT = granted("a team", NOW - 20 * DAY, NOW + 10 * DAY)
WHOLE = Reconciled(NOW - 8 * DAY, 512, 512, 1000, True, CUT_OFF, NOW - 9 * DAY)


def need(history: Sequence[Reconciled] = (WHOLE,), **about: Any) -> Need:
    usual: dict[str, Any] = {
        "grant": GRANT,
        "reachable": True,
        "history": history,
        "as_of": CUT_OFF,
        "at_work": (),
        "now": NOW,
        "grace": 7 * DAY,
    }
    return Need(**{**usual, **about})


def test_a_grant_that_nobody_needs_any_more_is_red_with_what_to_do() -> None:
    found = judge_need(need())
    assert (found.rule, found.passed, found.severity) == (
        "no_grant_outlives_its_need",
        False,
        Severity.ERROR,
    )
    assert "Revoke it: checkout-assets access revoke --yes" in found.summary
    assert "ends by itself on 2026-12-03 07:00 UTC" in found.summary


@pytest.mark.parametrize(
    ("about", "summary"),
    [
        ({"grace": 9 * DAY}, "until 2026-11-24 07:00 UTC, when its revocation is proposed"),
        ({"at_work": ["run-1"]}, "in use (it ends by itself on 2026-12-03 07:00 UTC): active runs"),
        ({"history": ()}, "nothing was reconciled yet"),
        ({"history": [replace(WHOLE, complete=511)]}, "511 of 512 folders were complete"),
        ({"history": [replace(WHOLE, folders=2, complete=2)]}, "2 of 512 folders were complete"),
        ({"history": [replace(WHOLE, with_source=False)]}, "did not look at the source"),
        ({"history": [replace(WHOLE, as_of="")]}, "up to the cut-off that raw keeps"),
        ({"history": [replace(WHOLE, as_of="")], "as_of": ""}, "up to different cut-offs"),
        ({"as_of": "2026-11-20T00:00:00+00:00"}, "up to the cut-off that raw keeps"),
        ({"history": [replace(WHOLE, complete=0, at=NOW), WHOLE]}, "0 of 512"),
        ({"reachable": False}, "Nobody has access to the source."),
        ({"reachable": None, "grant": None}, "Nobody has access to the source."),
        ({"reachable": None, "now": NOW + 10 * DAY}, "expired on 2026-12-03 07:00 UTC"),
        ({"reachable": False, "grant": GRANT.revoked(NOW, None)}, "was revoked on 2026-11-23"),
    ],
)
def test_a_grant_that_is_needed_or_over_is_green_and_says_why(
    about: dict[str, Any], summary: str
) -> None:
    found = judge_need(need(**about))
    assert found.passed
    assert summary in found.summary


@pytest.mark.parametrize("grant", [None, GRANT.revoked(NOW, None)])
def test_a_source_that_answers_is_open_whatever_was_recorded(grant: Any) -> None:
    found = judge_need(need(grant=grant))
    assert not found.passed
    assert "someone else granted us access" in found.summary


def test_without_an_answer_of_the_source_the_record_counts() -> None:
    assert not judge_need(need(reachable=None)).passed


@pytest.mark.parametrize(
    ("history", "since"),
    [
        ([WHOLE], WHOLE.at),
        ([replace(WHOLE, at=NOW), WHOLE], WHOLE.at),
        (
            [replace(WHOLE, at=NOW), replace(WHOLE, complete=1), replace(WHOLE, at=NOW - 20 * DAY)],
            NOW,
        ),
        ([replace(WHOLE, at=NOW), replace(WHOLE, as_of="another")], NOW),
        ([replace(WHOLE, at=NOW, last_listed=NOW - DAY), WHOLE], NOW - DAY),
        ([replace(WHOLE, last_listed=None)], WHOLE.at),
        ([replace(WHOLE, complete=1), WHOLE], None),
        ([], None),
    ],
)
def test_grace_begins_with_the_first_proof_after_the_last_copy(
    history: list[Reconciled], since: datetime | None
) -> None:
    assert need(history).done_since == since


def test_the_proof_that_is_kept_tells_what_was_complete() -> None:
    proof = need().proof
    assert proof is not None
    assert str(proof.proof()) == (
        f"reconciled with the source on 2026-11-15 07:00 UTC, cut-off {CUT_OFF}: 512 of 512 "
        "folders complete, 1,000 objects"
    )


def test_a_reconciliation_of_some_folders_neither_proves_nor_disproves() -> None:
    """Where the others keep an earlier result; a copy since then is seen, and so is a red one."""
    part = replace(WHOLE, at=NOW, in_full=False)
    assert not judge_need(need([part, WHOLE])).passed
    assert need([part, WHOLE]).proof == WHOLE
    assert "nothing was reconciled yet" in judge_need(need([part])).summary
    copied_since = replace(part, last_listed=NOW - DAY)
    assert need([copied_since, WHOLE]).done_since == NOW - DAY
    red = replace(part, complete=511)
    assert "511 of 512 folders were complete" in judge_need(need([part, red, WHOLE])).summary
