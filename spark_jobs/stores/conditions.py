"""Whether a store honours conditional writes, on which exactly-once processing depends."""

from __future__ import annotations

import contextlib
import secrets
from typing import Optional

from spark_jobs.store_errors import ConflictError, StoreError
from spark_jobs.stores.base import Store
from spark_jobs.stores.s3 import S3Store

_NO_TAG = "0" * 32
_REFUSED = frozenset(("NotImplemented", "501"))


class ConditionsIgnoredError(Exception):
    """A store ignores or rejects conditions of writes; the message is a sentence."""

    def __init__(self, uri: str, condition: str) -> None:
        super().__init__(
            f"The S3 server of {uri} does not honour {condition}, so it does not support "
            "conditional writes: two runs at the same time would "
            "both count as complete. Use a server with conditional writes."
        )


def check_conditions(store: Store, prefix: str) -> None:
    """Write a small object and check that conditional writes do not overwrite it.

    The object is below ``prefix``, which ends in a slash, and is removed if that is allowed. Raises
    ConditionsIgnoredError, and StoreError if nothing can be written there. A store on disk is not
    checked.
    """
    if not isinstance(store, S3Store):
        return
    key = f"{prefix}{secrets.token_hex(8)}"
    try:
        _write_first(store, key)
        _must_lose(store, key, "If-None-Match", if_absent=True)
        _must_lose(store, key, "If-Match", if_match=_NO_TAG)
    finally:
        with contextlib.suppress(StoreError):
            store.delete([key])


def _write_first(store: S3Store, key: str) -> None:
    try:
        store.put(key, b"first", if_absent=True)
    except StoreError as error:
        if _blames_the_condition(store, key, error):
            raise ConditionsIgnoredError(store.uri, "If-None-Match") from None
        raise


def _must_lose(
    store: S3Store,
    key: str,
    condition: str,
    if_match: Optional[str] = None,
    if_absent: bool = False,
) -> None:
    try:
        store.put(key, condition.encode(), if_match, if_absent)
    except ConflictError:
        return
    except StoreError as error:
        if not _blames_the_condition(store, key, error):
            raise
    raise ConditionsIgnoredError(store.uri, condition)


def _blames_the_condition(store: S3Store, key: str, error: StoreError) -> bool:
    """Whether a write was rejected because of its condition: servers answer 400, 405 or 501.

    These may have other causes, so the same write is repeated without a condition.
    """
    if error.code in _REFUSED:
        return True
    if error.transient:
        return False
    with contextlib.suppress(StoreError):
        store.put(key, b"without a condition")
        return True
    return False
