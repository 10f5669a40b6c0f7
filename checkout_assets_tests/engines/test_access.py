"""Granting and revoking on a real S3 server: others' statements, races, roles, records."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from checkout_assets.domain.access.grants import GrantRecord, GrantState, Proof, granted
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.domain.folders import select_folders
from checkout_assets.engines.access.bucket_policy import MOST_WRITES
from checkout_assets.engines.access.grant_record import keep_grant
from checkout_assets.engines.access.granting import Granter
from checkout_assets.engines.access.status import look_at_access
from checkout_assets.engines.reconciling.places import reconciler_of
from checkout_assets_tests.engines.test_copying_terms import assumes, is_sts
from checkout_assets_tests.fault_proxy import Answer, FaultProxy, Request
from checkout_assets_tests.granted_place import (
    COPY_ROLE,
    GRANT_ROLE,
    NOW,
    THEIRS,
    GrantedPlace,
    asks_policy,
)
from checkout_assets_tests.orders_place import FOLDER, OrdersPlace
from checkout_assets_tests.scripted_fleet import FakeClock

OTHERS = {**THEIRS, "Sid": "AlsoTheirs"}
PROOF = Proof("2026-11-19T05:00:00+00:00", "2026-11-01T00:00:00+00:00", 512, 1_000)


@pytest.fixture
def access(place: OrdersPlace) -> GrantedPlace:
    return GrantedPlace(place)


def granter(access: GrantedPlace, **options: Any) -> Granter:
    return Granter(access.options(**options).policies(), access.raw.open(), FakeClock())


def grant(access: GrantedPlace, now: datetime = NOW, days: int = 30) -> GrantRecord:
    return granter(access).grant(access.options().terms("orders team", days, now), now)


def sids(access: GrantedPlace, bucket: str = "") -> list[str]:
    return [str(each.get("Sid")) for each in access.policy(bucket).statements]


def test_a_grant_keeps_the_statements_of_others_to_the_byte(access: GrantedPlace) -> None:
    access.write(THEIRS, {**OTHERS, "Sid": "CheckoutAssetsSomebodyElses"})
    before = access.policy().others
    made = grant(access)
    assert len(before) == 2
    assert access.policy().others == before
    assert len(access.policy().ours) == 3
    assert access.record() == made
    assert made.standing(NOW) is GrantState.ACTIVE
    assert made.expires == "2026-12-21T00:00:00+00:00"
    granter(access).revoke(NOW)
    assert access.policy().others == before
    assert not access.policy().ours


def test_raw_and_the_lake_are_protected_before_the_source_opens(
    access: GrantedPlace, proxy: FaultProxy
) -> None:
    grant(access)
    written = [each.path.split("?")[0] for each in proxy.seen if asks_policy(each, "PUT")]
    assert written == [f"/{b.bucket}" for b in (access.lake, access.raw, access.source)]


def test_granting_twice_writes_once_and_a_later_grant_replaces_the_earlier(
    access: GrantedPlace, proxy: FaultProxy
) -> None:
    first = grant(access)
    proxy.seen.clear()
    assert grant(access, NOW + timedelta(hours=3)) == first
    assert not [each for each in proxy.seen if each.method in {"PUT", "DELETE"}]
    later = grant(access, NOW + timedelta(days=3))
    assert later.expires > first.expires
    assert "2026-12-24T00:00:00Z" in access.policy().text
    assert "2026-12-21T00:00:00Z" not in access.policy().text
    assert len(access.policy().ours) == 3


def test_a_plan_writes_nothing(access: GrantedPlace, proxy: FaultProxy) -> None:
    text = access.write(THEIRS)
    planned = granter(access).plan_grant(access.options().terms("orders team", 30, NOW))
    granter(access).plan_revoke()
    assert [change.needed for change in planned] == [True, True, True]
    assert any(COPY_ROLE in line for line in planned[0].lines)
    assert not [each for each in proxy.seen if each.method != "GET" and not is_sts(each)]
    assert access.policy().text == text
    assert access.record() is None


def test_revoking_removes_a_policy_that_held_nothing_but_ours(
    access: GrantedPlace, proxy: FaultProxy
) -> None:
    grant(access)
    granter(access).revoke(NOW)
    assert sum(asks_policy(each, "DELETE") for each in proxy.seen) == len(
        access.options().policies()
    )
    for bucket in (access.source.bucket, access.raw.bucket, access.lake.bucket):
        with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
            access.client.get_bucket_policy(Bucket=bucket)


def test_the_record_tells_when_it_was_revoked_and_the_last_proof(access: GrantedPlace) -> None:
    assert granter(access).revoke(NOW) is None
    assert access.record() is None
    grant(access)
    at = NOW + timedelta(days=2)
    granter(access).revoke(at, PROOF)
    kept = access.record()
    assert kept is not None
    assert (kept.requester, kept.standing(at), kept.proof) == (
        "orders team",
        GrantState.REVOKED,
        PROOF,
    )
    granter(access).revoke(at + timedelta(days=1))
    assert access.record() == kept, "revoked again, it keeps its end and its proof"


def test_a_grant_without_a_record_is_revoked_and_told_of(access: GrantedPlace) -> None:
    grant(access)
    access.place.delete("_access/grant.json", access.raw)
    revoked = granter(access).revoke(NOW)
    assert revoked is not None
    assert revoked.requester == "not recorded"
    assert revoked.expires == "2026-12-21T00:00:00+00:00"
    assert not access.policy().ours


@pytest.mark.parametrize("end", ["31.12.2026", "2026-12-31", "1798675200", ["never"]])
def test_an_end_that_somebody_wrote_by_hand_stops_no_revocation(
    access: GrantedPlace, end: object
) -> None:
    grant(access)
    access.place.delete("_access/grant.json", access.raw)
    ours = [dict(each) for each in access.policy().ours]
    for statement in ours:
        statement["Condition"] = {"DateLessThan": {"aws:CurrentTime": end}}
    access.write(*ours)
    revoked = granter(access).revoke(NOW)
    assert revoked is not None
    assert revoked.standing(NOW) is GrantState.REVOKED
    assert not access.policy().ours


def test_a_broken_record_stops_neither_granting_nor_revoking(access: GrantedPlace) -> None:
    access.place.put("_access/grant.json", b"{", access.raw)
    grant(access)
    access.place.put("_access/grant.json", b"{", access.raw)
    granter(access).revoke(NOW)
    kept = access.record()
    assert kept is not None
    assert kept.standing(NOW) is GrantState.REVOKED


def test_a_change_between_showing_and_writing_is_merged(access: GrantedPlace) -> None:
    access.write(THEIRS)
    terms = access.options().terms("orders team", 30, NOW)
    ours = granter(access)
    ours.plan_grant(terms)
    access.write(THEIRS, OTHERS)
    ours.grant(terms, NOW)
    assert sids(access)[:2] == ["Theirs", "AlsoTheirs"]
    assert len(access.policy().ours) == 3


def overwritten(access: GrantedPlace, times: int, *theirs: dict[str, Any]) -> Callable[..., Any]:
    """Somebody who read before us writes over our first so many writes of the source's policy."""
    left = [times]

    def rule(request: Request) -> Answer | None:
        if not asks_policy(request, "PUT") or access.source.bucket not in request.path:
            return None
        left[0] -= 1
        if left[0] < 0:
            return None
        return Answer(204, done=True, then=lambda: access.write(*theirs), content=" ")

    return rule


