"""EMR as a Dagster resource: its options are checked before anything is launched."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from checkout_assets.domain.counting import part_of
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.emr.options import EmrChoices, EmrOptions
from checkout_assets.engines.locations import canonical_uri, parse_s3_location, principal
from checkout_assets.engines.structuring.choices import StructureChoices
from checkout_assets.resources.engines import StructureEngineResource, given_to, parse_options
from checkout_assets.resources.fleet import FleetResource
from checkout_assets.resources.order_tables import OrderTablesResource
from checkout_assets.resources.stores import Stores

if TYPE_CHECKING:
    from checkout_assets.engines.compacting.engine import Compactor
    from checkout_assets.engines.emr.api import EmrApi
    from checkout_assets.engines.emr.options import MonthsJob
    from checkout_assets.engines.seam import FolderEngine
    from checkout_assets.engines.structuring.spark_engine import StructuredFolder
    from spark_jobs.stores import Store


class EmrClusters(EmrChoices, FleetResource):
    """The clusters of a resource: replaces lost ones, and leaves none running.

    The EMR clients of Dagster's libraries are not used: at their time limit they leave the cluster
    running, and they launch one cluster per call.
    """

    stores: dg.ResourceDependency[Stores]

    def api(self) -> "EmrApi":
        """EMR's clients for the configured account."""
        from checkout_assets.engines.emr.api import emr_clients

        return emr_clients(self.region, self.endpoint_url)

    def options(self) -> EmrOptions:
        """The options of clusters and runs as plain values."""
        log_kms_key = self.stores.terms("fleet").kms_key
        chosen = given_to(EmrChoices, self)
        return EmrOptions(**chosen.model_dump(), log_kms_key=log_kms_key)

    def _lake_store(self, api: "EmrApi") -> "Store":
        """The lake in the clusters' region."""
        lake = self.stores.lake()
        return parse_s3_location(lake.uri, "lake", lake.terms).open(principal(region=api.region))

    def _check(self) -> None:
        for name in ("package_uri", "log_uri"):
            uri = getattr(self, name)
            if not uri.startswith("s3://"):
                raise UsageError(f"EMR needs {name}: set it to s3://bucket/prefix.")
            parse_s3_location(uri, name)
        if not self.stores.lake().uri.startswith("s3://"):
            raise UsageError("EMR needs a lake in S3: set CHECKOUT_LAKE_URI to s3://bucket/prefix.")
        if self.core_spot_nodes and not self.core_fleet_types:
            raise UsageError(
                "Spot core nodes need core_fleet_types: name the types to choose from."
            )
        if self.core_spot_nodes > self.core_nodes:
            raise UsageError(
                f"{part_of(self.core_spot_nodes, self.core_nodes, 'core node')} cannot be Spot: "
                "raise core_nodes or lower core_spot_nodes."
            )


class EmrResource(EmrClusters, StructureChoices, StructureEngineResource):
    """Structures on EMR with a step per folder."""

    stores: dg.ResourceDependency[Stores]

    def engine(self) -> "FolderEngine[StructuredFolder]":
        from checkout_assets.engines.emr.engine import EmrEngine
        from checkout_assets.engines.emr.job_package import job_package
        from checkout_assets.engines.emr.options import OrdersJob
        from checkout_assets.engines.structuring.leftovers import LeftoverWatch

        self.stores.refuse_over_budget()
        self.stores.check("raw", "lake")
        self._check()
        raw, lake = self.stores.raw(), self.stores.lake()
        api = self.api()
        job = OrdersJob(
            job_package(self.package_place(self.stores.terms("fleet"))),
            raw.uri,
            lake.uri,
            self.vanished,
            api.region,
            canonical_uri(self.replaces_raw, "replaced raw"),
            self.largest_body_bytes,
            raw.terms,
            lake.terms,
        )
        store = self._lake_store(api)
        engine = EmrEngine(self.options(), job, api, store, self._clock, tell=self.tell)
        engine.check()
        return LeftoverWatch(engine, lake)


class EmrOrderTablesResource(EmrClusters, OrderTablesResource):
    """Has months written on EMR with a step per month, and commits them to the catalog itself."""

    stores: dg.ResourceDependency[Stores]

    @property
    def attaches_again(self) -> bool:
        return True

    def engine(self) -> "Compactor":
        """The engine; the package is looked for when a month has to be written."""
        from checkout_assets.engines.compacting.engine import Compactor
        from checkout_assets.engines.emr.month_writer import EmrMonthWriter

        self._check()
        catalog, api = self._open_catalog(), self.api()
        writer = EmrMonthWriter(
            self.options(),
            lambda: self._job(api.region),
            api,
            self._lake_store(api),
            self._clock,
            tell=self.tell,
        )
        return Compactor(self.stores.lake(), catalog, writer)

    def _job(self, region: str) -> "MonthsJob":
        from checkout_assets.engines.emr.job_package import job_package
        from checkout_assets.engines.emr.options import MonthsJob
        from checkout_assets.packaging.contents import Role

        place = self.package_place(self.stores.terms("fleet"))
        package = job_package(place, Role.COMPACTION_SCRIPT)
        return MonthsJob(package, self.stores.lake().uri, region, self.compacted_file_bytes)


def emr_resource(
    stores: Stores, choices: Mapping[str, Any], options: Mapping[str, Any]
) -> EmrResource:
    """The resource with these options; raises UsageError that names the first wrong one.

    ``choices`` are the fields of StructureChoices, which are settings of their own.
    """
    return EmrResource(stores=stores, **choices, **parse_options(EmrChoices, "EMR", options))


def emr_order_tables(
    stores: Stores, choices: Mapping[str, Any], options: Mapping[str, Any]
) -> EmrOrderTablesResource:
    """The same for the analysts' tables; ``choices`` are the fields of CompactionChoices."""
    return EmrOrderTablesResource(
        stores=stores, **choices, **parse_options(EmrChoices, "EMR", options)
    )
