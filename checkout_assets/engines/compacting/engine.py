"""Compact months of the analysts' tables: have their files written, then commit each month."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from checkout_assets.domain.compaction.contents import MonthContents
from checkout_assets.domain.compaction.months import Month, TableMonth
from checkout_assets.domain.errors import MigrationError
from checkout_assets.engines.compacting.catalogs import catalog_explained
from checkout_assets.engines.compacting.cleaning import expire_snapshots, remove_unnamed_files
from checkout_assets.engines.compacting.committing import (
    MonthCommits,
    MonthCompacted,
    MonthStatus,
    failed_month,
)
from checkout_assets.engines.compacting.lost_folders import refused_for_lost_folders
from checkout_assets.engines.compacting.month_changes import CommittedMonth
from checkout_assets.engines.compacting.orders_table import OrdersTable
from checkout_assets.engines.compacting.published import published_months
from checkout_assets.engines.compacting.writing import MonthWriter, MonthWritten
from checkout_assets.engines.locations import Location
from spark_jobs.contract.order_types import OrderType
from spark_jobs.stores import StoreError

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

_MONTHS_PER_COMMIT = 12
"""A commit costs PyIceberg about 2 s of CPU with 700 leaf columns, whatever it changes."""


class Compactor:
    """Brings months of the analysts' tables up to date with the publication records.

    ``writer`` writes the data files; every commit is made here.
    """

    def __init__(self, lake: Location, catalog: "Catalog", writer: MonthWriter) -> None:
        self._lake = lake
        self._store = lake.open()
        self._catalog = catalog
        self._writer = writer

    def status(self, order_type: OrderType) -> Mapping[Month, MonthStatus]:
        """Return every month in which the records name rows or the table has some, in order.

        Raises MigrationError if a folder's record cannot be used, StoreError if the lake cannot be
        read.
        """
        published = published_months(self._store, order_type)
        with catalog_explained():
            committed = self.table(order_type).committed()
        return {
            month: MonthStatus(
                published.get(month, MonthContents(order_type.table, month)),
                committed.get(month, CommittedMonth()),
            )
            for month in sorted({*published, *committed})
        }

    def table(self, order_type: OrderType) -> OrdersTable:
        """Return the analysts' table of that order type."""
        return OrdersTable(self._catalog, self._lake, order_type.table)

    def clean(self, order_type: OrderType, least_age: timedelta, now: datetime) -> int:
        """Expire old snapshots and remove the files that none names; returns how many files.

        A file younger than ``least_age`` stays: its run may not have committed yet.
        """
        table = self.table(order_type)
        with catalog_explained():
            expire_snapshots(table, least_age, now)
            return remove_unnamed_files(table, self._store, least_age, now)

    def run(
        self,
        asked: Mapping[OrderType, Sequence[Month] | None],
        run_id: str,
        *,
        rewrite: bool = False,
    ) -> Iterator[MonthCompacted]:
        """Compact the months that are due, and yield each when it ends.

        ``asked`` holds the months of each table, or None for all of them. A month that is up to
        date is yielded without work, unless ``rewrite`` asks to write all of them again. A month
        that fails does not affect the others, and a table whose records cannot be used is reported,
        as by ``status``, when the other one is done. Closing the iterator cancels; what was written
        and not committed is removed by a later run.
        """
        due: dict[TableMonth, MonthStatus] = {}
        problems: list[MigrationError | StoreError] = []
        for order_type, months in asked.items():
            try:
                yield from self._take_due(due, order_type, months, rewrite)
            except (MigrationError, StoreError) as error:
                problems.append(error)
        yield from self._compact(due, run_id)
        if problems:
            raise problems[0]

    def _take_due(
        self,
        due: dict[TableMonth, MonthStatus],
        order_type: OrderType,
        months: Sequence[Month] | None,
        rewrite: bool,
    ) -> Iterator[MonthCompacted]:
        """Add the table's months that have to be written to ``due``, and yield the others."""
        own: dict[TableMonth, MonthStatus] = {}
        held = self._months_with_files(order_type) if rewrite else frozenset()
        for status in self._asked(order_type, months):
            contents = status.contents
            if status.state.is_due or (rewrite and (contents.files or contents.month in held)):
                own[contents.unit] = status
            else:
                yield MonthCompacted(contents, status.state)
        if not rewrite:
            yield from self._without_lost_folders(own)
        due.update(own)

    def _asked(
        self, order_type: OrderType, months: Sequence[Month] | None
    ) -> Sequence[MonthStatus]:
        found = self.status(order_type)
        if months is None:
            return list(found.values())
        table = order_type.table
        return [
            found.get(month) or MonthStatus(MonthContents(table, month), CommittedMonth())
            for month in months
        ]

    def _months_with_files(self, order_type: OrderType) -> frozenset[Month]:
        with catalog_explained():
            return self.table(order_type).months_with_files()

    def _without_lost_folders(self, due: dict[TableMonth, MonthStatus]) -> Iterator[MonthCompacted]:
        """Take out the months that would lose rows of a folder without a record, and yield them."""
        for status, error in refused_for_lost_folders(self._store, list(due.values())):
            del due[status.contents.unit]
            yield failed_month(status, error)

    def _compact(
        self, due: Mapping[TableMonth, MonthStatus], run_id: str
    ) -> Iterator[MonthCompacted]:
        """Write the months that are due, and commit some at a time as they are written."""
        full = [status.contents for status in due.values() if status.contents.files]
        emptied = [unit for unit, status in due.items() if not status.contents.files]
        commits = {
            each.table: MonthCommits(self.table(each), self._store, run_id) for each in OrderType
        }
        yield from _committed(commits, due, [MonthWritten(unit) for unit in emptied])
        if not full:
            return
        with closing(self._writer.write(full, run_id)) as months:
            while some := list(islice(months, _MONTHS_PER_COMMIT)):
                yield from _committed(commits, due, some)


def _committed(
    commits: Mapping[str, MonthCommits],
    due: Mapping[TableMonth, MonthStatus],
    some: Sequence[MonthWritten],
) -> Iterator[MonthCompacted]:
    """Commit these months, those of one table at once."""
    for table, own in commits.items():
        months = [(due[each.month], each) for each in some if each.month.table == table]
        yield from own.together(months)
