"""The options of structuring, each defined once for settings, command line and resources."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from checkout_assets.engines.option import OnCommandLine
from spark_jobs.contract.limits import KEPT_BYTES, LARGEST_BODY_BYTES


class StructureChoices(BaseModel):
    """How to structure, on this machine or on a cluster."""

    model_config = ConfigDict(frozen=True)

    vanished: Annotated[
        Literal["keep", "drop_rows"],
        OnCommandLine(
            "What to do with the rows of documents that are no longer at the source; the default "
            "is keep.",
            "keep|drop_rows",
        ),
    ] = Field(
        "keep",
        description="what to do with the rows of documents that are no longer at the source: keep "
        "or drop_rows",
    )
    replaces_raw: Annotated[
        str,
        OnCommandLine(
            "Continue in a lake that was made from this other raw, which --raw replaces.",
            "URI",
        ),
    ] = Field(
        "", description="the raw that the present one replaces in the lake: s3://bucket/prefix"
    )
    largest_body_bytes: int = Field(
        LARGEST_BODY_BYTES,
        ge=KEPT_BYTES,
        le=LARGEST_BODY_BYTES,
        description="the bytes of a document above which it is not read whole but quarantined",
    )


USUAL_STRUCTURING = StructureChoices()
