"""Source, raw and lake as one resource, with their terms."""

from typing import Any

import dagster as dg
from dagster_aws.s3 import S3Resource
from pydantic import PrivateAttr

from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.locations import (
    Location,
    S3Location,
    check_reachable,
    parse_location,
    parse_s3_location,
    principal,
    refuse_overlap,
)
from checkout_assets.engines.place_terms import PlaceTerms
from checkout_assets.engines.planning.choices import BudgetChoices
from checkout_assets.engines.silence import OnSilence, SilenceLines, ignore_silence
from spark_jobs.stores.terms import StoreTerms


class Stores(PlaceTerms, BudgetChoices, dg.ConfigurableResource[Any]):
    """The places of a migration and their terms; ``s3`` is used for single small requests."""

    s3: dg.ResourceDependency[S3Resource]
    _lines: SilenceLines | None = PrivateAttr(None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Report S3's silence to the run's log."""
        if context.log is not None:
            log = context.log
            self._lines = SilenceLines(lambda clause: log.warning(f"{clause}."))

    @property
    def on_silence(self) -> OnSilence:
        """Reports S3's silence to the run's log; outside a run it does nothing."""
        return self._lines or ignore_silence

    def source(self) -> S3Location:
        """The place from which folders are copied."""
        return parse_s3_location(self._given("source"), "source", self.terms("source"))

    def raw(self) -> S3Location:
        """The place of the copies."""
        return parse_s3_location(self._given("raw"), "raw", self.terms("raw"))

    def lake(self) -> Location:
        """The place of tables, quarantine and records."""
        return parse_location(self._given("lake"), "lake", self.terms("lake"))

    def terms(self, place: str) -> StoreTerms:
        """The terms of ``source``, ``raw``, ``lake`` or ``fleet``."""
        return PlaceTerms.given_by(self).of(place)

    def refuse_over_budget(self) -> None:
        """Raise UsageError if the whole migration costs more than the budget; sends no request."""
        from checkout_assets.engines.planning.planning import refuse_costly_plan

        refuse_costly_plan(self)

    def check(self, *names: str, role_arn: str = "") -> None:
        """Raise UsageError if one of the named places is missing, unreachable or inside another.

        With ``role_arn``, that role must reach them.
        """
        places: dict[str, Location] = {name: getattr(self, name)() for name in names}
        refuse_overlap(places)
        make_client = None if role_arn else self.new_client
        check_reachable(places, make_client, role_arn, self.on_silence)

    def new_client(self) -> Any:
        """A boto3 client of ``s3`` in its region, or else in that of the AWS variables.

        boto3 by itself does not read AWS_REGION.
        """
        region = self.s3.region_name or principal().region_name
        return self.s3.model_copy(update={"region_name": region}).get_client()

    def _given(self, name: str) -> str:
        uri: str = getattr(self, f"{name}_uri")
        if not uri:
            raise UsageError(f"No {name} is configured: set CHECKOUT_{name.upper()}_URI.")
        return uri
