"""Observations of the source and the tables from a reconciliation's results.

An event per folder and reconciliation would be 187,000 per year, each about 30 ms, so only folders
whose number of objects changed get one.
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
    """Observations of the source, if it was listed, and of both tables.

    ``history`` is oldest first.
    """
    if outcome.listed:
        yield _of_source(folders, outcome)
        yield from _of_changed_folders(outcome, history)
    for order_type in OrderType:
        yield _of_table(folders, order_type)


def _of_source(
    folders: Sequence[FolderReconciled], outcome: ReconciliationOutcome
) -> dg.AssetObservation:
    """The counts of all folders by their last listings, so that days can be compared."""
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
    """One observation per changed folder; a folder listed for the first time is not changed."""
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
