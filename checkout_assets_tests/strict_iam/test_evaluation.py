"""The evaluator against answers that AWS's documentation gives."""

from typing import Any

import pytest

from checkout_assets_tests.strict_iam.conditions import UnknownPolicyError
from checkout_assets_tests.strict_iam.evaluation import Ask, Caller, Document, Owner, allowed

HERE, THERE = "111111111111", "222222222222"
COPIER = f"arn:aws:iam::{THERE}:role/team/copier"
OBJECT = "arn:aws:s3:::bucket/folder/object"
READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/folder/*"}
FORBID = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
NOW = {"aws:currenttime": "2026-11-23T07:00:00+00:00", "aws:securetransport": "true"}


def policy(*statements: Document) -> Document:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def to(principal: Any, statement: Document = READ) -> Document:
    return {**statement, "Principal": principal}


def decide(
    own: Document | None,
    bucket: Document | None,
    account: str,
    owner: Owner = Owner.BUCKET,
    action: str = "s3:GetObject",
) -> bool:
    caller = Caller(COPIER, [policy(own)] if own else [])
    resource_policy = policy(bucket) if bucket else None
    return allowed(Ask(action, OBJECT, NOW), caller, resource_policy, account, owner)


ME, MY_ACCOUNT = {"AWS": [COPIER]}, {"AWS": f"arn:aws:iam::{THERE}:root"}
SOMEBODY = {"AWS": f"arn:aws:iam::{THERE}:role/copier"}


@pytest.mark.parametrize(
    ("own", "bucket", "account", "expected"),
    [
        (READ, None, THERE, True),
        (None, to(ME), THERE, True),
        (None, to("*"), THERE, True),
        (None, to({"AWS": "*"}), THERE, True),
        (None, to(MY_ACCOUNT), THERE, False),  # the account has to pass it on
        (READ, to(MY_ACCOUNT), THERE, True),
        (None, None, THERE, False),
        (READ, None, HERE, False),
        (None, to(ME), HERE, False),
        (READ, to(ME), HERE, True),
        (READ, to(MY_ACCOUNT), HERE, True),
        (READ, to({"AWS": THERE}), HERE, True),
        (READ, to({"AWS": HERE}), HERE, False),
        (READ, to(SOMEBODY), HERE, False),
        (READ, to({"Service": "s3.amazonaws.com"}), HERE, False),
        (READ, to(ME, FORBID), THERE, False),
        (FORBID, to(ME), HERE, False),
        (READ, to("*", FORBID), HERE, False),
        (READ, to(SOMEBODY, FORBID), THERE, True),
    ],
)
def test_one_account_needs_either_two_accounts_both_and_a_denial_wins(
    own: Document | None, bucket: Document | None, account: str, expected: bool
) -> None:
    assert decide(own, bucket, account) is expected


@pytest.mark.parametrize(
    ("own", "key", "account", "expected"),
    [
        (READ, None, THERE, False),
        (READ, to(MY_ACCOUNT), THERE, True),
        (None, to(MY_ACCOUNT), THERE, False),
        (None, to(ME), THERE, True),
        (READ, to(ME), HERE, True),
        (None, to(ME), HERE, False),
    ],
)
def test_a_key_s_policy_must_let_in_its_own_account_too(
    own: Document | None, key: Document | None, account: str, expected: bool
) -> None:
    assert decide(own, key, account, Owner.KEY) is expected


@pytest.mark.parametrize(
    ("statement", "action", "expected"),
    [
        ({"Action": "S3:getobject", "Resource": "*"}, "s3:GetObject", True),
        ({"Action": ["s3:Get*"], "Resource": "*"}, "s3:GetObjectTagging", True),
        ({"Action": "s3:GetObjec?", "Resource": "*"}, "s3:GetObject", True),
        ({"Action": "s3:GetObject", "Resource": "*"}, "s3:GetObjectTagging", False),
        ({"NotAction": "s3:PutObject", "Resource": "*"}, "s3:GetObject", True),
        ({"NotAction": "s3:Get*", "Resource": "*"}, "s3:GetObject", False),
        ({"Action": "*", "Resource": "arn:aws:s3:::bucket"}, "s3:GetObject", False),
        ({"Action": "*", "Resource": "arn:aws:s3:::bucket/Folder/*"}, "s3:GetObject", False),
        ({"Action": "*", "Resource": ["arn:aws:s3:::b/*", OBJECT]}, "s3:GetObject", True),
        ({"Action": "*", "NotResource": "arn:aws:s3:::bucket/folder/*"}, "s3:GetObject", False),
        ({"Action": "*", "Resource": "arn:aws:s3:::*/object"}, "s3:GetObject", True),
    ],
)
def test_actions_match_in_any_case_and_resources_in_theirs(
    statement: Document, action: str, expected: bool
) -> None:
    assert decide({"Effect": "Allow", **statement}, None, THERE, action=action) is expected


