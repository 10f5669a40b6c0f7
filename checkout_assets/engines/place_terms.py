"""The terms of each place from the settings: its owner, who pays, its encryption."""

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.option import MayBePath, OnCommandLine
from spark_jobs.stores.terms import SSE_KMS, SSE_S3, StoreTerms

_ACCOUNT = re.compile(r"[0-9]{12}")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+", re.ASCII)


class CopyPlaces(BaseModel):
    """Source, raw and the fleet's place, and the terms of each.

    For an empty field the bucket's or the account's own terms apply.
    """

    model_config = ConfigDict(frozen=True)

    source_uri: Annotated[
        str, OnCommandLine("The source: s3://bucket/prefix.", "URI", name="source")
    ] = Field("", description="where folders are copied from: s3://bucket/prefix")
    raw_uri: Annotated[
        str, OnCommandLine("Where the copies are: s3://bucket/prefix.", "URI", name="raw")
    ] = Field("", description="where copies go: s3://bucket/prefix")
    source_account: Annotated[
        str, OnCommandLine("Fail unless this account owns the source's bucket.", "ID")
    ] = Field("", description="the account that must own the source's bucket")
    raw_account: Annotated[
        str, OnCommandLine("Fail unless this account owns raw's bucket.", "ID")
    ] = Field("", description="the account that must own raw's bucket")
    encryption: Annotated[
        str,
        OnCommandLine(
            "How to encrypt everything written to raw; without it, the bucket's default.",
            "AES256|aws:kms",
        ),
    ] = Field("", description="how everything written to raw is encrypted: AES256 or aws:kms")
    kms_key: Annotated[
        str, OnCommandLine("The KMS key for --encryption aws:kms, with a bucket key.", "ID|ARN")
    ] = Field("", description="raw's KMS key, with encryption aws:kms")
    requester_pays: Annotated[bool, OnCommandLine("Pay for reading a requester-pays source.")] = (
        Field(False, description="pay for reading a requester-pays source")
    )
    fleet_encryption: str = Field(
        "", description="how packages and instances' reports are encrypted: AES256 or aws:kms"
    )
    fleet_kms_key: str = Field(
        "", description="the ARN of their KMS key, for policies and fleet encryption aws:kms"
    )


class PlaceTerms(CopyPlaces):
    """All places and their terms: those of CopyPlaces, and the lake."""

    lake_uri: Annotated[
        str,
        OnCommandLine(
            "Where the tables are: s3://bucket/prefix, a directory or file:///path.",
            "URI",
            name="lake",
        ),
        MayBePath(),
    ] = Field("", description="where tables go: s3://bucket/prefix, a directory or file:///path")
    lake_encryption: Annotated[
        str,
        OnCommandLine(
            "How to encrypt everything written to the lake; without it, the bucket's default.",
            "AES256|aws:kms",
        ),
    ] = Field("", description="how everything written to the lake is encrypted: AES256 or aws:kms")
    lake_kms_key: Annotated[
        str,
        OnCommandLine("The KMS key for --lake-encryption aws:kms, with a bucket key.", "ID|ARN"),
    ] = Field(
        "", description="the ARN of the lake's KMS key, for policies and lake encryption aws:kms"
    )

    @classmethod
    def given_by(cls, settings: "PlaceTerms") -> "PlaceTerms":
        """The same fields of the settings, or of another object that has them, and no others."""
        return cls(**{name: getattr(settings, name) for name in cls.model_fields})

    def of(self, place: str) -> StoreTerms:
        """The terms of ``source``, ``raw``, ``lake`` or ``fleet``.

        Raises UsageError if they are invalid.
        """
        if place == "source":
            owner = checked_account("source account", self.source_account)
            return StoreTerms(owner, self.requester_pays)
        if place == "raw":
            owner = checked_account("raw account", self.raw_account)
            return encrypted("encryption", self.encryption, self.kms_key, owner)
        if place == "lake":
            return encrypted("lake encryption", self.lake_encryption, self.lake_kms_key)
        return encrypted("fleet encryption", self.fleet_encryption, self.fleet_kms_key)


def encrypted(what: str, encryption: str, kms_key: str, owner: str = "") -> StoreTerms:
    """Terms with this encryption; raises UsageError for one that S3 does not have.

    A key without encryption is not sent: it is the bucket's key, given only for the policies.
    """
    if encryption not in {"", SSE_S3, SSE_KMS}:
        raise wrong(what, encryption, f"write {SSE_S3} or {SSE_KMS}")
    if kms_key and encryption == SSE_S3:
        raise UsageError(f"A KMS key was given without the {what} {SSE_KMS}: give both.")
    return StoreTerms(owner, False, encryption, kms_key if encryption else "")


def checked_account(what: str, account: str) -> str:
    """The account id itself; raises UsageError for anything but 12 digits."""
    if account and not _ACCOUNT.fullmatch(account):
        raise wrong(what, account, "an account id has 12 digits")
    return account


def checked_role(what: str, role: str) -> str:
    """The role's ARN itself, or an empty text; raises UsageError for anything else."""
    if role and not _ROLE.fullmatch(role):
        raise wrong(what, role, "write arn:aws:iam::<account>:role/<name>")
    return role


def wrong(what: str, value: str, wanted: str) -> UsageError:
    """The error for an invalid value; ``wanted`` says what is valid."""
    return UsageError(f'The {what} "{displayable(value)}" is wrong: {wanted}.')
