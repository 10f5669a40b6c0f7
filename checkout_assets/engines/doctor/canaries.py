"""Whether a canary left objects, in raw, the lake or where its instance reported."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from checkout_assets.domain.canary import CANARIES, RUNS_OF_CANARIES, canary_is_over, is_canary
from checkout_assets.domain.counting import in_number
from checkout_assets.domain.doctor import CheckResult, Topic
from checkout_assets.engines.doctor.account import AwsClients
from checkout_assets.engines.doctor.asking import ask_all
from checkout_assets.engines.doctor.settling import settled
from checkout_assets.engines.ec2.options import Ec2Options
from checkout_assets.engines.locations import Location, S3Location, parse_s3_location
from checkout_assets.settings import Settings

_MOST_NAMED = 3
_LEFT = Topic("canary", "removed", "docs/runbook.md#the-canary")


def canary_results(
    places: Mapping[str, Location], clients: AwsClients, settings: Settings
) -> Iterator[CheckResult]:
    """Whether everything of earlier canaries is removed; nothing if no canary can be launched."""
    if (settings.copy_engine, settings.structure_engine) == ("ec2", "emr"):
        yield from settled(_LEFT, lambda: _left(places, clients, settings))


def _left(
    places: Mapping[str, Location], clients: AwsClients, settings: Settings
) -> Iterator[CheckResult]:
    found: set[str] = set()
    for name in ("raw", "lake"):
        place = places.get(name)
        if isinstance(place, S3Location):
            found |= _below(clients, place, CANARIES)
    if fleet := Ec2Options(**settings.ec2).fleet_uri:
        found |= _below(clients, parse_s3_location(fleet, "fleet_uri"), RUNS_OF_CANARIES)
    yield _judged(found, datetime.now(UTC))


def _below(clients: AwsClients, place: S3Location, prefix: str) -> set[str]:
    """The ids of the canaries whose objects lie below the prefix of the place."""
    client = clients.of("s3", clients.region_of(place.bucket))
    asked = {"Bucket": place.bucket, "Prefix": place.prefix + prefix, "Delimiter": "/"}
    told = ask_all(client, "list_objects_v2", "CommonPrefixes", **asked)
    return {name for each in told if is_canary(name := each["Prefix"].split("/")[-2])}


def _judged(found: set[str], now: datetime) -> CheckResult:
    left = sorted(each for each in found if canary_is_over(each, now))
    if left:
        named = ", ".join([*left[:_MOST_NAMED], *(["..."] if left[_MOST_NAMED:] else ())])
        return _LEFT.failed(
            f"{in_number(len(left), '# canar[y|ies] left objects')}: {named}.",
            "Run checkout-assets doctor --canary FOLDER --yes: it removes them too.",
        )
    if found:
        return _LEFT.unknown("a canary began less than two hours ago", "Wait until it has ended.")
    return _LEFT.ok("no canary left anything")
