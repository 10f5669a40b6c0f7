"""The cut-off of a migration: one instant for all folders, kept in raw by the first copy."""

import json
from datetime import UTC, datetime

from checkout_assets.domain.copying import CutOff
from checkout_assets.domain.errors import UsageError
from spark_jobs.stores import ConflictError, NotFoundError, Store

AS_OF_KEY = "_manifests/as_of.json"


def settle_cut_off(raw: Store, asked: datetime | CutOff) -> datetime:
    """The cut-off this copy works with, kept in raw for the others.

    The kept one, else this moment; an instant that was asked for, or ``now``, replaces it.
    """
    if asked is CutOff.KEPT:
        return kept_cut_off(raw) or _keep_first(raw, datetime.now(UTC))
    instant = datetime.now(UTC) if isinstance(asked, CutOff) else asked
    _replace(raw, _to_json(instant))
    return instant


def kept_cut_off(raw: Store) -> datetime | None:
    """The cut-off that raw keeps, or None before the first copy."""
    try:
        data = raw.get(AS_OF_KEY).data
    except NotFoundError:
        return None
    try:
        return datetime.fromisoformat(json.loads(data)["as_of"]).astimezone(UTC)
    except (ValueError, TypeError, KeyError):
        raise UsageError(
            f"Raw's {AS_OF_KEY} holds no cut-off: give one with --as-of, which replaces it."
        ) from None


def _keep_first(raw: Store, instant: datetime) -> datetime:
    try:
        raw.put(AS_OF_KEY, _to_json(instant), if_absent=True)
    except ConflictError:  # another process was first: its cut-off is the migration's
        kept = kept_cut_off(raw)
        if kept is None:  # and it was removed since
            raw.put(AS_OF_KEY, _to_json(instant), if_absent=True)
        return kept or instant
    return instant


def _replace(raw: Store, wanted: bytes) -> None:
    try:
        if raw.get(AS_OF_KEY).data == wanted:
            return
    except NotFoundError:
        pass
    raw.put(AS_OF_KEY, wanted)


def _to_json(instant: datetime) -> bytes:
    return json.dumps({"as_of": instant.isoformat()}).encode()
