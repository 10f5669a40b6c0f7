"""What whoever keeps the analysts' tables must be allowed: compacting, querying, ``catalog glue``.

It is for the Dagster host's role, or for a role of its own.
"""

from checkout_assets.domain.access.role_statements import (
    RECORDS,
    TABLE_FILES,
    allow,
    list_place,
    use_key,
)
from checkout_assets.domain.access.statements import Statement
from checkout_assets.domain.access.terms import AccessTerms
from checkout_assets.domain.compaction.tables import GLUE, NAMESPACE
from spark_jobs.contract.keys import analysts_table_prefix
from spark_jobs.contract.order_types import OrderType

_OF_GLUE = (
    *("glue:CreateDatabase", "glue:CreateTable", "glue:GetDatabase", "glue:GetTable"),
    "glue:UpdateTable",
)


def tables_role(terms: AccessTerms) -> list[Statement]:
    """Build the statements; there are none without a catalog, or if the lake is a directory."""
    lake = terms.lake
    if lake is None or not terms.catalog:
        return []
    ours = terms.arns(lake, *(f"{analysts_table_prefix(each.table)}*" for each in OrderType))
    return [
        list_place(terms, "ListLake", lake),
        allow("ReadPublished", ["s3:GetObject"], terms.arns(lake, RECORDS, *TABLE_FILES)),
        allow("KeepTables", ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"], ours),
        *use_key("EncryptTables", terms.lake_key, "kms:Decrypt", "kms:GenerateDataKey"),
        *([_keep_in_glue(terms)] if terms.catalog == GLUE else ()),
    ]


def _keep_in_glue(terms: AccessTerms) -> Statement:
    """Allow to create, read and update the tables of both databases.

    Service Authorization Reference and AWS Glue Developer Guide, "Specifying AWS Glue resource
    ARNs": an operation needs permission on the resource and on all above it.
    """
    databases = [NAMESPACE, *([terms.plain_database] if terms.plain_database else ())]
    resources = [
        "catalog",
        *(f"database/{database}" for database in databases),
        *(f"table/{database}/{each.table}" for database in databases for each in OrderType),
    ]
    arn = f"arn:{terms.partition}:glue:*:{terms.account}:"
    return allow("KeepInGlue", _OF_GLUE, [f"{arn}{resource}" for resource in resources])
