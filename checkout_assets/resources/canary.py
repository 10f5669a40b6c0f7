"""The fleets and places of a canary, made of the same resources as those of a migration."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime

from checkout_assets.domain.canary import new_canary_id
from checkout_assets.domain.folders import Folder
from checkout_assets.engines.canary.chain import CanaryRun
from checkout_assets.engines.canary.fleets import CanaryFleet, LimitedClock
from checkout_assets.engines.canary.limits import CLUSTER_MINUTES, INSTANCE_MINUTES, canary_settings
from checkout_assets.engines.canary.places import CanaryPlaces
from checkout_assets.engines.clock import WallClock
from checkout_assets.engines.copying.result import FolderCopied
from checkout_assets.engines.ec2.user_data import worker_variables
from checkout_assets.engines.emr.request import run_name
from checkout_assets.engines.fleet.tags import run_tags
from checkout_assets.engines.locations import parse_s3_location, principal
from checkout_assets.engines.place_terms import PlaceTerms
from checkout_assets.engines.structuring.choices import StructureChoices
from checkout_assets.engines.structuring.spark_engine import StructuredFolder
from checkout_assets.engines.worker.reports import WorkerReports, worker_prefix, workers_of
from checkout_assets.resources.ec2 import Ec2Resource, ec2_resource
from checkout_assets.resources.emr import EmrResource, emr_resource
from checkout_assets.resources.s3 import SharedModelS3Resource
from checkout_assets.resources.stores import Stores
from checkout_assets.settings import Settings
from spark_jobs.stores import Store

Tell = Callable[[str], None]
_NOT_BEGUN = ("PENDING", "CANCELLED", "CANCEL_PENDING")
_MARGIN_MINUTES = 15
"""An instance ends by its own deadline; this run waits that much longer."""


def new_canary(
    settings: Settings, folder: Folder, identity: Callable[[], str], tell: Tell
) -> CanaryRun:
    """Return a canary of these settings; raises UsageError if they cannot be used.

    ``tell`` gets sentences about the progress of the machines.
    """
    canary = new_canary_id(datetime.now(UTC), secrets.token_hex(4))
    own = canary_settings(settings, canary)
    stores = Stores(
        **PlaceTerms.given_by(own).model_dump(), s3=SharedModelS3Resource(max_attempts=6)
    )
    ec2 = ec2_resource(stores, worker_variables(own), own.ec2)
    choices = own.model_dump(include=set(StructureChoices.model_fields))
    emr = emr_resource(stores, choices, own.emr)
    places = _places(settings, stores, ec2)
    return CanaryRun(
        canary,
        folder,
        source=lambda: stores.source().open(principal(own.copy_role_arn)),
        raw=lambda: stores.raw().open(principal(own.copy_role_arn)),
        lake=stores.lake().open(),
        places=places,
        identity=identity,
        copying=_instances(ec2, places.fleet, canary, tell),
        structuring=_clusters(emr, canary, tell),
        pause=WallClock().sleep,
    )


def _places(settings: Settings, stores: Stores, ec2: Ec2Resource) -> CanaryPlaces:
    uris = {"raw": settings.raw_uri, "lake": settings.lake_uri, "fleet": ec2.fleet_uri}
    found = {
        name: parse_s3_location(uri, name, stores.terms(name)).open() for name, uri in uris.items()
    }
    return CanaryPlaces(**found)


def _instances(
    ec2: Ec2Resource, fleet: Store, canary: str, tell: Tell
) -> CanaryFleet[FolderCopied]:
    api, tags = ec2.api(), run_tags(ec2.deployment, canary)

    def began(_: str) -> bool:
        reports = (
            WorkerReports(fleet, worker_prefix(canary, w)) for w in workers_of(fleet, canary)
        )
        return any(each.progress() is not None for each in reports)

    return CanaryFleet(
        lambda: ec2.use(LimitedClock(INSTANCE_MINUTES + _MARGIN_MINUTES), tell).engine(),
        lambda: api.find(tags),
        api.terminate,
        began,
    )


def _clusters(emr: EmrResource, canary: str, tell: Tell) -> CanaryFleet[StructuredFolder]:
    api, tags = emr.api(), run_tags(emr.deployment, canary)
    name = run_name(emr.options(), canary)
    return CanaryFleet(
        lambda: emr.use(LimitedClock(CLUSTER_MINUTES), tell).engine(),
        lambda: api.find(name, tags),
        api.terminate,
        lambda cluster: any(step.state not in _NOT_BEGUN for step in api.steps(cluster)),
    )
