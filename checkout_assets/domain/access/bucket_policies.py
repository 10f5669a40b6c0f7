"""The statements in bucket policies: roles may read the source; raw and the lake are protected."""

from typing import Any

from checkout_assets.domain.access.statements import Statement, sid
from checkout_assets.domain.access.terms import FOLDER_PATTERNS, AccessTerms

LIST_TOP, LIST_FOLDERS, READ_FOLDERS = "ListTop", "ListFolders", "ReadFolders"
ONLY_TLS, ONLY_COPIES = "OnlyOverTls", "OnlyTheCopyWrites"
OUR_STATEMENTS = (LIST_TOP, LIST_FOLDERS, READ_FOLDERS, ONLY_TLS, ONLY_COPIES)
"""Names of all statements that any version has put into a bucket's policy."""

FOLDER_OBJECTS = tuple(f"{folder}/*" for folder in FOLDER_PATTERNS)
MANIFESTS = "_manifests/*"
_PROOFS = tuple(f"_manifests/{folder}" for folder in FOLDER_OBJECTS)


def source_statements(terms: AccessTerms) -> list[Statement]:
    """Build the statements of the source's bucket: named roles, over TLS, until the expiry."""
    return [
        {
            "Sid": sid(statement["Name"], terms.requester),
            "Effect": "Allow",
            "Principal": {"AWS": list(roles)},
            **{name: value for name, value in statement.items() if name != "Name"},
        }
        for statement, roles in (
            (list_top(terms), terms.listers),
            (list_folders(terms), terms.listers),
            (read_folders(terms), [terms.copy_role]),
        )
    ]


def target_statements(terms: AccessTerms) -> dict[str, list[Statement]]:
    """Build, by bucket, the statements that protect raw and the lake during the migration.

    They only deny: the roles' identity policies allow what they may do in their own account.
    """
    places = [place for place in (terms.raw, terms.lake) if place is not None]
    statements: dict[str, list[Statement]] = {}
    for bucket in dict.fromkeys(place.bucket for place in places):
        inside = [
            arn for place in places if place.bucket == bucket for arn in terms.arns(place, "*")
        ]
        statements[bucket] = [_only_tls(terms, inside)]
    statements[terms.raw.bucket].append(_only_copies(terms))
    return statements


def list_top(terms: AccessTerms) -> dict[str, Any]:
    """The statement to list what lies directly below the source's prefix, and nothing deeper."""
    return {
        "Name": LIST_TOP,
        "Action": ["s3:ListBucket"],
        "Resource": [terms.bucket_arn(terms.source)],
        "Condition": {
            "StringEquals": {"s3:prefix": [terms.source.prefix], "s3:delimiter": ["/"]},
            **_temporary(terms),
        },
    }


def list_folders(terms: AccessTerms) -> dict[str, Any]:
    """The statement to list the 512 folders, one folder or a part of it at a time."""
    return {
        "Name": LIST_FOLDERS,
        "Action": ["s3:ListBucket"],
        "Resource": [terms.bucket_arn(terms.source)],
        "Condition": {
            "StringLike": {"s3:prefix": [terms.source.below(each) for each in FOLDER_OBJECTS]},
            **_temporary(terms),
        },
    }


def read_folders(terms: AccessTerms) -> dict[str, Any]:
    """The statement to read the folders' objects and their tags, which copying reads too."""
    return {
        "Name": READ_FOLDERS,
        "Action": ["s3:GetObject", "s3:GetObjectTagging"],
        "Resource": terms.arns(terms.source, *FOLDER_OBJECTS),
        "Condition": _temporary(terms),
    }


def _temporary(terms: AccessTerms) -> dict[str, Any]:
    return {
        "Bool": {"aws:SecureTransport": "true"},
        "DateLessThan": {"aws:CurrentTime": terms.expiry},
    }


def _only_tls(terms: AccessTerms, resources: list[str]) -> Statement:
    return {
        "Sid": sid(ONLY_TLS, terms.requester),
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["s3:*"],
        "Resource": resources,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def _only_copies(terms: AccessTerms) -> Statement:
    """Deny everybody else, including administrators, to overwrite or delete copies and proofs."""
    return {
        "Sid": sid(ONLY_COPIES, terms.requester),
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutObject"],
        "Resource": terms.arns(terms.raw, *FOLDER_OBJECTS, *_PROOFS),
        "Condition": {"ArnNotEquals": {"aws:PrincipalArn": [terms.copy_role]}},
    }
