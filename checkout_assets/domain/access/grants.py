"""A grant: its record in raw, its state, and the message for a grant that has ended."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, ClassVar

from checkout_assets.domain.counting import counted, of_folders
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import MigrationError
from checkout_assets.domain.folders import ALL_FOLDERS
from spark_jobs.contract.record_format import (
    Instant,
    LaterFormatError,
    RecordError,
    TextForm,
    is_instant,
    read_record,
    write_record,
)

_UNREADABLE = "Raw's record of the grant cannot be read"
_End = Annotated[str, TextForm(lambda text: not text or is_instant(text), "instant with its zone")]
_INSTANT = "%Y-%m-%d %H:%M UTC"


class LaterGrantError(MigrationError):
    """A later version of the program recorded a grant, so this version may not replace it."""


class GrantState(StrEnum):
    """The state of a grant."""

    NEVER = "never granted"
    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Proof:
    """A reconciliation against the source: when, of which cut-off, and what was complete."""

    at: Instant
    as_of: str
    folders: int
    objects: int

    def __str__(self) -> str:
        when = told(datetime.fromisoformat(self.at))
        cut_off = f", cut-off {displayable(self.as_of)}" if self.as_of else ""
        return (
            f"reconciled with the source on {when}{cut_off}: "
            f"{of_folders(self.folders, len(ALL_FOLDERS))} complete, "
            f"{counted(self.objects, 'object')}"
        )


@dataclass(frozen=True, slots=True)
class GrantRecord:
    """What was granted and how it ended; times are ISO 8601 with a time zone.

    ``revoked_at`` is empty until the grant is revoked; ``proof`` is the last one at that time.
    """

    WHAT: ClassVar[str] = "record of the grant"
    FORMAT_VERSION: ClassVar[int] = 1

    requester: str
    granted_at: Instant
    expires: Instant
    revoked_at: _End = ""
    proof: Proof | None = None

    def standing(self, now: datetime) -> GrantState:
        """Return the state at that time."""
        if self.revoked_at:
            return GrantState.REVOKED
        return GrantState.EXPIRED if self.expires_at <= now else GrantState.ACTIVE

    @property
    def expires_at(self) -> datetime:
        """The time at which the policies expire by themselves."""
        return datetime.fromisoformat(self.expires)

    def revoked(self, now: datetime, proof: Proof | None) -> "GrantRecord":
        """Return the record as revoked now; a grant that had already ended keeps its end."""
        if self.standing(now) is GrantState.REVOKED:
            return replace(self, proof=proof or self.proof)
        return replace(self, revoked_at=_iso(now), proof=proof)

    def ended(self, now: datetime) -> str:
        """Say in one sentence when access ended, and the last proof; empty while it lasts."""
        standing = self.standing(now)
        if standing is GrantState.ACTIVE:
            return ""
        end = self.expires_at
        if self.revoked_at:
            end = min(end, datetime.fromisoformat(self.revoked_at))
        how = "expired" if end == self.expires_at else "was revoked"
        proof = f"The last proof: {self.proof}." if self.proof else "No proof was recorded with it."
        return f"Access to the source {how} on {told(end)}. {proof}"

    def to_json(self) -> bytes:
        """Serialize the record."""
        return write_record(self)

    @classmethod
    def from_json(cls, data: bytes) -> "GrantRecord":
        """Parse a record.

        Raises MigrationError if the data are not a record, LaterGrantError if a later version wrote
        it.
        """
        try:
            return read_record(cls, data)
        except LaterFormatError as error:
            raise LaterGrantError(f"{_UNREADABLE}: {error}. {error.advice('')}") from None
        except RecordError as error:
            raise MigrationError(
                f"{_UNREADABLE}: {error}. Run checkout-assets access grant or revoke, which write "
                "a new one."
            ) from None


def granted(requester: str, now: datetime, expires: datetime) -> GrantRecord:
    """Build the record of a grant made now."""
    return GrantRecord(requester, _iso(now), _iso(expires))


def told(instant: datetime) -> str:
    """Format a time for people."""
    return instant.astimezone(UTC).strftime(_INSTANT)


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds")
