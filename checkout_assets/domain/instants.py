"""Instants as people and records write them."""

from datetime import UTC, datetime


def instant_of(text: str) -> datetime | None:
    """The instant in UTC that ISO 8601 text with a zone names; None for anything else.

    None, too, for an instant that lies outside the years 1 to 9999 in UTC.
    """
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None
