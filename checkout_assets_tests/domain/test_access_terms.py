"""Terms of access: what is refused, and what follows from them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from checkout_assets.domain.access.bucket_policies import source_statements, target_statements
from checkout_assets.domain.access.role_policies import ROLE_POLICIES
from checkout_assets.domain.access.terms import AccessTerms, Place, expiry_after
from checkout_assets.domain.errors import UsageError

COPIER = "arn:aws-cn:iam::222222222222:role/team/copier"
RECONCILER = "arn:aws-cn:iam::222222222222:role/reconciler"
TERMS = AccessTerms(
    source=Place("source", "root/"),
    raw=Place("shared", "copies/"),
    lake=Place("shared", "tables/"),
    copy_role=COPIER,
    expires=datetime(2026, 12, 1, 3, tzinfo=timezone(timedelta(hours=3))),
    requester="Jane (data team)",
)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"copy_role": ""}, "The copy role"),
        ({"copy_role": "arn:aws:iam::222222222222:root"}, "The copy role"),
        ({"copy_role": "arn:aws:iam::222222222222:user/me"}, "The copy role"),
        ({"copy_role": COPIER + "*"}, "The copy role"),
        ({"worker_role": "worker"}, "The worker role"),
        ({"reconcile_role": "arn:aws:iam::2:role/x"}, "The reconcile role"),
        ({"structure_role": "EMR_EC2_DefaultRole"}, "The structure role"),
        ({"emr_service_role": "x"}, "The emr service role"),
        ({"grant_role": "x"}, "The grant role"),
        ({"source_key": "alias/key"}, "The KMS key of the source"),
        ({"raw_key": "arn:aws:kms:us-east-2:222222222222:key/*"}, "The KMS key of the raw"),
        ({"source": Place("source", "a*/")}, "which policies read as patterns"),
        ({"raw": Place("raw", "${aws:username}/")}, "which policies read as patterns"),
        ({"logs": Place("logs", "a?/")}, "which policies read as patterns"),
        ({"requester": " -- "}, "use --requester"),
    ],
)
def test_wrong_terms_are_refused_with_one_sentence(wrong: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UsageError, match=r"^[^\n]+$") as refused:
        replace(TERMS, **wrong)
    assert sentence in str(refused.value)


def test_hostile_terms_are_shown_harmless() -> None:
    with pytest.raises(UsageError) as refused:
        replace(TERMS, copy_role="\x1b[2Jrole\n")
    assert "\x1b" not in str(refused.value)


def test_policies_are_of_the_role_s_partition_and_end_in_utc() -> None:
    assert TERMS.bucket_arn(TERMS.source) == "arn:aws-cn:s3:::source"
    assert TERMS.expiry == "2026-12-01T00:00:00Z"
    assert TERMS.account == "222222222222"


@pytest.mark.parametrize(
    ("now", "days", "end"),
    [
        (datetime(2026, 11, 23, 0, 0, tzinfo=UTC), 1, datetime(2026, 11, 25, tzinfo=UTC)),
        (datetime(2026, 11, 23, 23, 59, tzinfo=UTC), 30, datetime(2026, 12, 24, tzinfo=UTC)),
        (
            datetime(2026, 11, 23, 23, 0, tzinfo=timezone(timedelta(hours=-3))),
            1,
            datetime(2026, 11, 26, tzinfo=UTC),
        ),
    ],
)
def test_a_grant_ends_at_the_midnight_after_its_last_day(
    now: datetime, days: int, end: datetime
) -> None:
    assert expiry_after(now, days) == end
    assert end - now >= timedelta(days=days)


@pytest.mark.parametrize("days", [-1, 0, 91, 10**9])
def test_a_grant_lasts_ninety_days_at_most(days: int) -> None:
    with pytest.raises(UsageError, match="1 to 90 days"):
        expiry_after(datetime(2026, 11, 23, tzinfo=UTC), days)


def test_only_the_copy_role_reads_objects_and_who_compares_only_lists() -> None:
    statements = source_statements(replace(TERMS, reconcile_role=RECONCILER))

    let_in = {action: each["Principal"]["AWS"] for each in statements for action in each["Action"]}
    assert let_in == {
        "s3:ListBucket": [COPIER, RECONCILER],
        "s3:GetObject": [COPIER],
        "s3:GetObjectTagging": [COPIER],
    }
    assert source_statements(replace(TERMS, reconcile_role=COPIER)) == source_statements(TERMS)


def test_raw_and_lake_in_one_bucket_get_one_policy() -> None:
    (statements,) = target_statements(TERMS).values()
    tls, copies = statements
    assert tls["Resource"] == ["arn:aws-cn:s3:::shared/copies/*", "arn:aws-cn:s3:::shared/tables/*"]
    assert all("/copies/" in each for each in copies["Resource"])
    assert {each["Effect"] for each in statements} == {"Deny"}


def test_a_lake_on_disk_needs_no_policy() -> None:
    terms = replace(TERMS, lake=None)
    assert list(target_statements(terms)) == ["shared"]
    assert ROLE_POLICIES["structure_role"](terms) == []


def test_ids_of_statements_say_what_and_for_whom_and_are_unique() -> None:
    for statements in (source_statements(TERMS), *target_statements(TERMS).values()):
        names = [each["Sid"] for each in statements]
        assert len(set(names)) == len(names)
        assert all(name.startswith("CheckoutAssets") for name in names)
        assert all(name.endswith("ByJaneDataTeam") for name in names)


@pytest.mark.parametrize("name", sorted(ROLE_POLICIES))
def test_ids_of_a_role_s_statements_are_unique(name: str) -> None:
    names = [each["Sid"] for each in ROLE_POLICIES[name](TERMS)]
    assert len(set(names)) == len(names)
