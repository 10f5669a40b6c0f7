"""Orphaned files: they are in the lake under a folder's name, but not in its publication record.

Readers of the tables may see rows twice while such files are there.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from checkout_assets.domain.displayable import displayable, masked

LEAST_AGE = timedelta(hours=1)
"""Younger orphaned files are removed only on request: their run may still be publishing them."""

_LONGEST_KEY = 1024
_RUN = r"(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|cli-[0-9a-f]{8})"
_DIRECTORY = re.compile(
    r"(?:consumable_tables/(?:checkout|fulfillment)/(?:YEAR=\d{4}/MONTH=\d\d/DAY=\d\d/)?"
    r"|quarantine/(?:checkout|fulfillment)/(?:[0-9A-F]{2}_(?:Checkout|Fulfillment)Order/)?)",
    re.ASCII,
)
_FILE = re.compile(
    rf"(?:[0-9A-F]{{2}}_(?:Checkout|Fulfillment)Order\.)?{_RUN}(?:\.\d+){{1,2}}\.parquet",
    re.ASCII,
)
"""A file name of this program, with the run id of Dagster or of the command line."""


@dataclass(frozen=True, slots=True)
class OrphanedFile:
    """A file in the lake that belongs to a folder by its name, as it was listed.

    ``size`` is in bytes; ``etag`` is empty on a disk.
    """

    path: str
    size: int
    last_modified: datetime
    etag: str = ""

    def is_younger(self, least_age: timedelta, now: datetime) -> bool:
        """Whether it was last written less than ``least_age`` before ``now``."""
        return now - self.last_modified < least_age

    def shown(self, show_names: bool = False) -> str:
        """Return the path; names not made by this program are masked unless ``show_names``."""
        return shown_path(self.path, show_names)


def shown_path(path: str, show_names: bool = False) -> str:
    """Return a key of the lake for display; untrusted names in it only with ``show_names``."""
    if show_names:
        return displayable(path, longest=_LONGEST_KEY)
    directory = _DIRECTORY.match(path)
    known = directory[0] if directory else ""
    if _FILE.fullmatch(path, len(known)):
        return path
    return known + masked(path).rpartition("/")[2]


def shown_some(orphans: Iterable[OrphanedFile], most: int, show_names: bool = False) -> list[str]:
    """Return the paths of the first ``most`` files in key order, and how many more there are."""
    ordered = sorted(orphans, key=lambda each: each.path)
    more = len(ordered) - most
    shown = [each.shown(show_names) for each in ordered[:most]]
    return [*shown, f"and {more:,} more"] if more > 0 else shown
