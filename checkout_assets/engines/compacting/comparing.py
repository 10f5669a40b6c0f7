"""Compare the analysts' tables with the publication records; nothing is written."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from checkout_assets.domain.compaction.comparing import MonthCompared, TableCompared
from checkout_assets.domain.compaction.contents import MonthContents, contents_by_month
from checkout_assets.domain.compaction.months import Month
from checkout_assets.domain.errors import MigrationError, UsageError
from checkout_assets.domain.reconciliation import FolderReconciled
from checkout_assets.engines.compacting.catalogs import catalog_explained, find_catalog
from checkout_assets.engines.compacting.committing import MonthStatus
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
from spark_jobs.stores import StoreError

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table


def compare_tables(
    lake: Location, catalog: str, folders: Sequence[FolderReconciled]
) -> list[TableCompared]:
    """Compare both tables with the records of all folders, which a reconciliation has read.

    ``catalog`` is the setting. What cannot be read is told in the result, and not raised.
    """
    try:
        found = find_catalog(catalog, lake)
    except (MigrationError, UsageError) as error:
        return [TableCompared(each.table, problem=str(error)) for each in OrderType]
    return [_compared(lake, found, each, folders) for each in OrderType]


def _compared(
    lake: Location,
    catalog: "Catalog | None",
    order_type: OrderType,
    folders: Iterable[FolderReconciled],
) -> TableCompared:
    own = [each for each in folders if each.folder.order_type is order_type]
    try:
        with catalog_explained():
            orders = OrdersTable(catalog, lake, order_type.table) if catalog else None
            table = orders.load() if orders else None
            if orders is None or table is None:
                return TableCompared(order_type.table)
            sizes = {
                orders.uri_of(entry.key): entry.size
                for entry in lake.open().list(analysts_table_prefix(orders.name))
            }
            return _with_records(orders.name, table, sizes, own)
    except MigrationError as error:
        return TableCompared(order_type.table, problem=str(error))
    except StoreError as error:
        told = f"the lake could not be read: {error.reason}."
        return TableCompared(order_type.table, problem=told)


def _with_records(
    name: str, table: "Table", sizes: Mapping[str, int], folders: Iterable[FolderReconciled]
) -> TableCompared:
    """Compare a table that was made; ``sizes`` are those of its files in the lake, by URI."""
    records = [each.lake.record for each in folders if each.lake.record is not None]
    unfinished = next((each.folder for each in records if each.state != PUBLISHED), "")
    if unfinished:
        raise MigrationError(f"{unfinished} is being published.")
    published = contents_by_month(name, records)
    committed = committed_months(table)
    files = [task.file for task in table.scan().plan_files()]
    held, missing = _held_by_month(files), _missing_by_month(files, sizes)
    return TableCompared(
        name,
        is_made=True,
        months=tuple(
            _month_compared(_status(name, month, published, committed), held[month], missing[month])
            for month in sorted({*published, *committed, *held})
        ),
    )


def _month_compared(status: MonthStatus, held: "Sequence[DataFile]", missing: int) -> MonthCompared:
    return MonthCompared(
        status.contents.month,
        status.state,
        recorded=status.contents.rows,
        held=sum(file.record_count for file in held),
        files_missing=missing,
        files_recorded=len(status.contents.files),
        bytes_recorded=status.contents.size,
        files_held=len(held),
        bytes_held=sum(file.file_size_in_bytes for file in held),
    )


def _status(
    name: str,
    month: Month,
    published: Mapping[Month, MonthContents],
    committed: Mapping[Month, CommittedMonth],
) -> MonthStatus:
    contents = published.get(month, MonthContents(name, month))
    return MonthStatus(contents, committed.get(month, CommittedMonth()))


def _held_by_month(files: "Iterable[DataFile]") -> "defaultdict[Month, list[DataFile]]":
    held: defaultdict[Month, list[DataFile]] = defaultdict(list)
    for file in files:
        held[month_of_file(file)].append(file)
    return held


def _missing_by_month(files: "Iterable[DataFile]", sizes: Mapping[str, int]) -> Counter[Month]:
    """Count the data files that the lake does not hold with the size that the table states."""
    return Counter(
        month_of_file(file)
        for file in files
        if sizes.get(file.file_path) != file.file_size_in_bytes
    )
