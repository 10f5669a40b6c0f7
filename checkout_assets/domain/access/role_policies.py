"""What each role's own policy must allow; whoever manages the roles attaches the policies.

Every statement is needed: the tests run the real copy, structuring and reconciliation against AWS's
evaluation rules, and remove one action after the other.
"""

from collections.abc import Callable, Iterable
from typing import Any

from checkout_assets.domain.access.bucket_policies import (
    FOLDER_OBJECTS,
    MANIFESTS,
    list_folders,
    list_top,
    read_folders,
    target_statements,
)
from checkout_assets.domain.access.host_policies import host_role, launches_canary
from checkout_assets.domain.access.launch_policies import launch_role
from checkout_assets.domain.access.role_statements import (
    RECORDS,
    RESULTS,
    TABLE_FILES,
    TO_EC2,
    allow,
    assume,
    assume_copy_role,
    list_place,
    pass_role,
    use_fleet_key,
    use_key,
)
from checkout_assets.domain.access.statements import Statement, sid
from checkout_assets.domain.access.tables_policies import tables_role
from checkout_assets.domain.access.terms import AccessTerms, Place
from checkout_assets.domain.canary import CANARIES
from spark_jobs.contract.keys import PROBES_IN_RAW, compacted_prefix, month_plan_prefix
from spark_jobs.contract.order_types import OrderType

POLICY_VERSION = "2012-10-17"
GRANT_RECORD = "_access/grant.json"
"""Where raw keeps the record of the grant."""

_ABANDONED_PARTS = "_manifests/*/part-*.parquet"
_PROBES = f"{PROBES_IN_RAW}*"
_QUARANTINE_FILES = tuple(f"quarantine/{each.table}/??_{each}/*" for each in OrderType)
_STAGED = "_staging/*"
_KEEP = ("s3:DeleteObject", "s3:GetObject", "s3:PutObject")
_SESSION_MANAGER = (
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
)
_POLICY_ACTIONS = ("s3:DeleteBucketPolicy", "s3:GetBucketPolicy", "s3:PutBucketPolicy")


def copy_role(terms: AccessTerms) -> list[Statement]:
    """Copying: read the source, write raw, remove manifest parts that no record names."""
    raw = terms.raw
    return [
        *map(_named, (list_top(terms), list_folders(terms), read_folders(terms))),
        list_place(terms, "ListRaw", raw),
        allow("ReadRaw", ["s3:GetObject"], terms.arns(raw, *FOLDER_OBJECTS, MANIFESTS)),
        allow(
            "WriteCopies",
            ["s3:AbortMultipartUpload", "s3:PutObject", "s3:PutObjectTagging"],
            terms.arns(raw, *FOLDER_OBJECTS),
        ),
        allow("WriteManifests", ["s3:PutObject"], terms.arns(raw, MANIFESTS)),
        allow("CleanUpManifests", ["s3:DeleteObject"], terms.arns(raw, _ABANDONED_PARTS, _PROBES)),
        *_copy_canary(terms),
        *use_key("DecryptSource", terms.source_key, "kms:Decrypt"),
        *use_key("EncryptRaw", terms.raw_key, "kms:Decrypt", "kms:GenerateDataKey"),
    ]


def worker_role(terms: AccessTerms) -> list[Statement]:
    """Copying instances: read the program, report, and assume the copy role.

    They do not read or write orders with their own role. People connect with Session Manager.
    """
    statements = [assume_copy_role(terms)]
    if terms.package is not None:
        statements.append(_read_package(terms, terms.package))
    if terms.reports is not None:
        report = ["s3:GetObject", "s3:PutObject"]
        statements.append(allow("Report", report, terms.arns(terms.reports, "runs/*")))
    statements += use_fleet_key(
        terms, reads=(terms.package, terms.reports), writes=(terms.reports,)
    )
    return [*statements, allow("SessionManager", _SESSION_MANAGER, ["*"])]


def structure_role(terms: AccessTerms) -> list[Statement]:
    """Structuring: read raw, write the lake, remove its staging and its own old files.

    It may not replace or delete files with other names, such as the live pipeline's.
    """
    raw, lake = terms.raw, terms.lake
    if lake is None:
        return []
    own = terms.arns(lake, *TABLE_FILES, *_QUARANTINE_FILES)
    staged = terms.arns(lake, _STAGED)
    records, results = terms.arns(lake, RECORDS), terms.arns(lake, RESULTS)
    statements = [
        list_place(terms, "ListRaw", raw),
        allow("ReadRaw", ["s3:GetObject"], terms.arns(raw, *FOLDER_OBJECTS, MANIFESTS)),
        list_place(terms, "ListLake", lake),
        allow("KeepLake", _KEEP, [*staged, *own]),
        allow("ReadRecords", ["s3:GetObject"], records),
        allow("WriteRecords", ["s3:PutObject"], [*records, *results]),
        *_compact(terms),
        *_structure_canary(terms),
        *use_key("DecryptRaw", terms.raw_key, "kms:Decrypt"),
        *use_key("EncryptLake", terms.lake_key, "kms:Decrypt", "kms:GenerateDataKey"),
    ]
    if terms.node_package is not None:
        statements.append(_read_package(terms, terms.node_package))
    if terms.logs is not None:
        statements.append(allow("WriteLogs", ["s3:PutObject"], terms.arns(terms.logs, "*")))
    reads, writes = (terms.node_package,), (terms.logs,)
    return [*statements, *use_fleet_key(terms, reads=reads, writes=writes)]


