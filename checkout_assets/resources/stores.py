"""Source, raw and lake as one resource: where they are, and the clients that speak to them."""

from typing import Any

import dagster as dg
from dagster_aws.s3 import S3Resource

from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.locations import (
    Location,
    S3Location,
    check_reachable,
    parse_location,
    parse_s3_location,
    refuse_overlap,
)


class Stores(dg.ConfigurableResource[Any]):
    """The three places of a migration; ``s3`` carries the small calls."""

    source_uri: str = ""
    raw_uri: str = ""
    lake_uri: str = ""
    s3: dg.ResourceDependency[S3Resource]

    def source(self) -> S3Location:
        """Where folders are copied from."""
        return parse_s3_location(self._given("source"), "source")

    def raw(self) -> S3Location:
        """Where copies are."""
        return parse_s3_location(self._given("raw"), "raw")

    def lake(self) -> Location:
        """Where tables, quarantine and records are."""
        return parse_location(self._given("lake"), "lake")

    def check(self, *names: str, role_arn: str = "") -> None:
        """Raise UsageError if one of the named places is missing, unreachable or inside another.

        With ``role_arn`` it is that role which must reach them.
        """
        places: dict[str, Location] = {name: getattr(self, name)() for name in names}
        refuse_overlap(places)
        check_reachable(places, None if role_arn else self.s3.get_client(), role_arn)

    def _given(self, name: str) -> str:
        uri: str = getattr(self, f"{name}_uri")
        if not uri:
            raise UsageError(f"No {name} is configured: set CHECKOUT_{name.upper()}_URI.")
        return uri
