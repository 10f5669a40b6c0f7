"""Which folders a reconciliation lists: all of them, or those that are due."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import dagster as dg

from checkout_assets.assets.reconciliation_page import last_red
from checkout_assets.domain.reporting.listings import need_no_listing
from checkout_assets.engines.reporting.leaving import earlier_listings
from checkout_assets.resources.engines import ReconcilerResource

if TYPE_CHECKING:
    from checkout_assets.engines.reconciling.engine import Reconciler

IN_TURNS = {"checkout_assets/listing": "in turns"}
"""The tag of the runs that do not list all folders."""


def listing_in_turns(
    context: dg.AssetExecutionContext, reconciler: ReconcilerResource, engine: "Reconciler"
) -> "Reconciler":
    """The engine; in a run with the tag ``IN_TURNS``, one that lists only the folders that are due.

    Folders that were red at the last reconciliation are always due.
    """
    if not IN_TURNS.items() <= context.run.tags.items() or reconciler.listing_days == 1:
        return engine
    stores = reconciler.stores
    kept = earlier_listings(stores.lake(), stores.on_silence)
    red = last_red(context.instance) or ()
    today = datetime.now(UTC).date()
    return engine.without_listing(need_no_listing(kept, today, reconciler.listing_days, red))
