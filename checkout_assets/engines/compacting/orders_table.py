"""One analysts' table in its catalog: what its months hold, and replacing a month."""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from checkout_assets.domain.compaction.months import Month
from checkout_assets.domain.compaction.tables import NAMESPACE
from checkout_assets.domain.errors import MigrationError
from checkout_assets.engines.compacting.iceberg_schema import iceberg_schema
from checkout_assets.engines.compacting.month_changes import (
    CONTENTS_VERSION,
    CommittedMonth,
    MonthChange,
)
from checkout_assets.engines.locations import LocalLocation, Location
from spark_jobs.compaction.columns import DERIVED, ORDER_DATE
from spark_jobs.contract.failures import Failure
from spark_jobs.contract.keys import analysts_table_prefix, month_record_key

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.manifest import DataFile
    from pyiceberg.table import Table, Transaction
    from pyiceberg.table.snapshots import Snapshot

_MONTH_PROPERTY = "checkout-assets.month."
_SUMMARY, _RECORD = "checkout-assets.", ".record"
_ATTEMPTS = 8
_LONGEST_PAUSE = 2.0
_LOST_RACE = Failure("MonthCompactedMeanwhile", transient=True)

_METRICS = "write.metadata.metrics."
_PROPERTIES = {
    # Statistics of 700 leaf columns in each manifest would outweigh the data.
    f"{_METRICS}default": "none",
    **{f"{_METRICS}column.{column.name}": "full" for column in DERIVED},
    f"{_METRICS}column.id": "truncate(32)",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    # Whether a commit is retried is decided here, after a look at the month.
    "commit.retry.num-retries": "0",
}


class OrdersTable:
    """The Iceberg table ``orders.checkout`` or ``orders.fulfillment``."""

    def __init__(self, catalog: "Catalog", lake: Location, name: str) -> None:
        self._catalog = catalog
        self._lake = lake
        self.name = name
        self._identifier = (NAMESPACE, name)

    def load(self) -> "Table | None":
        """Return the table as it is now; None if it was never created."""
        from pyiceberg.exceptions import NoSuchNamespaceError, NoSuchTableError

        try:
            return self._catalog.load_table(self._identifier)
        except (NoSuchTableError, NoSuchNamespaceError):
            return None

    def create(self) -> "Table":
        """Return the table; creates it, partitioned by month, if there is none."""
        from pyiceberg.exceptions import TableAlreadyExistsError
        from pyiceberg.partitioning import PartitionField, PartitionSpec
        from pyiceberg.transforms import MonthTransform

        if (found := self.load()) is not None:
            return found
        schema = iceberg_schema(self.name)
        by_month = PartitionField(
            schema.find_field(ORDER_DATE).field_id, 1000, MonthTransform(), "order_month"
        )
        self._catalog.create_namespace_if_not_exists(NAMESPACE)
        try:
            return self._catalog.create_table(
                self._identifier,
                schema,
                location=self.uri_of(analysts_table_prefix(self.name).rstrip("/")),
                partition_spec=PartitionSpec(by_month),
                properties={**_PROPERTIES, "comment": _comment(self.name)},
            )
        except TableAlreadyExistsError:
            return self._catalog.load_table(self._identifier)

    def committed(self) -> Mapping[Month, CommittedMonth]:
        """Return what the table states of each month that it holds."""
        table = self.load()
        return committed_months(table) if table is not None else {}

    def months_with_files(self) -> frozenset[Month]:
        """Return the months of which the current snapshot names data files."""
        table = self.load()
        tasks = table.scan().plan_files() if table is not None else ()
        return frozenset(month_of_file(task.file) for task in tasks)

    def uri_of(self, key: str) -> str:
        """Return the URI of a key of the lake, as the table's metadata names it."""
        scheme = "file://" if isinstance(self._lake, LocalLocation) else ""
        return f"{scheme}{self._lake.uri}/{key}"

    def replace(
        self, changes: Sequence[MonthChange], run_id: str
    ) -> Mapping[Month, MigrationError]:
        """Make each change's data files the only ones of its month, all in one commit.

        A commit that another one precedes is retried. Returns, by month, why it was not changed:
        another run replaced it meanwhile, or the catalog never accepted a commit.
        """
        refused: dict[Month, MigrationError] = {}
        left = list(changes)
        for attempt in range(_ATTEMPTS):
            table = self.create()
            stated = committed_months(table)
            if attempt:  # the attempt before may have been accepted, and its answer lost
                left = [each for each in left if not each.is_done(stated, run_id)]
            for change in [each for each in left if not each.is_current(stated)]:
                refused[change.month] = MigrationError(
                    _replaced_meanwhile(self.name, change.month), _LOST_RACE
                )
                left.remove(change)
            if not left:
                return refused
            try:
                self._add_new_columns(table)
                with table.transaction() as transaction:
                    self._change(transaction, table, left, run_id)
            except _preceded():
                time.sleep(random.uniform(0, min(_LONGEST_PAUSE, 0.1 * 2**attempt)))
            else:
                return refused
        return refused | {each.month: _never_accepted(self.name, each.month) for each in left}

    def _add_new_columns(self, table: "Table") -> None:
        """Add the columns and fields that the schema has got since the table was created."""
        schema = iceberg_schema(self.name)
        if not set(schema.column_names) <= set(table.schema().column_names):
            with table.update_schema() as update:
                update.union_by_name(schema)

    def _change(
        self,
        transaction: "Transaction",
        table: "Table",
        changes: Sequence[MonthChange],
        run_id: str,
    ) -> None:
        """Stage the new files in place of the old ones, and what the table states of the months."""
        old = table.scan(row_filter=in_months([each.month for each in changes])).plan_files()
        summary = self._summary(changes, run_id)
        with transaction.update_snapshot(snapshot_properties=summary).overwrite() as files:
            for task in old:
                files.delete_data_file(task.file)
            for path in [path for each in changes for path in each.paths]:
                files.append_data_file(self._data_file(table, path))
        stated = {
            _property_of(each.month): str(each.after(run_id)) for each in changes if each.paths
        }
        if table.name_mapping() is None:
            mapping = table.schema().name_mapping.model_dump_json()
            stated["schema.name-mapping.default"] = mapping
        transaction.set_properties(stated)
        emptied = {_property_of(each.month) for each in changes if not each.paths}
        transaction.remove_properties(*sorted(emptied & table.properties.keys()))

    def _data_file(self, table: "Table", path: str) -> "DataFile":
        from pyiceberg.io.pyarrow import parquet_file_to_data_file

        return parquet_file_to_data_file(table.io, table.metadata, self.uri_of(path))

    def _summary(self, changes: Sequence[MonthChange], run_id: str) -> dict[str, str]:
        """Return what the snapshot says of its months: digests and the records beside the table."""
        told = {f"{_SUMMARY}run-id": run_id}
        for each in changes:
            digest, month = each.contents.digest(CONTENTS_VERSION), str(each.month)
            told[f"{_SUMMARY}{month}.digest"] = digest
            told[f"{_SUMMARY}{month}{_RECORD}"] = month_record_key(self.name, month, digest)
        return told


