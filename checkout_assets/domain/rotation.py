"""Which folders and months are due on a day, so that all are within a number of days."""

from collections.abc import Sequence
from datetime import date

from checkout_assets.domain.compaction.months import Month
from checkout_assets.domain.folders import ALL_FOLDERS, Folder


def due_on(day: date, days: int) -> Sequence[Folder]:
    """The folders of a day, consecutive in key order: each folder is due once in ``days`` days.

    Only the date decides, so a second run on a day gets the same folders. ``days`` is at least 1;
    above 512 some days have none.
    """
    part = day.toordinal() % days
    count = len(ALL_FOLDERS)
    return ALL_FOLDERS[part * count // days : (part + 1) * count // days]


def is_month_due_on(month: Month, day: date, days: int) -> bool:
    """Whether a month is due on a day, once in ``days`` days; a new month changes no other's turn.

    ``days`` is at least 1.
    """
    return month.since_year_0 % days == day.toordinal() % days
