"""Compact months of the analysts' tables: write their files with Spark, then commit each month."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from checkout_assets.domain.compaction.contents import MonthContents
from checkout_assets.domain.compaction.months import Month
from checkout_assets.engines.compacting.catalogs import catalog_explained
from checkout_assets.engines.compacting.choices import CompactionChoices
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
from checkout_assets.engines.locations import Location
from checkout_assets.engines.structuring.apart import iterated_apart
from checkout_assets.engines.structuring.session import cancel_spark_jobs
from spark_jobs.contract.order_types import OrderType

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyspark.sql import SparkSession

    from spark_jobs.compaction.run import WrittenMonth

_BYTES_PER_MB = 1_000_000
_MONTHS_PER_COMMIT = 12
"""A commit costs PyIceberg about 2 s of CPU with 700 leaf columns, whatever it changes."""


class Compactor:
    """Brings months of the analysts' tables up to date with the publication records.

    ``session`` is called when the first month has rows to write; ``cancel_start`` stops a session
    that is starting, when the run is closed.
    """

    def __init__(
        self,
        lake: Location,
        catalog: "Catalog",
        session: "Callable[[], SparkSession]",
        choices: CompactionChoices,
        *,
        cancel_start: Callable[[], None] = lambda: None,
    ) -> None:
        self._lake = lake
        self._store = lake.open()
        self._catalog = catalog
        self._session = session
        self._choices = choices
        self._cancel_start = cancel_start

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
        order_type: OrderType,
        months: Sequence[Month] | None,
        run_id: str,
        *,
        rewrite: bool = False,
    ) -> Iterator[MonthCompacted]:
        """Compact the months that are due, of ``months`` or of all, and yield each when it ends.

        A month that is up to date is yielded without work, unless ``rewrite`` asks to write all of
        them again. A month that fails does not affect the others. Closing the iterator cancels;
        what was written and not committed is removed by a later run.
        """
        found = self.status(order_type)
        held = self._months_with_files(order_type) if rewrite else frozenset()
        due: dict[str, MonthStatus] = {}
        for month in found.keys() if months is None else months:
            status = found.get(month) or MonthStatus(
                MonthContents(order_type.table, month), CommittedMonth()
            )
            if status.state.is_due or (rewrite and (status.contents.files or month in held)):
                due[str(month)] = status
            else:
                yield MonthCompacted(status.contents, status.state)
        if not rewrite:
            yield from self._without_lost_folders(due)
        yield from self._compact(order_type, due, run_id)

    def _months_with_files(self, order_type: OrderType) -> frozenset[Month]:
        with catalog_explained():
            return self.table(order_type).months_with_files()

    def _without_lost_folders(self, due: dict[str, MonthStatus]) -> Iterator[MonthCompacted]:
        """Take out the months that would lose rows of a folder without a record, and yield them."""
        for status, error in refused_for_lost_folders(self._store, list(due.values())):
            del due[str(status.contents.month)]
            yield failed_month(status, error)

    def _compact(
        self, order_type: OrderType, due: Mapping[str, MonthStatus], run_id: str
    ) -> Iterator[MonthCompacted]:
        """Write the months that are due, and commit some at a time as they are written."""
        commits = MonthCommits(self.table(order_type), self._store, run_id)
        emptied = [status for status in due.values() if not status.contents.files]
        yield from commits.together([(status, []) for status in emptied])
        if len(emptied) == len(due):
            return
        with closing(self._written(order_type, due, run_id)) as months:
            while some := list(islice(months, _MONTHS_PER_COMMIT)):
                yield from commits.together([(due[each.month], each.parts) for each in some])

    def _written(
        self, order_type: OrderType, due: Mapping[str, MonthStatus], run_id: str
    ) -> "Generator[WrittenMonth, None, None]":
        from spark_jobs.compaction.parts import CompactionJob, in_parts
        from spark_jobs.compaction.run import write_months

        job = CompactionJob(self._lake.uri, run_id, order_type.table, self._lake.terms)
        target = self._choices.compacted_file_mb * _BYTES_PER_MB
        parts = [
            list(in_parts(month, status.contents.files, target))
            for month, status in due.items()
            if status.contents.files
        ]
        return iterated_apart(
            lambda: write_months(self._session(), job, parts),
            lambda: cancel_spark_jobs(run_id, self._cancel_start),
        )
