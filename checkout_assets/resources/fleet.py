"""The common base of the fleets' resources."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import dagster as dg
from pydantic import PrivateAttr

from checkout_assets.engines.clock import Clock, WallClock
from checkout_assets.engines.fleet.options import FleetOptions
from spark_jobs.stores.terms import StoreTerms

if TYPE_CHECKING:
    from checkout_assets.packaging.stored import PackagePlace

_log = logging.getLogger(__name__)


class FleetResource(FleetOptions, dg.ConfigurableResource[Any]):
    """The package for a fleet's hosts, and the log for a run's progress."""

    _clock: Clock = PrivateAttr(default_factory=WallClock)
    # pydantic would bind a function that is the default to this resource.
    _tell: Callable[[str], None] | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Report progress to the run's log."""
        if context.log is not None:
            self._tell = context.log.info

    def use(self, clock: Clock, tell: Callable[[str], None]) -> Self:
        """Wait by this clock and report progress to this function; returns the resource."""
        self._clock, self._tell = clock, tell
        return self

    @property
    def tell(self) -> Callable[[str], None]:
        """A function that logs one sentence: to the run's log, outside a run to this module's."""
        return self._tell or _log.info

    def package_place(self, terms: StoreTerms) -> "PackagePlace":
        """The place of the hosts' package; uploads to it use these terms."""
        from checkout_assets.packaging.stored import PackagePlace

        return PackagePlace(self.package_uri, self.architecture, self.package_directory, terms)
