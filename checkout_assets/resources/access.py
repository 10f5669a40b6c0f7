"""Temporary access as a resource: what is granted to whom, and when it counts as outlived."""

from dataclasses import fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from checkout_assets.resources.stores import Stores

if TYPE_CHECKING:
    from checkout_assets.domain.access.terms import AccessTerms
    from checkout_assets.engines.access.granting import Granter
    from checkout_assets.engines.access.options import AccessOptions


class AccessResource(dg.ConfigurableResource[Any]):
    """What granting and revoking needs; the fields are AccessOptions' and the settings'."""

    stores: dg.ResourceDependency[Stores]
    copy_role_arn: str = ""
    worker_role_arn: str = ""
    reconcile_role_arn: str = ""
    structure_role_arn: str = ""
    emr_service_role_arn: str = ""
    source_grant_role_arn: str = ""
    source_account: str = ""
    raw_account: str = ""
    source_kms_key: str = ""
    kms_key: str = ""
    lake_kms_key: str = ""
    fleet_kms_key: str = ""
    package_uri: str = ""
    fleet_uri: str = ""
    log_uri: str = ""
    deployment: str = "checkout-assets"
    cluster_deployment: str = "checkout-assets"
    requester: str = ""
    days: int = 30
    grace_days: float = Field(
        default=7, ge=0, description="after which a grant nobody needs is reported"
    )
    auto_revoke: bool = Field(
        default=False, description="whether the sensor may launch revoke_access by itself"
    )

    def granter(self) -> "Granter":
        """What changes the policies; raises UsageError if it cannot."""
        from checkout_assets.engines.access.granting import Granter

        options = self.options()
        self.stores.check("raw")
        return Granter(options.policies(), options.raw.open())

    def terms(self, requester: str, days: int, now: datetime) -> "AccessTerms":
        """What is granted; an empty requester and 0 days are those of the configuration."""
        return self.options().terms(requester or self.requester, days or self.days, now)

    def options(self) -> "AccessOptions":
        """The configuration as plain values."""
        from checkout_assets.engines.access.options import AccessOptions

        named = {each.name for each in fields(AccessOptions)} - {"source", "raw", "lake"}
        return AccessOptions(
            self.stores.source(),
            self.stores.raw(),
            self.stores.lake(),
            **{name: getattr(self, name) for name in named},
        )

    @property
    def grace(self) -> timedelta:
        """How long a grant may outlive its need."""
        return timedelta(days=self.grace_days)
