"""Times that documents hold as text, as instants in UTC."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Optional

_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|z|([+-])(\d\d):?(\d\d))", re.ASCII
)
_HOURS, _MINUTES = 14, 59
"""The largest offset of a time zone is 14 hours."""


def utc_instant(text: str) -> Optional[datetime]:
    """Return the instant that a text states with its zone; None if it does not state one.

    The result has microseconds; a seventh digit of the fraction is cut off.
    """
    match = _INSTANT.fullmatch(text)
    if match is None:
        return None
    day, time, fraction, sign, hours, minutes = match.groups()
    try:
        local = datetime.fromisoformat(f"{day}T{time}.{(fraction or '')[:6]:0<6}")
        offset = _offset(sign, hours, minutes)
        return None if offset is None else (local - offset).replace(tzinfo=timezone.utc)
    except (ValueError, OverflowError):  # not in the calendar
        return None


def _offset(sign: Optional[str], hours: str, minutes: str) -> Optional[timedelta]:
    if not sign:
        return timedelta(0)
    if int(hours) > _HOURS or int(minutes) > _MINUTES:
        return None
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return -offset if sign == "-" else offset
