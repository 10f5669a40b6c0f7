"""A grant: what raw keeps about it, how it stands, and what is said when it has ended."""

import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import MigrationError

_INSTANT = "%Y-%m-%d %H:%M UTC"


class Standing(StrEnum):
    """How a grant stands."""

    NEVER = "never granted"
    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Proof:
    """A reconciliation against the source: when, of which cut-off, and what was complete."""

    at: str
    as_of: str
    folders: int
    objects: int

    def __str__(self) -> str:
        when = told(datetime.fromisoformat(self.at))
        cut_off = f", cut-off {displayable(self.as_of)}" if self.as_of else ""
        return (
            f"reconciled with the source on {when}{cut_off}: {self.folders} of 512 folders "
            f"complete, {self.objects:,} objects"
        )


@dataclass(frozen=True, slots=True)
class GrantRecord:
    """What was granted and what became of it; instants in ISO 8601, with their zone.

    ``revoked_at`` is empty until then; ``proof`` is the last one there was when it was revoked.
    """

    requester: str
    granted_at: str
    expires: str
    revoked_at: str = ""
    proof: Proof | None = None

    def standing(self, now: datetime) -> Standing:
        """How it stands at that time."""
        if self.revoked_at:
            return Standing.REVOKED
        return Standing.EXPIRED if self.expires_at <= now else Standing.ACTIVE

    @property
    def expires_at(self) -> datetime:
        """When the policies end by themselves."""
        return datetime.fromisoformat(self.expires)

    def revoked(self, now: datetime, proof: Proof | None) -> "GrantRecord":
        """The same, revoked now; one that had ended before keeps its end."""
        if self.standing(now) is Standing.REVOKED:
            return replace(self, proof=proof or self.proof)
        return replace(self, revoked_at=_iso(now), proof=proof)

    def ended(self, now: datetime) -> str:
        """One sentence that says when access ended and what the last proof was; empty before."""
        standing = self.standing(now)
        if standing is Standing.ACTIVE:
            return ""
        end = self.expires_at
        if self.revoked_at:
            end = min(end, datetime.fromisoformat(self.revoked_at))
        how = "expired" if end == self.expires_at else "was revoked"
        proof = f"The last proof: {self.proof}." if self.proof else "No proof was recorded with it."
        return f"Access to the source {how} on {told(end)}. {proof}"

    def to_json(self) -> bytes:
        """The record's file."""
        return json.dumps(asdict(self), indent=1).encode()

    @classmethod
    def from_json(cls, data: bytes) -> "GrantRecord":
        """Raises MigrationError if ``data`` is no record."""
        try:
            fields: dict[str, Any] = json.loads(data)
            proof = fields.pop("proof")
            record = cls(**fields, proof=Proof(**proof) if proof else None)
            _check(record)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise MigrationError(
                "Raw's record of the grant cannot be read: run checkout-assets access grant or "
                "revoke, which write it anew."
            ) from None
        return record


def _check(record: GrantRecord) -> None:
    """Raises ValueError or TypeError unless everything is of its kind."""
    texts = [record.requester]
    instants = [record.granted_at, record.expires, record.revoked_at or record.expires]
    numbers: list[int] = []
    if record.proof is not None:
        texts.append(record.proof.as_of)
        instants.append(record.proof.at)
        numbers += [record.proof.folders, record.proof.objects]
    if not all(isinstance(each, str) for each in texts):
        raise TypeError("no text")
    if not all(isinstance(each, int) for each in numbers):
        raise TypeError("no count")
    if any(datetime.fromisoformat(each).tzinfo is None for each in instants):
        raise ValueError("an instant has a zone")


def granted(requester: str, now: datetime, expires: datetime) -> GrantRecord:
    """The record of a grant made now."""
    return GrantRecord(requester, _iso(now), _iso(expires))


def told(instant: datetime) -> str:
    """An instant for people."""
    return instant.astimezone(UTC).strftime(_INSTANT)


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds")