def emr_service_role(terms: AccessTerms) -> list[Statement]:
    """EMR, besides AmazonEMRServicePolicy_v2, which passes only the default node role."""
    if not (terms.emr_service_role and terms.structure_role):
        return []
    return [pass_role("PassNodeRole", terms.structure_role, TO_EC2)]


def reconcile_role(terms: AccessTerms) -> list[Statement]:
    """Reconciling: list all sides and read records, and data files for ``--deep``."""
    raw, lake = terms.raw, terms.lake
    statements = [
        *map(_named, (list_top(terms), list_folders(terms))),
        list_place(terms, "ListRaw", raw),
        allow("ReadRecords", ["s3:GetObject"], terms.arns(raw, MANIFESTS, GRANT_RECORD)),
        *use_key("DecryptRaw", terms.raw_key, "kms:Decrypt"),
    ]
    if lake is not None:
        files = terms.arns(lake, RECORDS, *TABLE_FILES, *_QUARANTINE_FILES)
        statements += [
            list_place(terms, "ListLake", lake),
            allow("ReadLake", ["s3:GetObject"], files),
            *use_key("DecryptLake", terms.lake_key, "kms:Decrypt"),
        ]
    return statements


def source_granter(terms: AccessTerms) -> list[Statement]:
    """Granting and revoking in the source's account, and nothing else there."""
    arn = terms.bucket_arn(terms.source)
    return [allow("ChangeSourcePolicy", _POLICY_ACTIONS, [arn])]


def granter(terms: AccessTerms) -> list[Statement]:
    """Granting and revoking in raw's account: bucket policies, and the record of the grant.

    It also assumes the role in the source's account, if one is used.
    """
    arns = [terms.bucket_arn(Place(bucket)) for bucket in target_statements(terms)]
    record = terms.arns(terms.raw, GRANT_RECORD)
    return [
        allow("ChangeTargetPolicies", _POLICY_ACTIONS, arns),
        allow("KeepGrantRecord", ["s3:GetObject", "s3:PutObject"], record),
        list_place(terms, "ListRaw", terms.raw),
        *use_key("EncryptRaw", terms.raw_key, "kms:Decrypt", "kms:GenerateDataKey"),
        *([assume("AssumeSourceGranter", terms.grant_role)] if terms.grant_role else ()),
    ]


ROLE_POLICIES: dict[str, Callable[[AccessTerms], list[Statement]]] = {
    "host_role": host_role,
    "launch_role": launch_role,
    "copy_role": copy_role,
    "worker_role": worker_role,
    "structure_role": structure_role,
    "emr_service_role": emr_service_role,
    "reconcile_role": reconcile_role,
    "tables_role": tables_role,
    "granter": granter,
    "source_granter": source_granter,
}
"""Which policy belongs to which role; one that is not needed is empty."""


def policy_document(statements: Iterable[Statement]) -> dict[str, Any]:
    """Build the policy document for IAM."""
    return {"Version": POLICY_VERSION, "Statement": list(statements)}


def _copy_canary(terms: AccessTerms) -> list[Statement]:
    """Allow to copy the sample of doctor's canary, and to compare tags, in its own place."""
    if not launches_canary(terms):
        return []
    actions = ("DeleteObject", "GetObject", "GetObjectTagging", "PutObject", "PutObjectTagging")
    canaries = terms.arns(terms.raw, f"{CANARIES}*")
    return [allow("CopyCanary", [f"s3:{action}" for action in actions], canaries)]


def _compact(terms: AccessTerms) -> list[Statement]:
    """Allow clusters to write data files of the analysts' tables, by the platform's plans.

    They do not commit: the catalog and the tables' metadata are the platform's (``tables_role``).
    """
    if terms.lake is None or not (terms.catalog and terms.emr_service_role):
        return []
    tables = [each.table for each in OrderType]
    plans = terms.arns(terms.lake, *(f"{month_plan_prefix(each)}*" for each in tables))
    data = terms.arns(terms.lake, *(f"{compacted_prefix(each)}*" for each in tables))
    return [
        allow("ReadPlans", ["s3:GetObject"], plans),
        allow("WriteTables", ["s3:PutObject"], data),
    ]


def _structure_canary(terms: AccessTerms) -> list[Statement]:
    """Allow to structure the sample of doctor's canary in places of its own."""
    if terms.lake is None or not launches_canary(terms):
        return []
    return [
        allow("ReadCanary", ["s3:GetObject"], terms.arns(terms.raw, f"{CANARIES}*")),
        allow("StructureCanary", _KEEP, terms.arns(terms.lake, f"{CANARIES}*")),
    ]


def _named(statement: dict[str, Any]) -> Statement:
    rest = {name: value for name, value in statement.items() if name != "Name"}
    return {"Sid": sid(statement["Name"]), "Effect": "Allow", **rest}


def _read_package(terms: AccessTerms, package: Place) -> Statement:
    return allow("ReadPackage", ["s3:GetObject"], terms.arns(package, "*"))
