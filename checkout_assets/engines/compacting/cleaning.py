"""Expire old snapshots of an analysts' table, and remove the files that no snapshot names."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from checkout_assets.engines.compacting.orders_table import (
    OrdersTable,
    committed_months,
    named_month_records,
)
from spark_jobs.contract.keys import (
    analysts_table_prefix,
    compacted_prefix,
    month_plan_prefix,
    month_record_key,
    month_records_prefix,
)
from spark_jobs.stores import Store
from spark_jobs.stores.local import TEMPORARY

if TYPE_CHECKING:
    from pyiceberg.table import Table

_METADATA = (".avro", ".metadata.json")


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
    """Remove the table's files that no snapshot names and that are older; returns how many.

    These are data files, metadata, and the records of what months were made from.
    A younger file may belong to a run that has not committed yet.
    """
    table = orders.load()
    if table is None:
        return 0
    old = list(_old_files(orders.name, lake, now - least_age))
    if not old:
        return 0
    records = map(orders.uri_of, _month_records(orders.name, table))
    named = {*_named_files(table), *_table_metadata(table), *records}
    unnamed = [key for key in old if orders.uri_of(key) not in named]
    lake.delete(unnamed)
    return len(unnamed)


def _old_files(table: str, lake: Store, limit: datetime) -> Iterator[str]:
    """Data files, plans, records of months, metadata, and the temporary files of a killed run."""
    ours = (compacted_prefix(table), month_plan_prefix(table), month_records_prefix(table))
    metadata = f"{analysts_table_prefix(table)}metadata/"
    for entry in lake.list(analysts_table_prefix(table)):
        is_metadata = entry.key.startswith(metadata) and entry.key.endswith(_METADATA)
        is_temporary = entry.key.rpartition("/")[2].startswith(TEMPORARY)
        if (entry.key.startswith(ours) or is_metadata or is_temporary) and (
            entry.last_modified.astimezone(UTC) < limit
        ):
            yield entry.key


def _table_metadata(table: "Table") -> Iterator[str]:
    """The table's current metadata and the earlier ones that it names, which the catalog removes.

    Other ones are those of commits that the catalog never accepted.
    """
    yield table.metadata_location
    for entry in table.metadata.metadata_log:
        yield entry.metadata_file


def _month_records(name: str, table: "Table") -> Iterator[str]:
    """The records of what the table's months are made from, and were in its snapshots."""
    for month, stated in committed_months(table).items():
        yield month_record_key(name, str(month), stated.digest)
    for snapshot in table.snapshots():
        yield from named_month_records(snapshot)


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
