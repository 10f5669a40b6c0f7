"""On which terms each place is used, from the settings: its owner, who pays, its encryption."""

import re
from dataclasses import dataclass, fields

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError
from spark_jobs.stores.terms import SSE_KMS, SSE_S3, StoreTerms

_ACCOUNT = re.compile(r"[0-9]{12}")


@dataclass(frozen=True, slots=True)
class PlaceTerms:
    """The settings of the same names; an empty one leaves it to the bucket or the account."""

    source_account: str = ""
    raw_account: str = ""
    requester_pays: bool = False
    encryption: str = ""
    kms_key: str = ""
    lake_encryption: str = ""
    lake_kms_key: str = ""
    fleet_encryption: str = ""
    fleet_kms_key: str = ""

    @classmethod
    def given_by(cls, settings: object) -> "PlaceTerms":
        """Those of an object that has all of these fields, such as the settings."""
        return cls(**{each.name: getattr(settings, each.name) for each in fields(cls)})

    def of(self, place: str) -> StoreTerms:
        """The terms of ``source``, ``raw``, ``lake`` or ``fleet``.

        Raises UsageError for wrong ones.
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
    """Terms with this encryption; raises UsageError for one that S3 does not know.

    A key alone is not sent: it is the bucket's own, named for the policies.
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


def wrong(what: str, value: str, wanted: str) -> UsageError:
    """The error for a value that cannot be used, and what to write."""
    return UsageError(f'The {what} "{displayable(value)}" is wrong: {wanted}.')
