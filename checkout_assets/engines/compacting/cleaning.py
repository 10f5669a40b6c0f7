"""Expire old snapshots of an analysts' table, and remove the files that no snapshot names."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from checkout_assets.engines.compacting.orders_table import OrdersTable
from spark_jobs.contract.keys import analysts_table_prefix, compacted_prefix
from spark_jobs.stores import Store

if TYPE_CHECKING:
    from pyiceberg.table import Table


def expire_snapshots(orders: OrdersTable, keep: timedelta, now: datetime) -> int:
    """Expire the snapshots that are older than ``keep``; returns how many.

    The current snapshot never expires.
    """
    table = orders.load()
    if table is None or table.current_snapshot() is None:
        return 0
    limit = now - keep
    before = len(table.snapshots())
    if not any(_made_at(each.timestamp_ms) < limit for each in table.snapshots()[:-1]):
        return 0
    table.maintenance.expire_snapshots().older_than(limit).commit()
    return before - len(table.refresh().snapshots())


def remove_unnamed_files(
    orders: OrdersTable, lake: Store, least_age: timedelta, now: datetime
) -> int:
    """Remove data files and manifests that no snapshot names and that are older; returns how many.

    A younger file may belong to a run that has not committed yet.
    """
    table = orders.load()
    if table is None:
        return 0
    old = list(_old_files(orders.name, lake, now - least_age))
    if not old:
        return 0
    named = set(_named_files(table))
    unnamed = [key for key in old if orders.uri_of(key) not in named]
    lake.delete(unnamed)
    return len(unnamed)


def _old_files(table: str, lake: Store, limit: datetime) -> Iterator[str]:
    """Data files, manifests and lists of manifests; the catalog removes old table metadata."""
    places = (
        (compacted_prefix(table), ".parquet"),
        (f"{analysts_table_prefix(table)}metadata/", ".avro"),
    )
    for prefix, ending in places:
        for entry in lake.list(prefix):
            if entry.key.endswith(ending) and entry.last_modified.astimezone(UTC) < limit:
                yield entry.key


def _named_files(table: "Table") -> Iterator[str]:
    """Every file that a snapshot of the table needs, as its metadata spells it."""
    seen: set[str] = set()
    for snapshot in table.snapshots():
        yield snapshot.manifest_list
        for manifest in snapshot.manifests(table.io):
            if manifest.manifest_path in seen:
                continue
            seen.add(manifest.manifest_path)
            yield manifest.manifest_path
            for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True):
                yield entry.data_file.file_path


def _made_at(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
