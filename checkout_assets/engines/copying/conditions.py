"""The conditions of a copy, and whose word a refusal may be: the source's or raw's."""

from spark_jobs.stores import ConflictError, NotFoundError, StoreError

_CONDITIONS_ON_RAW = frozenset(("if-match", "if-none-match"))


def only_over(there: str | None) -> tuple[str, str]:
    """The condition that nothing is overwritten but the object of that tag, or nothing at all."""
    return ("if-none-match", "*") if there is None else ("if-match", f'"{there}"')


def is_about_raw(error: StoreError) -> bool:
    """Raw no longer holds what was listed there: the store names a condition on it."""
    return isinstance(error, ConflictError) and error.condition in _CONDITIONS_ON_RAW


def may_be_about_raw(error: StoreError | None, there: str | None) -> bool:
    """Not every store says which condition failed; If-Match on a missing object is a 404."""
    if isinstance(error, ConflictError):
        return not error.condition
    return isinstance(error, NotFoundError) and there is not None


def may_be_about_the_source(error: StoreError) -> bool:
    """The source object may no longer be the one that was listed: changed, or gone."""
    if isinstance(error, ConflictError):
        return not is_about_raw(error)
    return isinstance(error, NotFoundError) and error.code != "NoSuchBucket"
