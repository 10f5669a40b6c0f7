"""The analysts' tables as a resource: an engine that compacts months on this machine's Spark."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import PrivateAttr

from checkout_assets.engines.compacting.choices import CompactionChoices
from checkout_assets.resources.stores import Stores

if TYPE_CHECKING:
    from checkout_assets.engines.compacting.engine import Compactor
    from checkout_assets.engines.structuring.session import LocalSpark


class OrderTablesResource(CompactionChoices, dg.ConfigurableResource[Any]):
    """Compacts months with Spark on this machine, and commits them to the catalog."""

    stores: dg.ResourceDependency[Stores]
    spark_master: str = "local[*]"
    _spark: "LocalSpark | None" = PrivateAttr(None)

    def engine(self) -> "Compactor":
        """The engine; Spark starts when a month has to be written."""
        from checkout_assets.engines.compacting.catalogs import open_catalog
        from checkout_assets.engines.compacting.engine import Compactor
        from checkout_assets.engines.locations import check_writable
        from checkout_assets.engines.structuring.session import LocalSpark, local_spark_config

        self.stores.check("lake")
        lake = self.stores.lake()
        check_writable(lake, "lake")
        catalog = open_catalog(self.catalog, lake)
        self._spark = LocalSpark(local_spark_config(self.spark_master))
        session, cancel = self._spark.session, self._spark.cancel
        return Compactor(lake, catalog, session, self, cancel_start=cancel)

    @contextmanager
    def yield_for_execution(
        self,
        context: dg.InitResourceContext,  # noqa: ARG002 - Dagster's signature
    ) -> Iterator["OrderTablesResource"]:
        """Stop the session at the run's end, however it ends."""
        try:
            yield self
        finally:
            if self._spark is not None:
                self._spark.close()
