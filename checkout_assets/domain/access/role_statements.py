"""The statements that the roles' own policies are made of."""

from collections.abc import Iterable

from checkout_assets.domain.access.statements import Statement, sid
from checkout_assets.domain.access.terms import AccessTerms, Place
from spark_jobs.contract.order_types import OrderType

CUT_OFF = "_manifests/as_of.json"
"""Where raw keeps the migration's cut-off."""

RESULTS = "_results/*"
"""Where steps store their results in the lake."""

RECORDS = "_published/*"
"""The publication records in the lake."""

TABLE_FILES = tuple(
    f"consumable_tables/{each.table}/YEAR=*/MONTH=*/DAY=*/??_{each}.*.parquet" for each in OrderType
)
"""The files of the plain tables that structuring wrote; others' files have other names."""

TO_EC2 = "ec2.amazonaws.com"
"""The service that gives instances their role."""

TO_EMR = "elasticmapreduce.amazonaws.com"
"""The service that assumes EMR's service role."""


def allow(name: str, actions: Iterable[str], resources: list[str]) -> Statement:
    """Build a statement of ours."""
    return {
        "Sid": sid(name),
        "Effect": "Allow",
        "Action": list(actions),
        "Resource": resources,
    }


def list_place(terms: AccessTerms, name: str, place: Place) -> Statement:
    """Allow to list the place, and to learn that an object is missing.

    S3 answers a request for a missing object with 404 only if the caller may list the bucket, else
    with 403. Such a request has no prefix, hence ``IfExists``.
    """
    return {
        **allow(name, ["s3:ListBucket"], [terms.bucket_arn(place)]),
        "Condition": {"StringLikeIfExists": {"s3:prefix": [place.below("*")]}},
    }


def assume_copy_role(terms: AccessTerms) -> Statement:
    """Allow to assume the copy role; its own trust policy must allow that too."""
    return assume("AssumeCopyRole", terms.copy_role)


def assume(name: str, role: str) -> Statement:
    """Allow to assume another role."""
    return allow(name, ["sts:AssumeRole"], [role])


def pass_role(name: str, role: str, service: str) -> Statement:
    """Allow to pass the role to what that service runs."""
    condition = {"StringEquals": {"iam:PassedToService": [service]}}
    return {**allow(name, ["iam:PassRole"], [role]), "Condition": condition}


def use_key(name: str, key: str, *actions: str) -> list[Statement]:
    """Allow to use a KMS key, and only through S3."""
    if not key:
        return []
    through = {"StringLike": {"kms:ViaService": ["s3.*"]}}
    return [{**allow(name, actions, [key]), "Condition": through}]


def use_fleet_key(
    terms: AccessTerms, reads: Iterable[Place | None], writes: Iterable[Place | None]
) -> list[Statement]:
    """Allow to use the key of the fleet's places, if any configured place needs it."""
    actions = {"kms:Decrypt": any(reads), "kms:GenerateDataKey": any(writes)}
    needed = [action for action, is_needed in actions.items() if is_needed]
    return use_key("UseFleetKey", terms.fleet_key, *needed) if needed else []
