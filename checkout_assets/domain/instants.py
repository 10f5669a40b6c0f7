"""Parse times as people and records write them."""

from datetime import UTC, datetime


def instant_of(text: str) -> datetime | None:
    """Return the time in UTC for ISO 8601 text with a zone; None for any other text.

    None, too, for a time outside the years 1 to 9999 in UTC.
    """
    try:
        found = datetime.fromisoformat(text)
        return found.astimezone(UTC) if found.tzinfo else None
    except (ValueError, OverflowError):
        return None
