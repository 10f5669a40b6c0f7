"""The options that all fleets have, each defined once."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from checkout_assets.engines.option import MayBePath


class FleetOptions(BaseModel):
    """Where the hosts of a fleet run, and which program they run."""

    model_config = ConfigDict(frozen=True)

    region: str = Field(default="", description="the hosts' region; empty for the environment's")
    endpoint_url: str = Field(
        default="", description="another endpoint of the fleet's API, for tests"
    )
    package_uri: str = Field(default="", description="where the package lies: s3://bucket/prefix")
    package_directory: Annotated[str, MayBePath()] = Field(
        default="",
        description="what make package built, to be uploaded to package_uri; empty if it is",
    )
    architecture: str = Field(
        default="x86_64",
        pattern="^(x86_64|arm64)$",
        description="the hosts' processor: x86_64 or arm64",
    )
