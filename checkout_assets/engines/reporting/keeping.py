"""Storing reports in the lake: a page and a record per reconciliation, and removing old ones."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from checkout_assets.domain.reporting.listings import KeptListings
from checkout_assets.domain.reporting.outcome import ReconciliationOutcome
from checkout_assets.domain.reporting.retention import instant_of_stamp, stamp_of, superfluous
from spark_jobs.contract.keys import REPORTS
from spark_jobs.contract.record_format import RecordError, read_record, write_record

if TYPE_CHECKING:
    from spark_jobs.stores import Store

_PAGE, _RECORD = ".html", ".json"
_LISTINGS = f"{REPORTS}listings.json"


@dataclass(frozen=True, slots=True)
class KeptReports:
    """The reports in a lake; every method raises StoreError if the lake fails."""

    lake: "Store"

    def history(self) -> list[ReconciliationOutcome]:
        """The stored outcomes, oldest first.

        A record that cannot be read is left out: only the history depends on it.
        """
        from spark_jobs.stores import Blob

        stamps = _stamps(self._names(), _RECORD)
        keys = [f"{REPORTS}{stamp}{_RECORD}" for stamp in sorted(stamps)]
        read = (found for _, found in self.lake.read_many(keys))
        outcomes = (_outcome_in(found.data) for found in read if isinstance(found, Blob))
        return [outcome for outcome in outcomes if outcome is not None]

    def keep(self, outcome: ReconciliationOutcome, page: str, now: datetime) -> str:
        """Write the page, then its record, and remove old reports; returns the page's key."""
        stamp = stamp_of(outcome.instant)
        key = f"{REPORTS}{stamp}{_PAGE}"
        self.lake.put(key, page.encode())
        self.lake.put(f"{REPORTS}{stamp}{_RECORD}", write_record(outcome))
        self._remove_old(now)
        return key

    def listings(self) -> KeptListings:
        """The last listings of folders; empty if there are none that can be read."""
        from spark_jobs.stores import NotFoundError

        try:
            return read_record(KeptListings, self.lake.get(_LISTINGS).data)
        except (NotFoundError, RecordError):
            return KeptListings()

    def keep_listings(self, listings: KeptListings) -> None:
        """Replace the last listings of folders."""
        self.lake.put(_LISTINGS, write_record(listings))

    def page_of(self, outcome: ReconciliationOutcome) -> tuple[str, str]:
        """Key and text of the page stored with an outcome; raises NotFoundError."""
        key = f"{REPORTS}{stamp_of(outcome.instant)}{_PAGE}"
        return key, self.lake.get(key).data.decode()

    def _remove_old(self, now: datetime) -> None:
        names = self._names()
        for ending in (_PAGE, _RECORD):
            old = sorted(superfluous(_stamps(names, ending), now))
            if old:
                self.lake.delete(f"{REPORTS}{stamp}{ending}" for stamp in old)

    def _names(self) -> list[str]:
        return [entry.key.removeprefix(REPORTS) for entry in self.lake.list(REPORTS)]


def _stamps(names: Iterable[str], ending: str) -> list[str]:
    """The names that end in ``ending``, without it."""
    stamps = [name.removesuffix(ending) for name in names if name.endswith(ending)]
    return [stamp for stamp in stamps if instant_of_stamp(stamp) is not None]


def _outcome_in(data: bytes) -> ReconciliationOutcome | None:
    try:
        return read_record(ReconciliationOutcome, data)
    except RecordError:
        return None