@pytest.mark.parametrize(
    ("condition", "context", "expected"),
    [
        ({"StringEquals": {"s3:prefix": ["a/", "b/"]}}, {"s3:prefix": "b/"}, True),
        ({"StringEquals": {"s3:prefix": ""}}, {"s3:prefix": ""}, True),
        ({"StringEquals": {"s3:prefix": ""}}, {}, False),
        ({"StringEquals": {"s3:prefix": "A/"}}, {"s3:prefix": "a/"}, False),
        ({"StringLike": {"s3:prefix": "a/?/*"}}, {"s3:prefix": "a/b/"}, True),
        ({"StringLike": {"s3:prefix": "a/*"}}, {"s3:prefix": "b/a/"}, False),
        ({"StringLike": {"S3:Prefix": "a/*"}}, {"s3:prefix": "a/"}, True),
        ({"StringLike": {"s3:prefix": "a/*"}}, {}, False),
        ({"StringLikeIfExists": {"s3:prefix": "a/*"}}, {}, True),
        ({"StringLikeIfExists": {"s3:prefix": "a/*"}}, {"s3:prefix": "b/"}, False),
        ({"StringNotEquals": {"s3:prefix": ["a/", "b/"]}}, {"s3:prefix": "b/"}, False),
        ({"StringNotLike": {"s3:prefix": "a/*"}}, {"s3:prefix": "b/"}, True),
        ({"StringNotLike": {"s3:prefix": "a/*"}}, {}, True),
        ({"Null": {"s3:prefix": "true"}}, {}, True),
        ({"Null": {"s3:prefix": True}}, {"s3:prefix": ""}, False),
        ({"Null": {"s3:prefix": "false"}}, {"s3:prefix": ""}, True),
        ({"Bool": {"aws:SecureTransport": True}}, {"aws:securetransport": "true"}, True),
        ({"Bool": {"aws:SecureTransport": ["true"]}}, {"aws:securetransport": "false"}, False),
        ({"Bool": {"aws:SecureTransport": "false"}}, {}, False),
        ({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::1:role/*"}}, {"p": "role/a/b"}, True),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/a"}}, {"p": "role/a"}, True),
        ({"ArnLike": {"aws:PrincipalArn": "arn:*"}}, {"p": "role/a"}, False),
        ({"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::1:role/a"}}, {"p": "role/a"}, False),
        ({"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::1:role/a"}}, {"p": "role/b"}, True),
        ({"DateLessThan": {"aws:CurrentTime": "2026-12-01T00:00:00Z"}}, {"t": "11-30T23"}, True),
        ({"DateLessThan": {"aws:CurrentTime": "2026-12-01T00:00:00Z"}}, {"t": "12-01T00"}, False),
        (
            {"DateLessThanEquals": {"aws:CurrentTime": "2026-12-01T00:00:00Z"}},
            {"t": "12-01T00"},
            True,
        ),
        ({"DateGreaterThan": {"aws:CurrentTime": "2026-12-01T00:00:00"}}, {"t": "12-01T00"}, False),
        (
            {"StringLike": {"s3:prefix": "a/*"}, "Bool": {"aws:SecureTransport": "true"}},
            {"s3:prefix": "a/", "aws:securetransport": "false"},
            False,
        ),
    ],
)
def test_conditions_hold_as_documented(
    condition: Document, context: dict[str, str], expected: bool
) -> None:
    given = dict(context)
    if "p" in given:
        given["aws:principalarn"] = f"arn:aws:iam::1:{given.pop('p')}"
    if "t" in given:
        given["aws:currenttime"] = f"2026-{given.pop('t')}:00:00+00:00"
    caller = Caller(COPIER, [policy({**READ, "Condition": condition})])
    assert allowed(Ask("s3:GetObject", OBJECT, given), caller, None, THERE) is expected


@pytest.mark.parametrize(
    "statement",
    [
        {**READ, "Condition": {"StringEqualsIgnoreCase": {"s3:prefix": "a"}}},
        {**READ, "Condition": {"ForAllValues:StringEquals": {"s3:prefix": "a"}}},
        {**READ, "Condition": {"StringEquals": {"aws:SourceIp": "10.0.0.1"}}},
        {**READ, "Action": "s3:Other", "Condition": {"NumericLessThan": {"s3:max-keys": "1"}}},
        {**READ, "Resource": "arn:aws:s3:::bucket/${aws:username}"},
        {**READ, "NotResource": "*"},
        {**READ, "Effect": "allow"},
        {**READ, "Principal": "*"},
        {**READ, "Comment": "none"},
        {"Effect": "Allow", "Action": "*"},
    ],
)
def test_what_is_not_known_in_a_role_s_policy_raises(statement: Document) -> None:
    with pytest.raises(UnknownPolicyError):
        decide(statement, None, THERE)


@pytest.mark.parametrize(
    "statement",
    [
        READ,
        {**READ, "NotPrincipal": ME},
        {**READ, "Principal": {"Federated": "x"}},
        {**READ, "Principal": "arn:aws:iam::1:root"},
    ],
)
def test_what_is_not_known_in_a_bucket_s_policy_raises(statement: Document) -> None:
    with pytest.raises(UnknownPolicyError):
        decide(READ, statement, THERE)


def test_a_policy_without_a_known_version_raises() -> None:
    caller = Caller(COPIER, [{"Version": "2020-01-01", "Statement": READ}])
    with pytest.raises(UnknownPolicyError):
        allowed(Ask("s3:GetObject", OBJECT, NOW), caller, None, THERE)
