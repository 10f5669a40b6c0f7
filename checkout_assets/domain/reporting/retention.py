"""Which reports are kept: of 90 days the last of each day, and always the newest few."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

DAYS = 90
_NEWEST = 20
_STAMP = "%Y-%m-%dT%H-%M-%SZ"


def stamp_of(instant: datetime) -> str:
    """The name of a report, which sorts by time: ``2026-11-27T05-00-00Z``."""
    return instant.astimezone(UTC).strftime(_STAMP)


def instant_of_stamp(stamp: str) -> datetime | None:
    """When the report of that name was made; None if it is not a report's name."""
    try:
        instant = datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
    return instant if stamp_of(instant) == stamp else None


def superfluous(stamps: Iterable[str], now: datetime) -> set[str]:
    """The reports that need not be kept any more; names that are not reports' are left alone."""
    known = sorted(stamp for stamp in stamps if instant_of_stamp(stamp) is not None)
    oldest = stamp_of(now - timedelta(days=DAYS))
    last_of_day: dict[str, str] = {stamp[: len(date.min.isoformat())]: stamp for stamp in known}
    kept = {stamp for stamp in last_of_day.values() if stamp >= oldest} | set(known[-_NEWEST:])
    return set(known) - kept
