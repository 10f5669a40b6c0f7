"""The options of a copy, each defined once for settings, command line, resource and instances."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from checkout_assets.engines.option import OnCommandLine
from checkout_assets.engines.place_terms import CopyPlaces


class CopyChoices(BaseModel):
    """How to copy, as configured and not yet validated; CopyOptions are built from it."""

    model_config = ConfigDict(frozen=True)

    as_of: Annotated[
        str,
        OnCommandLine(
            "The cut-off: objects written later are left out. A timestamp with a time zone, such "
            "as 2026-01-31T00:00:00Z, or now. The default is the cut-off that raw records: the "
            "start of the first copy.",
            "TIMESTAMP",
        ),
    ] = Field("", description="the cut-off: a timestamp with a time zone, or now")
    storage_class: Annotated[str, OnCommandLine("The storage class of copies.", "CLASS")] = Field(
        "", description="the storage class of copies, such as STANDARD"
    )
    copy_role_arn: Annotated[
        str, OnCommandLine("Assume this role for all requests to source and raw.", "ARN")
    ] = Field("", description="the role that lists and copies on both sides")
    replaces_source: Annotated[
        str,
        OnCommandLine(
            "Continue in a raw that was copied from this other source, which --source replaces.",
            "URI",
        ),
    ] = Field("", description="the source that the present one replaces in raw: s3://bucket/prefix")


class CopySettings(CopyChoices, CopyPlaces):
    """All options that change what a copy and its reports do, on any machine.

    All of it is passed to instances. So nothing here may be a secret, or may reveal object names in
    an uploaded log.
    """