def test_a_write_that_is_overwritten_is_made_anew_on_what_the_other_wrote(
    access: GrantedPlace, proxy: FaultProxy
) -> None:
    access.write(THEIRS)
    proxy.rule = overwritten(access, 2, THEIRS, OTHERS)
    grant(access)
    assert sids(access)[:2] == ["Theirs", "AlsoTheirs"]
    assert len(access.policy().ours) == 3


def test_a_revocation_that_is_overwritten_is_made_anew(
    access: GrantedPlace, proxy: FaultProxy
) -> None:
    access.write(THEIRS)
    grant(access)
    ours = [dict(each) for each in access.policy().ours]
    proxy.rule = overwritten(access, 1, THEIRS, *ours, OTHERS)
    granter(access).revoke(NOW)
    assert sids(access) == ["Theirs", "AlsoTheirs"]


def test_a_policy_that_is_always_overwritten_is_an_error_and_no_grant(
    access: GrantedPlace, proxy: FaultProxy
) -> None:
    proxy.rule = overwritten(access, 99, THEIRS)
    with pytest.raises(MigrationError, match="does not keep its policy: someone else writes it"):
        grant(access)
    puts = [each for each in proxy.seen if asks_policy(each, "PUT")]
    assert len([each for each in puts if access.source.bucket in each.path]) == MOST_WRITES
    assert access.record() is None
    assert sids(access) == ["Theirs"]


