"""A canary: a migration of a few objects in places of its own, which proves the whole chain.

What a canary writes lies below ``_canary/<id>/`` in raw and in the lake, and its instance reports
below ``runs/<id>/``. Nothing else reads or lists these prefixes, and everything is removed at the
end, so that no object of a canary is ever taken for a part of the migration.
"""

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum

CANARIES = "_canary/"
"""The prefix of all canaries in raw and in the lake."""

RUNS_OF_CANARIES = "runs/canary-"
"""How the reports of their instances begin, where all instances report."""

LONGEST = timedelta(hours=2)
"""A canary that began earlier is over, however it ended: its own limits are shorter."""

_TIME = "%Y%m%dT%H%M%SZ"
_ID = re.compile(r"canary-([0-9]{8}T[0-9]{6}Z)-[0-9a-f]{8}", re.ASCII)


class Link(StrEnum):
    """The links of the chain, in their order."""

    IDENTITY = "identity"
    SOURCE = "source readable"
    LAUNCH = "instance launched"
    WORKER = "worker started"
    COPIED = "objects copied"
    REPORTS = "reports received"
    PROOF = "completion record"
    INSTANCE_ENDED = "instance ended"
    CLUSTER = "cluster started"
    STEP = "step completed"
    ROWS = "rows published"
    CLUSTER_ENDED = "cluster ended"
    REMOVED = "everything removed"


def new_canary_id(now: datetime, nonce: str) -> str:
    """Return a new id, which is also the run id; ``nonce`` is eight hexadecimal digits."""
    return f"canary-{now.astimezone(UTC):{_TIME}}-{nonce}"


def begun_at(name: str) -> datetime | None:
    """Return when the canary of this id began; None if it is not a canary's id."""
    match = _ID.fullmatch(name)
    try:
        return datetime.strptime(match[1], _TIME).replace(tzinfo=UTC) if match else None
    except ValueError:
        return None


def is_canary(name: str) -> bool:
    """Whether this is the id of a canary."""
    return begun_at(name) is not None


def canary_is_over(canary: str, now: datetime) -> bool:
    """Whether the canary has ended for certain, so that what is left of it may be removed."""
    begun = begun_at(canary)
    return begun is not None and now - begun > LONGEST


def canary_uri(uri: str, canary: str) -> str:
    """Return the URI of the canary's own place in raw or the lake."""
    return f"{uri.rstrip('/')}/{CANARIES}{canary}"


def holds_canary(prefix: str) -> bool:
    """Whether a place with this prefix, which ends in a slash, is a canary's own."""
    *_, above, name, _ = ("", "", *prefix.split("/"))
    return f"{above}/" == CANARIES and is_canary(name)
