"""Why an object could not be copied: a clause for people, and a failure for decisions."""

from typing import NamedTuple

from checkout_assets.domain.copying import ARCHIVED, SourceObject
from checkout_assets.engines.failed_requests import code_of, failure_of
from checkout_assets.engines.interruptible import InterruptedCopyError
from spark_jobs.contract.failures import Failure
from spark_jobs.refusals import meaning_of
from spark_jobs.service_codes import is_throttling, is_transient
from spark_jobs.transport.answers import CROSS_REGION_ENDPOINT, HungUpError


class Why(NamedTuple):
    """Why an object could not be copied; the clause names no object."""

    clause: str
    failure: Failure

    def followed_by(self, clause: str) -> "Why":
        """The same, with something else to say."""
        return self._replace(clause=f"{self.clause}; {clause}")


SAID_NOTHING = Why(
    "S3 said neither what it copied nor that it failed",
    Failure("UnreadableAnswer", transient=True),
)
OTHER_BYTES = Why("what arrived has another MD5 than what the source lists", Failure("OtherBytes"))
CHANGED_TWICE = Why(
    "it changed at the source again while it was copied",
    Failure("ChangedAtSource", transient=True),
)
AT_ODDS = Why(
    "S3 lists it unchanged, but answers that it is gone or has changed",
    Failure("ListingAtOdds"),
)
DELETED = Why(
    "it was deleted at the source while it was copied", Failure("DeletedAtSource", transient=True)
)
CHANGED_IN_RAW = Why(
    "something else wrote it in raw meanwhile, with other bytes or with bytes that cannot be "
    "compared; it was not overwritten",
    Failure("ChangedInRaw"),
)
RAW_AT_ODDS = Why(
    "S3 lists its place in raw unchanged, but answers that it has changed",
    Failure("RawListingAtOdds"),
)
_CANCELLED = Why("the copy was cancelled", Failure("Cancelled", transient=True))
_EXPLAINED = {
    "AccessDenied": "access was denied: the source must allow reading it and raw writing it",
    "NoSuchBucket": "a bucket does not exist",
    CROSS_REGION_ENDPOINT: "access was denied: the subnet's VPC endpoint for S3 does not copy from "
    "another region",
}


def why_failed(source: SourceObject, error: BaseException) -> Why:
    """What to say of an error that ended the copy of an object, and whether it may pass."""
    if isinstance(error, InterruptedCopyError) or code_of(error) == HungUpError.name:
        return _CANCELLED
    return Why(_clause(source, code_of(error)), failure_of(error))


def _clause(source: SourceObject, code: str) -> str:
    archived = source.storage_class in ARCHIVED
    if code == "InvalidObjectState" or (archived and code == "AccessDenied"):
        return (
            f"it is archived ({source.storage_class}): restore it with aws s3api restore-object, "
            "wait until it is restored, then copy again"
        )
    if is_throttling(code):
        return f"S3 kept throttling ({code})"
    if code.startswith("KMS") and not is_transient(code):
        return (
            f"a KMS key may not be used ({code}): the source's key must grant kms:Decrypt, "
            "raw's key kms:GenerateDataKey"
        )
    if code.startswith("AWS_"):
        return f"the request failed ({code})"
    return _EXPLAINED.get(code) or meaning_of(code)
