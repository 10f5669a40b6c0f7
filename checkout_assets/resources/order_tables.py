"""The analysts' tables as a resource: an engine that compacts months, on this machine's Spark."""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import PrivateAttr

from checkout_assets.engines.compacting.choices import CompactionChoices
from checkout_assets.resources.stores import Stores

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog

    from checkout_assets.engines.compacting.engine import Compactor
    from checkout_assets.engines.structuring.session import LocalSpark


class OrderTablesResource(CompactionChoices, dg.ConfigurableResource[Any]):
    """Compacts months: has their files written, and commits them to the catalog."""

    stores: dg.ResourceDependency[Stores]

    @property
    def attaches_again(self) -> bool:
        """Whether a re-executed run continues with what the first one has started.

        Otherwise it must have a run id of its own: its files would replace those of the first run.
        """
        return False

    @abstractmethod
    def engine(self) -> "Compactor":
        """The engine; raises UsageError if it cannot work as configured."""

    def _open_catalog(self) -> "Catalog":
        """The catalog of a lake that can be read and written."""
        from checkout_assets.engines.compacting.catalogs import open_catalog
        from checkout_assets.engines.locations import check_writable

        self.stores.check("lake")
        check_writable(self.stores.lake(), "lake")
        return open_catalog(self.catalog, self.stores.lake())


class LocalOrderTablesResource(OrderTablesResource):
    """Writes the files with Spark on this machine."""

    stores: dg.ResourceDependency[Stores]
    spark_master: str = "local[*]"
    _spark: "LocalSpark | None" = PrivateAttr(None)

    def engine(self) -> "Compactor":
        """The engine; Spark starts when a month has to be written."""
        from checkout_assets.engines.compacting.engine import Compactor
        from checkout_assets.engines.compacting.writing import LocalMonthWriter
        from checkout_assets.engines.structuring.session import LocalSpark, local_spark_config

        catalog, lake = self._open_catalog(), self.stores.lake()
        self._spark = LocalSpark(local_spark_config(self.spark_master))
        session, cancel = self._spark.session, self._spark.cancel
        return Compactor(lake, catalog, LocalMonthWriter(lake, session, self, cancel))

    @contextmanager
    def yield_for_execution(
        self,
        context: dg.InitResourceContext,  # noqa: ARG002 - Dagster's signature
    ) -> Iterator["LocalOrderTablesResource"]:
        """Stop the session at the run's end, however it ends."""
        try:
            yield self
        finally:
            if self._spark is not None:
                self._spark.close()
