"""The conditions of a copy, and which side a refusal may be about: source or raw."""

from spark_jobs.stores import ConflictError, NotFoundError, StoreError

_CONDITIONS_ON_RAW = frozenset(("if-match", "if-none-match"))


def only_over(there: str | None) -> tuple[str, str]:
    """The condition that only the object with that tag is overwritten, or nothing if it is None."""
    return ("if-none-match", "*") if there is None else ("if-match", f'"{there}"')


def is_about_raw(error: StoreError) -> bool:
    """Whether raw no longer holds what was listed: the store names a condition on raw."""
    return isinstance(error, ConflictError) and error.condition in _CONDITIONS_ON_RAW


def may_be_about_raw(error: StoreError | None, there: str | None) -> bool:
    """Whether the error may be about raw.

    Not every store says which condition failed; If-Match on a missing object is a 404.
    """
    if isinstance(error, ConflictError):
        return not error.condition
    return isinstance(error, NotFoundError) and there is not None


def may_be_about_the_source(error: StoreError) -> bool:
    """Whether the source object may have changed since it was listed, or may be gone."""
    if isinstance(error, ConflictError):
        return not is_about_raw(error)
    return isinstance(error, NotFoundError) and error.code != "NoSuchBucket"