def committed_months(table: "Table") -> Mapping[Month, CommittedMonth]:
    """Return what a loaded table states of its months."""
    return {
        Month.parse(name.removeprefix(_MONTH_PROPERTY)): CommittedMonth.parse(value)
        for name, value in table.properties.items()
        if name.startswith(_MONTH_PROPERTY)
    }


def named_month_records(snapshot: "Snapshot") -> Iterator[str]:
    """Yield the keys of the records of what the months were made from that a snapshot changed."""
    told = snapshot.summary.additional_properties if snapshot.summary else {}
    for name, value in told.items():
        if name.startswith(_SUMMARY) and name.endswith(_RECORD):
            yield value


def month_of_file(file: "DataFile") -> Month:
    """Return the month whose rows a data file of the table holds."""
    return Month.after_1970(file.partition[0])


def in_months(months: Sequence[Month]) -> str:
    """Return the filter for the rows of these months, in PyIceberg's notation."""
    return " or ".join(
        f"({ORDER_DATE} >= '{month.first_day}' and {ORDER_DATE} < '{month.following.first_day}')"
        for month in months
    )


def _property_of(month: Month) -> str:
    return f"{_MONTH_PROPERTY}{month}"


def _never_accepted(table: str, month: Month) -> MigrationError:
    return MigrationError(
        f"{NAMESPACE}.{table}, {month}: the catalog accepted none of {_ATTEMPTS} commits because "
        "others preceded them. The month was not changed. Run it again.",
        _LOST_RACE,
    )


def _preceded() -> tuple[type[Exception], ...]:
    """What a commit ends with that may succeed, or has succeeded, when it is looked at again.

    SQLite reports with OperationalError that another process writes to the file.
    """
    from pyiceberg.exceptions import CommitFailedException, CommitStateUnknownException
    from sqlalchemy.exc import OperationalError

    return CommitFailedException, CommitStateUnknownException, OperationalError


def _replaced_meanwhile(table: str, month: Month) -> str:
    return (
        f"{NAMESPACE}.{table}, {month}: another run replaced this month meanwhile, so this run "
        "changed nothing. Run it again if the month is still stale."
    )


def _comment(table: str) -> str:
    return f"One row per {table} order, from the published files of the migration, by month"
