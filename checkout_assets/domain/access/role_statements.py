"""What the roles' own policies are made of."""

from collections.abc import Iterable

from checkout_assets.domain.access.statements import Statement, sid
from checkout_assets.domain.access.terms import AccessTerms, Place

CUT_OFF = "_manifests/as_of.json"
"""Where raw keeps the migration's cut-off."""

RESULTS = "_results/*"
"""Where steps leave in the lake how they ended."""


TO_EC2 = "ec2.amazonaws.com"
"""The service that gives instances their role."""

TO_EMR = "elasticmapreduce.amazonaws.com"
"""The service that takes EMR's service role."""


def allow(name: str, actions: Iterable[str], resources: list[str]) -> Statement:
    """A statement of ours."""
    return {
        "Sid": sid(name),
        "Effect": "Allow",
        "Action": list(actions),
        "Resource": resources,
    }


def list_place(terms: AccessTerms, name: str, place: Place) -> Statement:
    """To list the place, and to be told that an object is missing.

    S3 answers a request for a missing object with 404 only to those who may list the bucket, else
    with 403; that question has no prefix, hence ``IfExists``.
    """
    return {
        **allow(name, ["s3:ListBucket"], [terms.bucket_arn(place)]),
        "Condition": {"StringLikeIfExists": {"s3:prefix": [place.below("*")]}},
    }


def assume_copy_role(terms: AccessTerms) -> Statement:
    """To become the copy role, which the copy role's own trust policy must allow too."""
    return assume("AssumeCopyRole", terms.copy_role)


def assume(name: str, role: str) -> Statement:
    """To become another role."""
    return allow(name, ["sts:AssumeRole"], [role])


def pass_role(name: str, role: str, service: str) -> Statement:
    """To give the role to what that service runs."""
    condition = {"StringEquals": {"iam:PassedToService": [service]}}
    return {**allow(name, ["iam:PassRole"], [role]), "Condition": condition}


def use_key(name: str, key: str, *actions: str) -> list[Statement]:
    """To use a KMS key, and only through S3."""
    if not key:
        return []
    through = {"StringLike": {"kms:ViaService": ["s3.*"]}}
    return [{**allow(name, actions, [key]), "Condition": through}]


def use_fleet_key(
    terms: AccessTerms, reads: Iterable[Place | None], writes: Iterable[Place | None]
) -> list[Statement]:
    """To use the key of the fleet's places, as far as any that are configured need it."""
    actions = {"kms:Decrypt": any(reads), "kms:GenerateDataKey": any(writes)}
    needed = [action for action, is_needed in actions.items() if is_needed]
    return use_key("UseFleetKey", terms.fleet_key, *needed) if needed else []
