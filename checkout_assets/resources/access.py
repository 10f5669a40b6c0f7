"""Temporary access as a resource: its terms, and when it is no longer needed."""

from dataclasses import fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from checkout_assets.engines.access.choices import DEPLOYMENT, AccessChoices, GrantChoices
from checkout_assets.engines.place_terms import PlaceTerms
from checkout_assets.resources.stores import Stores

if TYPE_CHECKING:
    from checkout_assets.domain.access.terms import AccessTerms
    from checkout_assets.engines.access.granting import Granter
    from checkout_assets.engines.access.options import AccessOptions


class AccessResource(AccessChoices, GrantChoices, dg.ConfigurableResource[Any]):
    """The configuration of granting and revoking: AccessOptions, in part from the stores' terms."""

    stores: dg.ResourceDependency[Stores]
    copy_role_arn: str = Field(default="", description="the role that the policies let copy")
    volume_kms_key: str = Field(default="", description="the key of copying instances' volumes")
    package_uri: str = Field(default="", description="where the engines' packages lie")
    cluster_package_uri: str = Field(default="", description="where the clusters' package lies")
    fleet_uri: str = Field(default="", description="where instances report")
    log_uri: str = Field(default="", description="where EMR puts logs")
    run_logs_uri: str = Field(default="", description="where Dagster keeps the output of runs")
    deployment: str = Field(default=DEPLOYMENT, description="the tag that names its instances")
    cluster_deployment: str = Field(
        default=DEPLOYMENT, description="the tag that names its clusters"
    )
    topics: list[str] = Field(default_factory=list, description="SNS topics that get alerts")
    catalog: str = Field(default="", description="where the analysts' tables are registered")
    plain_database: str = Field(default="", description="the Glue database of the plain tables")

    def granter(self) -> "Granter":
        """The granter, which changes the policies; raises UsageError if its options are invalid."""
        from checkout_assets.engines.access.granting import Granter

        options = self.options()
        self.stores.check("raw")
        return Granter(options.policies(), options.raw.open())

    def terms(self, requester: str, days: int, now: datetime) -> "AccessTerms":
        """The terms of a grant; an empty requester and 0 days stand for the configured ones."""
        requester, days = requester or self.access_requester, days or self.access_days
        return self.options().terms(requester, days, now)

    def options(self) -> "AccessOptions":
        """The configuration as plain values."""
        from checkout_assets.engines.access.options import AccessOptions

        named = {each.name for each in fields(AccessOptions)} - {"source", "raw", "lake"}
        return AccessOptions(
            self.stores.source(),
            self.stores.raw(),
            self.stores.lake(),
            **{name: getattr(self._holding(name), name) for name in named},
        )

    @property
    def grace(self) -> timedelta:
        """How long a grant may last after it is no longer needed."""
        return timedelta(days=self.access_grace_days)

    def _holding(self, name: str) -> "Stores | AccessResource":
        """The stores if the option is one of their terms (a bucket's owner, its key), else self."""
        return self.stores if name in PlaceTerms.model_fields else self
