"""Which folders have their turn on a day, so that all have it within a number of days."""

from collections.abc import Sequence
from datetime import date

from checkout_assets.domain.folders import ALL_FOLDERS, Folder


def due_on(day: date, days: int) -> Sequence[Folder]:
    """The folders of that day: neighbours in key order, and every folder once in ``days`` days.

    The date alone decides, so a second run on one day takes the same ones. ``days`` is at least 1;
    above 512 some days have none.
    """
    part = day.toordinal() % days
    count = len(ALL_FOLDERS)
    return ALL_FOLDERS[part * count // days : (part + 1) * count // days]
