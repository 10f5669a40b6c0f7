"""Compare the analysts' tables with the publication records; nothing is written."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from checkout_assets.domain.compaction.comparing import DeepRead, MonthCompared, TableCompared
from checkout_assets.domain.compaction.contents import MonthContents, contents_by_month
from checkout_assets.domain.compaction.months import Month
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.domain.reconciliation import FolderReconciled
from checkout_assets.engines.compacting.catalogs import catalog_explained, find_catalog
from checkout_assets.engines.compacting.committing import MonthStatus
from checkout_assets.engines.compacting.deep_reading import read_deep, recorded_digests
from checkout_assets.engines.compacting.month_changes import CommittedMonth
from checkout_assets.engines.compacting.orders_table import (
    OrdersTable,
    committed_months,
    month_of_file,
)
from checkout_assets.engines.locations import Location
from spark_jobs.contract.keys import analysts_table_prefix
from spark_jobs.contract.order_types import OrderType
from spark_jobs.contract.publication import PUBLISHED
from spark_jobs.stores import Store, StoreError

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table


def compare_tables(
    lake: Location,
    catalog: str,
    folders: Sequence[FolderReconciled],
    is_deep: Callable[[Month], bool] = lambda _: False,
) -> list[TableCompared]:
    """Compare both tables with the records of all folders, which a reconciliation has read.

    ``catalog`` is the setting. The data files of the months that are ``is_deep`` are read too. What
    cannot be read is told in the result, and not raised.
    """
    try:
        found = find_catalog(catalog, lake)
    except (MigrationError, UsageError) as error:
        return [TableCompared(each.table, problem=str(error)) for each in OrderType]
    return [_compared(lake, found, each, folders, is_deep) for each in OrderType]


def _compared(
    lake: Location,
    catalog: "Catalog | None",
    order_type: OrderType,
    folders: Iterable[FolderReconciled],
    is_deep: Callable[[Month], bool],
) -> TableCompared:
    own = [each for each in folders if each.folder.order_type is order_type]
    try:
        with catalog_explained():
            orders = OrdersTable(catalog, lake, order_type.table) if catalog else None
            table = orders.load() if orders else None
            if orders is None or table is None:
                return TableCompared(order_type.table)
            return _with_records(_Held(orders, lake.open(), table), own, is_deep)
    except MigrationError as error:
        return TableCompared(order_type.table, problem=str(error))
    except StoreError as error:
        told = f"the lake could not be read: {error.reason}."
        return TableCompared(order_type.table, problem=told)


class _Held:
    """What the current snapshot of a table that was made names, and what the lake holds of it."""

    def __init__(self, orders: OrdersTable, lake: Store, table: "Table") -> None:
        self.name = orders.name
        self.committed = committed_months(table)
        self._orders, self._lake, self._io = orders, lake, table.io
        sizes = {
            orders.uri_of(entry.key): entry.size
            for entry in lake.list(analysts_table_prefix(orders.name))
        }
        self.files: defaultdict[Month, list[DataFile]] = defaultdict(list)
        self.missing: Counter[Month] = Counter()
        self._there: defaultdict[Month, list[DataFile]] = defaultdict(list)
        for task in table.scan().plan_files():
            month = month_of_file(task.file)
            self.files[month].append(task.file)
            if sizes.get(task.file.file_path) == task.file.file_size_in_bytes:
                self._there[month].append(task.file)
            else:
                self.missing[month] += 1

    def read_deep(self, month: Month) -> DeepRead:
        """Read the month's data files that the lake holds with the size that the table states."""
        stated = self.committed.get(month, CommittedMonth())
        digests = recorded_digests(self._orders, self._lake, month, stated)
        return read_deep(self._io, [each.file_path for each in self._there[month]], digests)


def _with_records(
    held: _Held, folders: Iterable[FolderReconciled], is_deep: Callable[[Month], bool]
) -> TableCompared:
    """Compare a table that was made."""
    records = [each.lake.record for each in folders if each.lake.record is not None]
    unfinished = next((each.folder for each in records if each.state != PUBLISHED), "")
    if unfinished:
        raise MigrationError(f"{unfinished} is being published.")
    published = contents_by_month(held.name, records)
    months = sorted({*published, *held.committed, *held.files})
    return TableCompared(
        held.name,
        is_made=True,
        months=tuple(
            _month_compared(
                held,
                _status(held.name, month, published, held.committed),
                held.read_deep(month) if is_deep(month) else None,
            )
            for month in months
        ),
    )


def _month_compared(held: _Held, status: MonthStatus, deep: DeepRead | None) -> MonthCompared:
    month, files = status.contents.month, held.files[status.contents.month]
    return MonthCompared(
        month,
        status.state,
        recorded=status.contents.rows,
        held=sum(file.record_count for file in files),
        files_missing=held.missing[month],
        files_recorded=len(status.contents.files),
        bytes_recorded=status.contents.size,
        files_held=len(files),
        bytes_held=sum(file.file_size_in_bytes for file in files),
        deep=deep,
    )


def _status(
    name: str,
    month: Month,
    published: Mapping[Month, MonthContents],
    committed: Mapping[Month, CommittedMonth],
) -> MonthStatus:
    contents = published.get(month, MonthContents(name, month))
    return MonthStatus(contents, committed.get(month, CommittedMonth()))
