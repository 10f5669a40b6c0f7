"""The options of access, each defined once for settings, command line and resource."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from checkout_assets.engines.option import OnCommandLine

DEPLOYMENT = "checkout-assets"
"""The deployment's name if the engines are given none."""


class AccessChoices(BaseModel):
    """The roles and the key that policies name, besides those of copying and of the places."""

    model_config = ConfigDict(frozen=True)

    worker_role_arn: str = Field("", description="the role of copying instances, for policies")
    reconcile_role_arn: str = Field("", description="the role that only compares, for policies")
    structure_role_arn: str = Field("", description="the role of clusters' nodes, for policies")
    emr_service_role_arn: str = Field("", description="EMR's own role, for policies")
    source_grant_role_arn: Annotated[
        str,
        OnCommandLine(
            "The role in the source's account that changes the source's policy.",
            "ARN",
            name="source_role",
        ),
    ] = Field(
        "", description="the role that grants and revokes in the source's account, if another does"
    )
    source_kms_key: str = Field("", description="the ARN of the source's KMS key, for policies")


class GrantChoices(BaseModel):
    """Who is granted access, for how long, and what happens when it is no longer needed."""

    model_config = ConfigDict(frozen=True)

    access_requester: Annotated[
        str,
        OnCommandLine("The person or team that requests access.", "NAME", name="requester"),
    ] = Field("", description="the person or team that requests access")
    access_days: Annotated[
        int,
        OnCommandLine("How many days the grant lasts: 1 to 90; default 30.", "N", name="days"),
    ] = Field(30, ge=1, le=90, description="how many days a grant lasts")
    access_grace_days: int = Field(
        7, ge=0, description="the days after which a grant that is no longer needed is reported"
    )
    access_auto_revoke: bool = Field(
        False, description="revoke a grant by itself when it is no longer needed"
    )
