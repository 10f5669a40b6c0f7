"""The record of the grant in raw: who asked, from when until when, and the last proof."""

from dataclasses import dataclass

from checkout_assets.domain.access.grants import GrantRecord, LaterGrantError
from checkout_assets.domain.access.role_policies import GRANT_RECORD
from checkout_assets.domain.errors import MigrationError
from spark_jobs.refusals import meaning_of
from spark_jobs.stores import Blob, ConflictError, NotFoundError, Store, StoreError

_EXPLAIN_DEFEAT = (
    "Someone else granted or revoked access at the same time: raw's record of the grant is "
    "theirs, and this command's was not written. The buckets' policies may be of either: run "
    "checkout-assets access status, decide which command is right, and run that one again."
)


@dataclass(frozen=True, slots=True)
class KeptGrant:
    """What raw holds at the record's key: the tag if an object is there, and the record.

    ``record`` is None if there is none, or if it is unreadable and is to be replaced.
    """

    record: GrantRecord | None = None
    etag: str | None = None


def find_grant(raw: Store) -> GrantRecord | None:
    """Return the record, None if nothing was ever granted; raises MigrationError if unreadable."""
    blob = _read(raw)
    return GrantRecord.from_json(blob.data) if blob else None


def replaceable_grant(raw: Store) -> KeptGrant:
    """Return the record to be replaced; raises MigrationError if a later version wrote it."""
    blob = _read(raw)
    if blob is None:
        return KeptGrant()
    try:
        return KeptGrant(GrantRecord.from_json(blob.data), blob.etag)
    except LaterGrantError:
        raise
    except MigrationError:
        return KeptGrant(None, blob.etag)


def keep_grant(raw: Store, grant: GrantRecord, replaced: KeptGrant | None = None) -> None:
    """Write the record in place of ``replaced``, which was read before policies were changed.

    Without ``replaced``, the current record is replaced. Raises MigrationError if that fails, or if
    somebody else wrote another record in the meantime.
    """
    etag = (replaced or replaceable_grant(raw)).etag
    try:
        raw.put(GRANT_RECORD, grant.to_json(), if_match=etag, if_absent=etag is None)
    except ConflictError:
        if replaceable_grant(raw).record != grant:  # else our write succeeded without a response
            raise MigrationError(_EXPLAIN_DEFEAT) from None
    except StoreError as error:
        raise MigrationError(
            "The policies are as requested, but raw's record of the grant was not written: "
            f"{meaning_of(error.code, 'S3 answers {code}')}. Fix that and run the same command "
            "again."
        ) from None


def _read(raw: Store) -> Blob | None:
    try:
        return raw.get(GRANT_RECORD)
    except NotFoundError:
        return None
    except StoreError as error:
        reason = meaning_of(error.code, "S3 answers {code}")
        raise MigrationError(f"Raw's record of the grant cannot be read: {reason}.") from None
