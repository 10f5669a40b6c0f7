"""The configuration of access, and what follows from it: terms, and policies to change."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from checkout_assets.domain.access.terms import AccessTerms, Place, expiry_after
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.access.bucket_policy import BucketPolicy
from checkout_assets.engines.access.choices import DEPLOYMENT
from checkout_assets.engines.access.refusals import told_plainly
from checkout_assets.engines.locations import (
    Location,
    S3Location,
    parse_location,
    parse_s3_location,
    principal,
    refuse_overlap,
)
from checkout_assets.engines.place_terms import PlaceTerms, checked_role
from checkout_assets.settings import Settings


@dataclass(frozen=True, slots=True)
class AccessOptions:
    """The settings of the same names; roles and keys are ARNs, and may be empty.

    ``source_grant_role_arn`` is assumed in the source's account only for granting and revoking.
    """

    source: S3Location
    raw: S3Location
    lake: Location
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
    volume_kms_key: str = ""
    package_uri: str = ""
    cluster_package_uri: str = ""
    fleet_uri: str = ""
    log_uri: str = ""
    run_logs_uri: str = ""
    deployment: str = DEPLOYMENT
    cluster_deployment: str = DEPLOYMENT
    topics: Sequence[str] = ()
    catalog: str = ""
    plain_database: str = ""

    def __post_init__(self) -> None:
        refuse_overlap({"source": self.source, "raw": self.raw, "lake": self.lake})
        checked_role("role that changes the source's policy", self.source_grant_role_arn)

    def terms(self, requester: str, days: int, now: datetime) -> AccessTerms:
        """Return the terms for that many days; raises UsageError for missing or invalid options."""
        if not self.copy_role_arn:
            raise UsageError(
                "No role is named that copies: set CHECKOUT_COPY_ROLE_ARN, which the policies name."
            )
        return AccessTerms(
            source=_place(self.source),
            raw=_place(self.raw),
            lake=_place(self.lake) if isinstance(self.lake, S3Location) else None,
            copy_role=self.copy_role_arn,
            expires=expiry_after(now, days),
            requester=requester,
            worker_role=self.worker_role_arn,
            reconcile_role=self.reconcile_role_arn,
            source_key=self.source_kms_key,
            raw_key=self.kms_key,
            lake_key=self.lake_kms_key,
            fleet_key=self.fleet_kms_key,
            volume_key=self.volume_kms_key,
            package=_named(self.package_uri, "package_uri"),
            cluster_package=_named(self.cluster_package_uri, "package_uri"),
            reports=_named(self.fleet_uri, "fleet_uri"),
            logs=_named(self.log_uri, "log_uri"),
            run_logs=_named(self.run_logs_uri, "place for run logs"),
            structure_role=self.structure_role_arn,
            emr_service_role=self.emr_service_role_arn,
            grant_role=self.source_grant_role_arn,
            deployment=self.deployment,
            cluster_deployment=self.cluster_deployment,
            topics=tuple(self.topics),
            catalog=self.catalog,
            plain_database=self.plain_database,
        )

    def policies(self, as_granter: bool = True) -> dict[str, BucketPolicy]:
        """Return the policies that are ours to change, by bucket, the source's first.

        The role in the source's account is assumed only ``as_granter``.
        """
        role = self.source_grant_role_arn if as_granter else ""
        session = None
        if role:
            with told_plainly("sts:AssumeRole", f"the role {role}"):
                session = principal(role)
                session.get_credentials().get_frozen_credentials()
        found = {
            self.source.bucket: BucketPolicy(
                self.source.open(session).client, self.source.bucket, self.source_account
            )
        }
        for place in (self.raw, self.lake):
            if isinstance(place, S3Location) and place.bucket not in found:
                found[place.bucket] = BucketPolicy(
                    place.open().client, place.bucket, self.raw_account
                )
        return found


def access_options(settings: Settings) -> AccessOptions:
    """Build the options from the settings; raises UsageError if a place is missing or invalid."""
    for name in ("source", "raw", "lake"):
        if not getattr(settings, f"{name}_uri"):
            raise UsageError(f"No {name} is configured: set CHECKOUT_{name.upper()}_URI.")
    terms = PlaceTerms.given_by(settings)
    named = {each.name for each in fields(AccessOptions)} & set(Settings.model_fields)
    return AccessOptions(
        source=parse_s3_location(settings.source_uri, "source", terms.of("source")),
        raw=parse_s3_location(settings.raw_uri, "raw", terms.of("raw")),
        lake=parse_location(settings.lake_uri, "lake", terms.of("lake")),
        **{name: getattr(settings, name) for name in named},
        **named_by_options(settings),
    )


def named_by_options(settings: Settings) -> dict[str, Any]:
    """Return what the options of EC2, EMR and alerts add to AccessOptions, by field."""
    fleet, emr = settings.ec2, settings.emr
    return {
        "volume_kms_key": str(fleet.get("volume_kms_key") or ""),
        "package_uri": str(fleet.get("package_uri") or emr.get("package_uri") or ""),
        "cluster_package_uri": str(emr.get("package_uri") or ""),
        "fleet_uri": str(fleet.get("fleet_uri") or ""),
        "log_uri": str(emr.get("log_uri") or ""),
        "deployment": str(fleet.get("deployment") or DEPLOYMENT),
        "cluster_deployment": str(emr.get("deployment") or DEPLOYMENT),
        "topics": [str(each) for each in settings.alerts.get("topics") or ()],
    }


def _place(location: S3Location) -> Place:
    return Place(location.bucket, location.prefix)


def _named(uri: str, what: str) -> Place | None:
    return _place(parse_s3_location(uri, what)) if uri else None
