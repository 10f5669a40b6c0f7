"""What raw keeps of the grant: who asked, since when, until when, and the last proof."""

from checkout_assets.domain.access.grants import GrantRecord
from checkout_assets.domain.access.role_policies import GRANT_RECORD
from checkout_assets.domain.errors import MigrationError
from spark_jobs.refusals import meaning_of
from spark_jobs.stores import NotFoundError, Store, StoreError


def find_grant(raw: Store) -> GrantRecord | None:
    """The record, or None if nothing was ever granted; raises MigrationError for a broken one."""
    try:
        data = raw.get(GRANT_RECORD).data
    except NotFoundError:
        return None
    except StoreError as error:
        reason = meaning_of(error.code, "S3 answers {code}")
        raise MigrationError(f"Raw's record of the grant cannot be read: {reason}.") from None
    return GrantRecord.from_json(data)


def keep_grant(raw: Store, grant: GrantRecord) -> None:
    """Write the record; raises MigrationError if that fails after policies were changed."""
    try:
        raw.put(GRANT_RECORD, grant.to_json())
    except StoreError as error:
        raise MigrationError(
            "The policies are as wanted, but raw's record of the grant was not written: "
            f"{meaning_of(error.code, 'S3 answers {code}')}. Mend that and run the same again."
        ) from None
