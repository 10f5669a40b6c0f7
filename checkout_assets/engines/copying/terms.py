"""The terms of copying objects: bucket owners, the principal, and how raw stores the objects.

All of it is configuration, so an invalid value is a UsageError of one line.
"""

from dataclasses import dataclass, fields
from typing import Any

from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.copying.choices import CopyChoices
from checkout_assets.engines.place_terms import (
    CopyPlaces,
    checked_account,
    checked_role,
    encrypted,
    wrong,
)
from spark_jobs.stores.terms import SSE_KMS, StoreTerms

__all__ = ["SSE_KMS", "STORAGE_CLASSES", "CopyTerms"]

STORAGE_CLASSES = (
    "STANDARD",
    "STANDARD_IA",
    "ONEZONE_IA",
    "INTELLIGENT_TIERING",
    "GLACIER_IR",
)
"""The storage classes that the Spark job can read without restoring."""


@dataclass(frozen=True, slots=True)
class CopyTerms:
    """What each request tells S3; an empty field leaves it to the bucket or the account.

    ``source_account`` and ``raw_account`` are the 12-digit ids of the accounts that must own the
    buckets. ``encryption`` is ``AES256`` (SSE-S3) or ``aws:kms``, with bucket keys; ``kms_key`` is
    the key's id or ARN. ``requester_pays`` accepts the costs of requests to the source.
    ``copy_role_arn`` is assumed for all requests on both sides, and its credentials are renewed
    before they expire.
    """

    source_account: str = ""
    raw_account: str = ""
    encryption: str = ""
    kms_key: str = ""
    storage_class: str = ""
    requester_pays: bool = False
    copy_role_arn: str = ""

    @classmethod
    def given_by(cls, places: CopyPlaces, choices: CopyChoices) -> "CopyTerms":
        """Build the terms from fields of the same names; raises UsageError for invalid values."""
        given = {**dict(places), **dict(choices)}
        return cls(**{each.name: given[each.name] for each in fields(cls)})

    def __post_init__(self) -> None:
        checked_account("source account", self.source_account)
        checked_account("raw account", self.raw_account)
        encrypted("encryption", self.encryption, self.kms_key)
        if self.kms_key and self.encryption != SSE_KMS:
            raise UsageError(f"A KMS key was given without the encryption {SSE_KMS}: give both.")
        if self.storage_class and self.storage_class not in STORAGE_CLASSES:
            known = ", ".join(STORAGE_CLASSES)
            raise wrong("storage class", self.storage_class, f"write one of {known}")
        checked_role("role", self.copy_role_arn)

    @property
    def source(self) -> StoreTerms:
        """The terms of every request to the source."""
        return StoreTerms(self.source_account, self.requester_pays)

    @property
    def raw(self) -> StoreTerms:
        """The terms of every request to raw, including manifests and records."""
        return StoreTerms(self.raw_account, False, self.encryption, self.kms_key)

    def headers(self) -> list[tuple[str, str]]:
        """The headers of each CopyObject request."""
        return [
            *self.raw.headers(),
            *self.raw.write_headers(),
            *_if_given("x-amz-storage-class", self.storage_class),
            *_if_given("x-amz-source-expected-bucket-owner", self.source_account),
            *_if_given("x-amz-request-payer", "requester" if self.requester_pays else ""),
        ]

    def object_arguments(self) -> dict[str, Any]:
        """boto3's arguments for how raw stores an object, besides its encryption."""
        return {"StorageClass": self.storage_class} if self.storage_class else {}

    def source_arguments(self) -> dict[str, str]:
        """boto3's arguments for each request to raw that reads the source."""
        named = {
            "ExpectedSourceBucketOwner": self.source_account,
            "RequestPayer": "requester" if self.requester_pays else "",
        }
        return {name: value for name, value in named.items() if value}


def _if_given(name: str, value: str) -> list[tuple[str, str]]:
    return [(name, value)] if value else []