def test_an_answer_that_is_only_late_does_not_lead_to_another_write(
    access: GrantedPlace, proxy: FaultProxy
) -> None:
    """S3 may still tell the old policy just after a new one was put."""
    old = access.write(THEIRS)
    stale = [0]

    def rule(request: Request) -> Answer | None:
        about = access.source.bucket in request.path
        if about and asks_policy(request, "PUT"):
            stale[0] = 1
        elif about and asks_policy(request, "GET") and stale[0]:
            stale[0] -= 1
            return Answer(200, content=old)
        return None

    proxy.rule = rule
    grant(access)
    puts = [each for each in proxy.seen if asks_policy(each, "PUT")]
    assert len([each for each in puts if access.source.bucket in each.path]) == 1


def test_only_the_sources_policy_is_changed_by_the_role_in_its_account(
    access: GrantedPlace, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", proxy.endpoint_url)
    proxy.rule = lambda request: assumes(3600) if is_sts(request) else None
    ours = granter(access, source_grant_role_arn=GRANT_ROLE)
    ours.grant(access.options().terms("orders team", 30, NOW), NOW)
    ours.revoke(NOW)
    by_role = [each for each in proxy.seen if "ASIAMADEUP" in each.headers.get("authorization", "")]
    by_us = [each for each in proxy.seen if each not in by_role and not is_sts(each)]
    policies = [each for each in by_role if asks_policy(each)]
    assert policies
    assert all(access.source.bucket in each.path for each in by_role)
    assert not [each for each in by_us if access.source.bucket in each.path]
    proxy.seen.clear()
    look_at_access(access.options(source_grant_role_arn=GRANT_ROLE), NOW)
    assert not [each for each in proxy.seen if is_sts(each)], "only grant and revoke take the role"


@pytest.mark.parametrize(
    ("method", "code", "sentence"),
    [
        ("GET", "AccessDenied", "is denied: s3:GetBucketPolicy must be allowed there"),
        ("PUT", "AccessDenied", "is denied: s3:PutBucketPolicy must be allowed there"),
        ("GET", "MethodNotAllowed", "belongs to another account: name a role of that account"),
        ("PUT", "MalformedPolicy", "The roles that it names must exist"),
        ("GET", "NoSuchBucket", "cannot be used: the bucket does not exist"),
    ],
)
def test_a_refusal_is_one_sentence(
    access: GrantedPlace, proxy: FaultProxy, method: str, code: str, sentence: str
) -> None:
    proxy.rule = lambda each: (
        Answer(403, code, message="\u202egnp") if asks_policy(each, method) else None
    )
    with pytest.raises(UsageError, match=re.escape(sentence)) as told:
        grant(access)
    assert "\u202e" not in str(told.value)
    assert "\n" not in str(told.value)
    assert access.record() is None


def test_a_role_that_cannot_be_assumed_is_one_sentence(
    access: GrantedPlace, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", proxy.endpoint_url)
    denied = Answer(
        403, content="<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"
    )
    proxy.rule = lambda request: denied if is_sts(request) else None
    with pytest.raises(UsageError, match="cannot be assumed: STS answers AccessDenied"):
        granter(access, source_grant_role_arn=GRANT_ROLE)


def test_what_was_written_before_a_refusal_is_told(access: GrantedPlace, proxy: FaultProxy) -> None:
    proxy.rule = lambda each: (
        Answer(403, "AccessDenied")
        if asks_policy(each, "PUT") and access.source.bucket in each.path
        else None
    )
    with pytest.raises(MigrationError, match="What was written before that stays") as told:
        grant(access)
    assert f"({access.lake.bucket}, {access.raw.bucket})" in str(told.value)
    assert access.record() is None


def test_a_record_that_cannot_be_written_is_told_and_the_next_try_mends_it(
    access: GrantedPlace, proxy: FaultProxy
) -> None:
    proxy.rule = lambda each: (
        Answer(403, "AccessDenied") if each.method == "PUT" and "_access" in each.path else None
    )
    with pytest.raises(MigrationError, match="record of the grant was not written"):
        grant(access)
    assert access.policy().ours
    proxy.rule = lambda _: None
    grant(access)
    assert access.record() is not None


def test_status_tells_granted_expired_and_revoked(access: GrantedPlace) -> None:
    assert look_at_access(access.options(), NOW).standing is GrantState.NEVER
    grant(access)
    seen = look_at_access(access.options(), NOW)
    assert (seen.standing, seen.problems) == (GrantState.ACTIVE, [])
    assert [len(each.ours) for each in seen.buckets] == [3, 2, 1]
    late = look_at_access(access.options(), NOW + timedelta(days=40))
    assert late.standing is GrantState.EXPIRED
    assert f"{access.source.bucket} still holds 3 of our statements" in late.problems[0]
    granter(access).revoke(NOW)
    ended = look_at_access(access.options(), NOW)
    assert ended.standing is GrantState.REVOKED
    assert ended.problems == [
        "Access has ended, but the source still answers: a statement that someone else wrote "
        "allows us."
    ]


def test_status_without_the_sources_account_says_what_it_does_not_see(
    access: GrantedPlace, proxy: FaultProxy
) -> None:
    grant(access)
    proxy.rule = lambda each: (
        Answer(405, "MethodNotAllowed")
        if asks_policy(each) and access.source.bucket in each.path
        else None
    )
    seen = look_at_access(access.options(), NOW)
    assert "belongs to another account" in seen.buckets[0].unseen
    assert seen.problems == []


def test_denied_records_are_told_and_count_for_nothing(
    access: GrantedPlace, proxy: FaultProxy
) -> None:
    access.place.put("_manifests/0A_CheckoutOrder/current.json", b"{}", access.raw)
    proxy.rule = lambda each: (
        Answer(403, "AccessDenied") if each.path.endswith("current.json") else None
    )
    seen = look_at_access(access.options(), NOW)
    assert seen.done.unseen == "S3 answers AccessDenied"
    proxy.rule = lambda _: None
    done = look_at_access(access.options(), NOW).done
    assert (done.copied, done.unseen) == (0, ""), "a broken one is no copy"


# What reconciliation makes of it.


def compare(access: GrantedPlace) -> tuple[str, str]:
    """The sentence about the end, and the first cause of the folder."""
    engine = reconciler_of(access.source, access.raw, access.lake, NOW)
    (told,) = engine.run(select_folders([FOLDER]), "run")
    return engine.ended, told.error


@pytest.fixture
def copied(access: GrantedPlace, proxy: FaultProxy) -> GrantedPlace:
    """A copied folder, behind a proxy that closes the source unless it is granted."""
    access.place.put(f"{FOLDER}/A/id/1", b'{"Id": "1"}')
    access.place.copy_one()
    proxy.rule = access.closed_unless_granted()
    return access


@pytest.mark.parametrize("active", [False, True])
def test_a_closed_source_without_an_ended_grant_is_loud(copied: GrantedPlace, active: bool) -> None:
    if active:
        keep_grant(copied.raw.open(), granted("orders team", NOW, NOW + timedelta(days=9)))
    with pytest.raises(UsageError, match="cannot be used: access to it is denied"):
        compare(copied)


def test_after_revocation_raw_and_lake_are_compared_and_the_end_is_told(
    copied: GrantedPlace,
) -> None:
    grant(copied)
    assert compare(copied) == ("", f"{FOLDER}: it was not structured.")
    granter(copied).revoke(NOW, PROOF)
    ended, error = compare(copied)
    assert ended == (
        "Access to the source was revoked on 2026-11-20 09:30 UTC. The last proof: reconciled with "
        "the source on 2026-11-19 05:00 UTC, cut-off 2026-11-01T00:00:00+00:00: 512 of 512 folders "
        "complete, 1,000 objects."
    )
    assert error == f"{FOLDER}: it was not structured."


def test_a_source_that_still_answers_is_compared_after_the_end_too(
    copied: GrantedPlace, proxy: FaultProxy
) -> None:
    grant(copied)
    granter(copied).revoke(NOW)
    proxy.rule = lambda _: None
    copied.place.put(f"{FOLDER}/A/id/2", b'{"Id": "2"}')
    ended, error = compare(copied)
    assert ended == ""
    assert error == f"{FOLDER}: it was not structured."


def test_after_expiry_it_is_told_as_expired(copied: GrantedPlace) -> None:
    keep_grant(copied.raw.open(), granted("orders team", NOW, datetime(2026, 11, 20, tzinfo=UTC)))
    assert compare(copied)[0].startswith("Access to the source expired on 2026-11-20 00:00 UTC.")


def test_a_broken_record_is_loud_for_the_comparison(copied: GrantedPlace) -> None:
    copied.place.put("_access/grant.json", b"{", copied.raw)
    with pytest.raises(MigrationError, match="record of the grant cannot be read"):
        compare(copied)
