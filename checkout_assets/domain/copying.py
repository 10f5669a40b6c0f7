"""What copying decides for each object, as pure functions: no AWS, no I/O.

Keys are relative to their store's prefix, so they begin with the folder's name.
"""

import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError
from checkout_assets.domain.instants import instant_of
from spark_jobs.contract.words import IN_RAW, ObjectKind, Status

_MD5_FORM = re.compile(r"[0-9a-f]{32}")
_DIGEST_MODULUS = 1 << 256
ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})
"""Storage classes whose objects must be restored before anyone can read or copy them."""


class CutOff(StrEnum):
    """An ``as_of`` that is not a timestamp: the kept cut-off, or the current time."""

    KEPT = "kept"
    NOW = "now"


class Action(StrEnum):
    """What to do about a key."""

    COPY = "copy"
    PRESENT = "present"
    NEWER = "newer"
    VANISHED = "vanished"


class SourceObject(NamedTuple):
    """An object as the source's listing shows it; sizes are bytes, tags are without quotes."""

    key: str
    size: int
    etag: str
    last_modified: datetime
    storage_class: str = "STANDARD"


class Sighting(NamedTuple):
    """An object as raw's listing shows it."""

    size: int
    etag: str


class Pair(NamedTuple):
    """A row's tags in an earlier manifest: those of a source object and of its copy in raw."""

    source_etag: str
    raw_etag: str


def decide(
    source: SourceObject | None, raw: Sighting | None, known: Collection[Pair], as_of: datetime
) -> Action:
    """Decide what to do about a key that the source lists or an earlier manifest names.

    | source | raw and the earlier manifests | action |
    |---|---|---|
    | due (not after the cut-off) | proved the same, see ``is_same`` | present |
    | due | not proved the same | copy |
    | after the cut-off | anything | newer |
    | gone | (an earlier manifest names it) | vanished |

    Raw may hold an earlier version of a newer object; then that version has vanished.
    """
    if source is None:
        return Action.VANISHED
    if source.last_modified > as_of:
        return Action.NEWER
    return Action.PRESENT if is_same(source, raw, known) else Action.COPY


def is_same(source: SourceObject, raw: Sighting | None, known: Collection[Pair]) -> bool:
    """Whether raw holds the source object's bytes for certain.

    Proofs are equal size with equal MD5-form tags, or with a pair of tags that an earlier
    manifest recorded and both sides still show. A newer time at the destination proves nothing.
    """
    if raw is None or raw.size != source.size:
        return False
    if raw.etag == source.etag and is_md5_form(raw.etag):
        return True
    return Pair(source.etag, raw.etag) in known


def is_md5_form(etag: str) -> bool:
    """Whether a tag has the form of an MD5; those of multipart uploads end in ``-<parts>``."""
    return _MD5_FORM.fullmatch(etag) is not None


def new_copy_id(run_id: str, begun: datetime, nonce: str) -> str:
    """Return a new copy id, unique even if a run id is reused: parts are never written twice.

    ``nonce`` is six hexadecimal digits.
    """
    return f"{run_id}-{begun:%Y%m%dT%H%M%S}-{nonce}"


class RunningDigest:
    """A digest of 64 hex digits over the (raw_key, raw_etag, size) of objects, in any order.

    It is the sum of their SHA-256 modulo 2^256, so partial digests can be added up.
    """

    def __init__(self) -> None:
        self._total = 0

    def add(self, raw_key: str, raw_etag: str, size: int) -> None:
        """Add one object."""
        # No safe key holds a newline, so this text names one triple only.
        text = f"{raw_key}\n{raw_etag}\n{size}"
        self._total += int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")

    def hexdigest(self) -> str:
        """The digest so far."""
        return f"{self._total % _DIGEST_MODULUS:064x}"


def parse_as_of(text: str) -> datetime | CutOff:
    """Parse a cut-off: an ISO 8601 time with its zone, ``now``, or an empty text."""
    if not text:
        return CutOff.KEPT
    if text == CutOff.NOW:
        return CutOff.NOW
    instant = instant_of(text)
    if instant is None:
        raise UsageError(
            f'The cut-off "{displayable(text)}" is not a timestamp with a time zone, such as '
            "2026-01-31T00:00:00Z, nor now."
        )
    return instant


@dataclass(frozen=True, slots=True)
class CopyFacts:
    """The counts of a copy of one folder.

    ``by_status`` counts the manifest's rows, ``by_kind`` the objects in raw (copied and present).
    ``newer`` objects came after the cut-off. ``missing_on_source`` objects are in raw, but no
    manifest names them. ``unverified`` are objects on which the re-listing of raw did not agree.
    ``lost`` are vanished objects that are missing in raw too. ``uncompared`` are objects that this
    copy could compare by size only, not by tags or checksums. ``total_bytes`` are those of the
    objects in raw, ``copied_bytes`` those that this copy copied.
    """

    listed: int = 0
    by_status: dict[str, int] = field(default_factory=dict)
    by_kind: dict[str, int] = field(default_factory=dict)
    escaped: int = 0
    near_misses: int = 0
    newer: int = 0
    missing_on_source: int = 0
    unverified: int = 0
    lost: int = 0
    uncompared: int = 0
    total_bytes: int = 0
    copied_bytes: int = 0

    def status(self, status: Status) -> int:
        """Return the number of objects of that status."""
        return self.by_status.get(status, 0)

    def kind(self, kind: ObjectKind) -> int:
        """Return the number of objects in raw of that kind."""
        return self.by_kind.get(kind, 0)

    @property
    def in_raw(self) -> int:
        """The number of the source's objects that are in raw."""
        return sum(map(self.status, IN_RAW))
