"""Which reports are kept: the last of each day for 90 days, and always the newest ones."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

DAYS = 90
_NEWEST = 20
_STAMP = "%Y-%m-%dT%H-%M-%SZ"


def stamp_of(instant: datetime) -> str:
    """The name of a report, which sorts by time: ``2026-11-27T05-00-00Z``."""
    return instant.astimezone(UTC).strftime(_STAMP)


def instant_of_stamp(stamp: str) -> datetime | None:
    """The time in a report's name; None if it is not a report's name."""
    try:
        instant = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
    return instant if stamp_of(instant) == stamp else None


def superfluous(stamps: Iterable[str], now: datetime) -> set[str]:
    """The reports to delete; other names are never among them."""
    known = sorted(stamp for stamp in stamps if instant_of_stamp(stamp) is not None)
    oldest = stamp_of(now - timedelta(days=DAYS))
    last_of_day: dict[str, str] = {stamp[: len(date.min.isoformat())]: stamp for stamp in known}
    kept = {stamp for stamp in last_of_day.values() if stamp >= oldest} | set(known[-_NEWEST:])
    return set(known) - kept
