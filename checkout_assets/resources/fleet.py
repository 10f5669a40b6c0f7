"""What the resources of all fleets share."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import PrivateAttr

from checkout_assets.engines.fleet.options import FleetOptions
from spark_jobs.stores.terms import StoreTerms

if TYPE_CHECKING:
    from checkout_assets.packaging.stored import PackagePlace

_log = logging.getLogger(__name__)


class FleetResource(FleetOptions, dg.ConfigurableResource[Any]):
    """The package that a fleet's hosts run, and who reads how a run goes."""

    # pydantic would bind a function that is the default to this resource.
    _tell: Callable[[str], None] | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Tell the run's log how it goes."""
        if context.log is not None:
            self._tell = context.log.info

    @property
    def tell(self) -> Callable[[str], None]:
        """Takes one sentence: for the run's log, outside of a run for this module's."""
        return self._tell or _log.info

    def package_place(self, terms: StoreTerms) -> "PackagePlace":
        """Where the hosts find the package; what is uploaded there is written on these terms."""
        from checkout_assets.packaging.stored import PackagePlace

        return PackagePlace(self.package_uri, self.architecture, self.package_directory, terms)
