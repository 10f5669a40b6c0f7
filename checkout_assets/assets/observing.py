"""What a reconciliation saw of the source and of the tables, as observations of those assets.

It is what was listed and read anyway. An event per folder and reconciliation would be 187,000 a
year, each some 30 ms, so only folders whose listing changed have one of their own.
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from checkout_assets.assets.source_orders import SOURCE_ORDERS
from checkout_assets.assets.tables import table_key
from checkout_assets.domain.reconciliation import FolderReconciled
from checkout_assets.domain.reporting.outcome import ReconciliationOutcome, last_listed
from spark_jobs.contract.order_types import OrderType


def observations(
    folders: Sequence[FolderReconciled],
    outcome: ReconciliationOutcome,
    history: Sequence[ReconciliationOutcome],
) -> Iterator[dg.AssetObservation]:
    """Of the source, if it was listed, and of both tables; ``history`` is oldest first."""
    if outcome.listed:
        yield _of_source(folders, outcome)
        yield from _of_changed_folders(outcome, history)
    for order_type in OrderType:
        yield _of_table(folders, order_type)


def _of_source(
    folders: Sequence[FolderReconciled], outcome: ReconciliationOutcome
) -> dg.AssetObservation:
    """All folders as they were last listed, so that the numbers compare from day to day."""
    objects = {
        each.folder.name: each.copy.listed for each in folders if each.copy.listed is not None
    }
    return dg.AssetObservation(
        SOURCE_ORDERS,
        metadata={
            "objects": sum(objects.values()),
            "newer": sum(each.copy.newer for each in folders),
            "folders_listed": len(outcome.listed),
            "folders_empty": sum(not listed for listed in objects.values()),
            "unexpected": len(outcome.unexpected),
            "objects_by_folder": dg.MetadataValue.json(objects),
        },
    )


def _of_changed_folders(
    outcome: ReconciliationOutcome, history: Sequence[ReconciliationOutcome]
) -> Iterator[dg.AssetObservation]:
    """Of a folder that no earlier reconciliation listed, nothing is known to have changed."""
    before = last_listed(history)
    for folder, objects in outcome.listed.items():
        if objects != before.get(folder, objects):
            yield dg.AssetObservation(
                SOURCE_ORDERS,
                partition=folder,
                metadata={"objects": objects, "objects_before": before[folder]},
            )


def _of_table(folders: Sequence[FolderReconciled], order_type: OrderType) -> dg.AssetObservation:
    of_type = [each for each in folders if each.folder.order_type is order_type]
    files = [file for each in of_type if each.lake.record for file in each.lake.record.files]
    return dg.AssetObservation(
        table_key(order_type),
        metadata={
            "dagster/row_count": sum(each.rows for each in of_type),
            "files": len(files),
            "bytes": sum(file.size for file in files),
            "folders": sum(each.lake.record is not None for each in of_type),
        },
    )
