"""Commit months whose data files are written, and say how each month ended."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from checkout_assets.domain.compaction.contents import MonthContents, MonthState
from checkout_assets.domain.compaction.months import Month
from checkout_assets.domain.counting import counted
from checkout_assets.domain.errors import MigrationError
from checkout_assets.engines.compacting.catalogs import catalog_explained
from checkout_assets.engines.compacting.month_changes import (
    CONTENTS_VERSION,
    CommittedMonth,
    MonthChange,
)
from checkout_assets.engines.compacting.orders_table import OrdersTable
from checkout_assets.engines.compacting.writing import MonthWritten
from spark_jobs.contract.failures import Failure
from spark_jobs.contract.keys import month_record_key
from spark_jobs.contract.months import WrittenFile
from spark_jobs.stores import Store, StoreError


@dataclass(frozen=True, slots=True)
class MonthStatus:
    """What the publication records name for a month, and what the analysts' table states of it."""

    contents: MonthContents
    committed: CommittedMonth

    @property
    def state(self) -> MonthState:
        """Whether the month is up to date."""
        return self.contents.state(self.committed.digest, CONTENTS_VERSION)


@dataclass(frozen=True, slots=True)
class MonthCompacted:
    """How compacting a month ended; without an ``error`` the table holds exactly its rows.

    ``before`` is what was found: a month that was up to date or empty was left as it is. ``files``
    and ``size`` in bytes are those of the data files written; ``unstated`` counts texts without an
    instant by derived column.
    """

    contents: MonthContents
    before: MonthState
    files: int = 0
    size: int = 0
    seconds: float = 0.0
    unstated: Mapping[str, int] = field(default_factory=dict)
    error: str = ""
    failure: Failure | None = None

    @property
    def ok(self) -> bool:
        """Whether the month is up to date."""
        return not self.error


class MonthCommits:
    """Commits months whose files are written; an error is returned, not raised."""

    def __init__(self, table: OrdersTable, lake: Store, run_id: str) -> None:
        self._table = table
        self._lake = lake
        self._run_id = run_id
        self._started = time.monotonic()

    def together(
        self, months: Sequence[tuple[MonthStatus, MonthWritten]]
    ) -> Iterator[MonthCompacted]:
        """Commit these months at once, without those that are incomplete; yield all of them."""
        changes: list[MonthChange] = []
        refused: dict[Month, MigrationError] = {}
        for status, written in months:
            try:
                changes.append(self._change(status, written))
            except MigrationError as error:
                refused[status.contents.month] = error
        refused.update(self._replaced(changes))
        for status, written in months:
            yield self._ended(status, written, refused.get(status.contents.month))

    def _change(self, status: MonthStatus, written: MonthWritten) -> MonthChange:
        """Write what the month is made from beside the table, before a snapshot names it."""
        contents = status.contents
        _refuse_incomplete(contents, written)
        record = contents.record(CONTENTS_VERSION, written.files)
        key = month_record_key(contents.table, str(contents.month), record.digest)
        try:
            self._lake.put(key, record.to_json())
        except StoreError as error:
            told = f"{contents.month}: the lake could not be written: {error.reason}."
            raise MigrationError(told, error.failure) from None
        return MonthChange(contents, tuple(file.path for file in written.files), status.committed)

    def _replaced(self, changes: Sequence[MonthChange]) -> Mapping[Month, MigrationError]:
        if not changes:
            return {}
        try:
            with catalog_explained():
                return self._table.replace(changes, self._run_id)
        except MigrationError as error:
            return {change.month: error for change in changes}

    def _ended(
        self,
        status: MonthStatus,
        written: MonthWritten,
        error: MigrationError | None,
    ) -> MonthCompacted:
        if error is not None:
            return failed_month(status, error)
        return MonthCompacted(
            status.contents,
            status.state,
            files=len(written.files),
            size=sum(file.size for file in written.files),
            seconds=round(time.monotonic() - self._started, 3),
            unstated=_unstated(written.files),
        )


def failed_month(status: MonthStatus, error: MigrationError) -> MonthCompacted:
    """Return how a month ended that was left as it was."""
    return MonthCompacted(status.contents, status.state, error=str(error), failure=error.failure)


def _refuse_incomplete(contents: MonthContents, written: MonthWritten) -> None:
    """Raise MigrationError unless the files that were written hold the month's rows."""
    if written.error:
        raise MigrationError(written.error, written.failure or Failure("PartFailed"))
    rows = sum(file.rows for file in written.files)
    if rows != contents.rows:
        raise MigrationError(
            f"{contents.table}, {contents.month}: {counted(rows, 'row')} written, but the "
            f"publication records state {contents.rows:,}. Nothing was committed."
        )


def _unstated(files: Sequence[WrittenFile]) -> Mapping[str, int]:
    total: Counter[str] = Counter()
    for file in files:
        total.update(file.unstated)
    return total
