"""Rejecting a store that does not honour conditional writes, before any work in it."""

from checkout_assets.domain.errors import MigrationError, UsageError
from spark_jobs.refusals import meaning_of
from spark_jobs.stores import Store, StoreError
from spark_jobs.stores.conditions import ConditionsIgnoredError, check_conditions


def refuse_ignored_conditions(store: Store, what: str, prefix: str) -> None:
    """Raise UsageError if the store ignores conditions; ``what`` (raw, lake) is for the error.

    Sends six requests to S3, none for a directory. Raises MigrationError if nothing can be written.
    """
    try:
        check_conditions(store, prefix)
    except ConditionsIgnoredError as error:
        raise UsageError(str(error)) from None
    except StoreError as error:
        reason = meaning_of(error.code, "S3 answers {code}")
        raise MigrationError(
            f"Nothing was done: the {what} cannot be written to below {prefix}: {reason}.",
            error.failure,
        ) from None
