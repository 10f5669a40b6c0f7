"""A grant's record: how it stands at a time, what is told when it has ended, and its file."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from checkout_assets.domain.access.grants import GrantRecord, GrantState, Proof, granted, told
from checkout_assets.domain.errors import MigrationError

START = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
END = START + timedelta(days=30)
GRANT = granted("a team", START, END)
PROOF = Proof("2026-11-09T08:00:00+00:00", "2026-11-02T00:00:00+00:00", 512, 107_000_000)


@pytest.mark.parametrize(
    ("grant", "at", "expected"),
    [
        (GRANT, START, GrantState.ACTIVE),
        (GRANT, END - timedelta(seconds=1), GrantState.ACTIVE),
        (GRANT, END, GrantState.EXPIRED),
        (GRANT.revoked(START, None), START, GrantState.REVOKED),
        (GRANT.revoked(START, None), END, GrantState.REVOKED),
    ],
)
def test_a_grant_is_active_until_it_expires_or_is_revoked(
    grant: GrantRecord, at: datetime, expected: GrantState
) -> None:
    assert grant.standing(at) is expected


def test_an_active_grant_says_nothing_of_its_end() -> None:
    assert GRANT.ended(END - timedelta(seconds=1)) == ""


def test_after_revocation_the_end_and_the_last_proof_are_told() -> None:
    revoked = GRANT.revoked(START + timedelta(days=8), PROOF)
    assert revoked.ended(END) == (
        "Access to the source was revoked on 2026-11-09 09:30 UTC. The last proof: reconciled with "
        "the source on 2026-11-09 08:00 UTC, cut-off 2026-11-02T00:00:00+00:00: 512 of 512 folders "
        "complete, 107,000,000 objects."
    )


def test_an_expired_grant_ended_when_it_expired_although_it_was_revoked_later() -> None:
    expected = (
        "Access to the source expired on 2026-12-01 09:30 UTC. No proof was recorded with it."
    )
    assert GRANT.ended(END) == expected
    assert GRANT.revoked(END + timedelta(days=2), None).ended(END + timedelta(days=3)) == expected


def test_revoking_again_keeps_the_end_and_takes_a_later_proof() -> None:
    once = GRANT.revoked(START, None)
    assert once.revoked(END, None) == once
    assert once.revoked(END, PROOF) == replace(once, proof=PROOF)
    assert once.revoked(END, PROOF).revoked(END, None).proof == PROOF


def test_instants_are_told_in_utc_whatever_their_zone() -> None:
    east = timezone(timedelta(hours=3))
    assert told(START.astimezone(east)) == "2026-11-01 09:30 UTC"
    assert granted("x", START.astimezone(east), END.astimezone(east)) == replace(
        GRANT, requester="x"
    )


@pytest.mark.parametrize("grant", [GRANT, GRANT.revoked(START, None), GRANT.revoked(START, PROOF)])
def test_the_record_s_file_gives_it_back(grant: GrantRecord) -> None:
    assert GrantRecord.from_json(grant.to_json()) == grant


def changed(**fields: object) -> bytes:
    return json.dumps({**json.loads(GRANT.revoked(START, PROOF).to_json()), **fields}).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"requester": "x"}',
        b"\xff",
        changed(expires="soon"),
        changed(expires="2026-11-01T09:30:00"),
        changed(expires=5),
        changed(requester=["x"]),
        changed(proof="none"),
        changed(proof={"at": "2026-11-09T08:00:00+00:00"}),
        changed(proof={"at": "then", "as_of": "", "folders": 1, "objects": 1}),
        changed(proof={"at": "2026-11-09T08:00:00+00:00", "as_of": 1, "folders": 1, "objects": 1}),
        changed(
            proof={"at": "2026-11-09T08:00:00+00:00", "as_of": "", "folders": "1", "objects": 1}
        ),
    ],
)
def test_a_broken_record_is_refused_with_what_to_do(data: bytes) -> None:
    with pytest.raises(MigrationError, match="access grant or"):
        GrantRecord.from_json(data)
