"""On which terms objects are copied: whose buckets, by which principal, and what raw makes of them.

Everything here is configuration, so what is wrong is a UsageError of one line.
"""

import re
from dataclasses import dataclass
from typing import Any

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError

_ACCOUNT = re.compile(r"[0-9]{12}")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+")
SSE_S3, SSE_KMS = "AES256", "aws:kms"
STORAGE_CLASSES = (
    "STANDARD",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER_IR",
)
"""Those that the Spark job can read without restoring."""


@dataclass(frozen=True, slots=True)
class CopyTerms:
    """What S3 is told with each request; an empty field leaves it to the bucket or the account.

    ``source_account`` and ``raw_account`` are the 12 digits of the accounts that must own the
    buckets. ``encryption`` is ``AES256`` (SSE-S3) or ``aws:kms``, with bucket keys; ``kms_key`` is
    the key's id or ARN. ``requester_pays`` pays for a source whose owner does not. ``role_arn`` is
    assumed for everything on both sides, and its credentials are renewed before they expire.
    """

    source_account: str = ""
    raw_account: str = ""
    encryption: str = ""
    kms_key: str = ""
    storage_class: str = ""
    requester_pays: bool = False
    role_arn: str = ""

    def __post_init__(self) -> None:
        for what, account in (("source", self.source_account), ("raw", self.raw_account)):
            if account and not _ACCOUNT.fullmatch(account):
                raise _wrong(f"{what} account", account, "an account id has 12 digits")
        if self.encryption not in {"", SSE_S3, SSE_KMS}:
            raise _wrong("encryption", self.encryption, f"write {SSE_S3} or {SSE_KMS}")
        if self.kms_key and self.encryption != SSE_KMS:
            raise UsageError(f"A KMS key was given without the encryption {SSE_KMS}: give both.")
        if self.storage_class and self.storage_class not in STORAGE_CLASSES:
            known = ", ".join(STORAGE_CLASSES)
            raise _wrong("storage class", self.storage_class, f"write one of {known}")
        if self.role_arn and not _ROLE.fullmatch(self.role_arn):
            raise _wrong("role", self.role_arn, "write arn:aws:iam::<account>:role/<name>")

    def headers(self) -> list[tuple[str, str]]:
        """What goes with each CopyObject."""
        encryption = [("x-amz-server-side-encryption", self.encryption)]
        if self.encryption == SSE_KMS:
            encryption.append(("x-amz-server-side-encryption-bucket-key-enabled", "true"))
        return [
            *(encryption if self.encryption else ()),
            *_if_given("x-amz-server-side-encryption-aws-kms-key-id", self.kms_key),
            *_if_given("x-amz-storage-class", self.storage_class),
            *_if_given("x-amz-expected-bucket-owner", self.raw_account),
            *_if_given("x-amz-source-expected-bucket-owner", self.source_account),
            *_if_given("x-amz-request-payer", "requester" if self.requester_pays else ""),
        ]

    def object_arguments(self) -> dict[str, Any]:
        """What raw makes of an object, for boto3."""
        named = {
            "ServerSideEncryption": self.encryption,
            "BucketKeyEnabled": self.encryption == SSE_KMS,
            "SSEKMSKeyId": self.kms_key,
            "StorageClass": self.storage_class,
        }
        return {name: value for name, value in named.items() if value}

    def request_arguments(self) -> dict[str, str]:
        """What goes with each request to raw, for boto3."""
        return {"ExpectedBucketOwner": self.raw_account} if self.raw_account else {}

    def source_arguments(self) -> dict[str, str]:
        """What goes with each request to raw that reads the source, for boto3."""
        named = {
            "ExpectedSourceBucketOwner": self.source_account,
            "RequestPayer": "requester" if self.requester_pays else "",
        }
        return {name: value for name, value in named.items() if value}


def _if_given(name: str, value: str) -> list[tuple[str, str]]:
    return [(name, value)] if value else []


def _wrong(what: str, value: str, wanted: str) -> UsageError:
    return UsageError(f'The {what} "{displayable(value)}" is wrong: {wanted}.')
