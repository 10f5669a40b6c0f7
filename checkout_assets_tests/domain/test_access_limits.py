"""What denials and the policies of endpoints and keys take away from a role."""

from typing import Any

import pytest

from checkout_assets.domain.access.circumstances import Circumstances
from checkout_assets.domain.access.limits import denied_by, not_allowed_by

ROLE = "arn:aws:iam::123456789012:role/copy"
GIVEN = Circumstances(ROLE, "2026-11-27T12:00:00Z")
RAW = "arn:aws:s3:::raw/copies/*"
NEEDED = [{"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": [RAW]}]
PERMISSION = ("s3:PutObject", RAW)
YES, NO, MAYBE = "yes", "no", "not known"


def statement(effect: str, **elements: Any) -> dict[str, Any]:
    return {"Effect": effect, "Principal": "*", "Action": "s3:*", "Resource": "*", **elements}


CONDITIONS = [
    ({}, YES),
    ({"Bool": {"aws:SecureTransport": "false"}}, NO),
    ({"Bool": {"aws:SecureTransport": False}}, NO),
    ({"BoolIfExists": {"aws:SecureTransport": ["true"]}}, YES),
    ({"ArnNotEquals": {"aws:PrincipalArn": [ROLE]}}, NO),
    ({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/other-*"}}, YES),
    ({"StringNotLike": {"AWS:principalarn": "*:role/copy"}}, NO),
    ({"StringNotEquals": {"aws:PrincipalAccount": ["123456789012"]}}, NO),
    ({"StringEquals": {"aws:PrincipalAccount": "999999999999"}}, NO),
    ({"DateGreaterThan": {"aws:CurrentTime": "2027-01-01T00:00:00Z"}}, NO),
    ({"DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}, YES),
    ({"DateLessThan": {"aws:CurrentTime": "2026-11-27T12:00:01Z"}}, YES),
    ({"DateLessThan": {"aws:CurrentTime": GIVEN.now}}, NO),
    ({"DateLessThanEquals": {"aws:CurrentTime": GIVEN.now}}, YES),
    ({"DateLessThanEquals": {"aws:CurrentTime": "2026-11-27T11:59:59Z"}}, NO),
    ({"DateGreaterThan": {"aws:CurrentTime": GIVEN.now}}, NO),
    ({"DateGreaterThanEquals": {"aws:CurrentTime": GIVEN.now}}, YES),
    ({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::*:role/copy"}}, YES),
    ({"StringEqualsIgnoreCase": {"aws:PrincipalType": "assumedrole"}}, YES),
    ({"StringNotEquals": {"aws:PrincipalType": "AssumedRole"}}, NO),
    ({"StringEquals": {"kms:CallerAccount": "123456789012"}}, YES),
    ({"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}, MAYBE),
    ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, MAYBE),
    ({"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}, MAYBE),
    ({"StringNotLike": {"aws:PrincipalArn": "${aws:userid}"}}, MAYBE),
    ({"ForAnyValue:StringEquals": {"aws:PrincipalAccount": "1"}}, MAYBE),
    ({"Null": {"aws:PrincipalArn": "true"}}, MAYBE),
    # One condition that does not hold is enough, whatever is not known beside it.
    (
        {
            "StringNotEquals": {"aws:SourceVpce": "vpce-1"},
            "ArnNotEquals": {"aws:PrincipalArn": ROLE},
        },
        NO,
    ),
]


@pytest.mark.parametrize(("condition", "applies"), CONDITIONS, ids=range(len(CONDITIONS)))
@pytest.mark.parametrize("own", [True, False])
def test_a_denial_counts_if_its_conditions_hold(
    condition: dict[str, Any], applies: str, own: bool
) -> None:
    found = denied_by([statement("Deny", Condition=condition)], NEEDED, GIVEN, own)
    assert list(found.taken) == ([PERMISSION] if applies == YES else [])
    assert list(found.unsure) == ([PERMISSION] if applies == MAYBE else [])


@pytest.mark.parametrize(("condition", "applies"), CONDITIONS, ids=range(len(CONDITIONS)))
def test_what_an_endpoint_or_a_key_allows_counts_if_its_conditions_hold(
    condition: dict[str, Any], applies: str
) -> None:
    found = not_allowed_by([statement("Allow", Condition=condition)], NEEDED, GIVEN)
    assert list(found.taken) == ([PERMISSION] if applies == NO else [])
    assert list(found.unsure) == ([PERMISSION] if applies == MAYBE else [])


@pytest.mark.parametrize(
    ("principal", "applies"),
    [
        ({"Principal": "*"}, YES),
        ({"Principal": {"AWS": "*"}}, YES),
        ({"Principal": {"AWS": ["arn:aws:iam::123456789012:root"]}}, YES),
        ({"Principal": {"AWS": "123456789012"}}, YES),
        ({"Principal": {"AWS": [ROLE]}}, YES),
        ({"Principal": {"AWS": "arn:aws:iam::123456789012:role/other"}}, NO),
        ({"Principal": {"Service": "cloudtrail.amazonaws.com"}}, NO),
        ({"NotPrincipal": {"AWS": [ROLE]}}, MAYBE),
    ],
)
def test_a_denial_counts_if_it_names_the_role(principal: dict[str, Any], applies: str) -> None:
    denying = statement("Deny")
    del denying["Principal"]
    found = denied_by([{**denying, **principal}], NEEDED, GIVEN, own=False)
    assert bool(found.taken) is (applies == YES)
    assert bool(found.unsure) is (applies == MAYBE)


@pytest.mark.parametrize(
    ("elements", "applies"),
    [
        ({"Action": "s3:putobject"}, True),
        ({"Action": ["s3:Get*", "s3:Put*"]}, True),
        ({"Action": "s3:GetObject"}, False),
        ({"Resource": "arn:aws:s3:::raw/*"}, True),
        ({"Resource": "arn:aws:s3:::raw/copies/0A_CheckoutOrder/*"}, True),
        ({"Resource": "arn:aws:s3:::other/*"}, False),
    ],
)
def test_a_denial_counts_if_it_touches_what_is_needed(
    elements: dict[str, Any], applies: bool
) -> None:
    found = denied_by([statement("Deny", **elements)], NEEDED, GIVEN, own=False)
    assert bool(found.taken) is applies


@pytest.mark.parametrize(
    ("element", "value", "applies"),
    [
        ("NotAction", "s3:Get*", True),
        ("NotAction", ["s3:Put*"], False),
        ("NotResource", "arn:aws:s3:::other/*", True),
        ("NotResource", ["arn:aws:s3:::raw/*"], False),
    ],
)
def test_a_denial_of_everything_else_counts_too(element: str, value: Any, applies: bool) -> None:
    denying = statement("Deny", **{element: value})
    del denying[element.removeprefix("Not")]
    assert bool(denied_by([denying], NEEDED, GIVEN, own=False).taken) is applies


def test_a_part_is_not_enough_where_all_has_to_be_allowed() -> None:
    part = statement("Allow", Resource="arn:aws:s3:::raw/copies/0A_CheckoutOrder/*")
    assert list(not_allowed_by([part], NEEDED, GIVEN).taken) == [PERMISSION]
    assert list(not_allowed_by([], NEEDED, GIVEN).taken) == [PERMISSION]


def test_a_single_character_does_not_stand_for_all_keys() -> None:
    allowed = statement("Allow", Resource="arn:aws:s3:::raw/copies/?")
    assert list(not_allowed_by([allowed], NEEDED, GIVEN).taken) == [PERMISSION]


def test_a_denial_wins_over_what_is_allowed() -> None:
    policy = [statement("Allow"), statement("Deny", Action="s3:Put*")]
    assert list(not_allowed_by(policy, NEEDED, GIVEN).taken) == [PERMISSION]


def test_a_denial_that_may_apply_makes_what_is_allowed_unsure() -> None:
    perhaps = statement("Deny", Condition={"StringNotEquals": {"aws:SourceVpce": "vpce-1"}})
    found = not_allowed_by([statement("Allow"), perhaps], NEEDED, GIVEN)
    assert (list(found.taken), list(found.unsure)) == ([], [PERMISSION])


def test_what_is_taken_is_not_unsure_as_well() -> None:
    perhaps = statement("Deny", Condition={"StringNotEquals": {"aws:SourceVpce": "vpce-1"}})
    found = denied_by([statement("Deny"), perhaps], NEEDED, GIVEN, own=False)
    assert (list(found.taken), list(found.unsure)) == ([PERMISSION], [])
