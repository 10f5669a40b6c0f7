"""Days of the tables that cannot be the day of an order."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Dict, Iterable

from spark_jobs.contract.completion import CompletionRecord
from spark_jobs.contract.keys import day_of_table_file
from spark_jobs.contract.publication import PublishedFile

FIRST_DAY = "2000-01-01"
"""Programs write earlier days when they do not know a date: 1970-01-01, 1900-01-01."""


def implausible_dates(files: Iterable[PublishedFile], copy: CompletionRecord) -> Dict[str, int]:
    """Count rows of days before FIRST_DAY and after the copy, if any.

    A copied document was written before the copy's cut-off and listing, so it cannot hold a later
    change. One day more is allowed for clocks and time zones.
    """
    copied = min(datetime.fromisoformat(copy.as_of), datetime.fromisoformat(copy.listed_at))
    last_day = (copied + timedelta(days=1)).date().isoformat()
    rows: Counter[str] = Counter()
    for file in files:
        day = day_of_table_file(file.path)
        if day < FIRST_DAY:
            rows["too_early"] += file.rows
        elif day > last_day:
            rows["too_late"] += file.rows
    return dict(rows)
