"""Source, raw and the lake: whether they answer, and whether this machine's clock agrees."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.doctor import CheckResult, Topic
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.doctor.account import AwsClients
from checkout_assets.engines.doctor.asking import bucket_headers
from checkout_assets.engines.doctor.settling import AGAIN, settled
from checkout_assets.engines.locations import (
    LocalLocation,
    Location,
    S3Location,
    check_reachable,
    check_writable,
    parse_location,
    parse_s3_location,
    refuse_overlap,
)
from checkout_assets.engines.place_terms import PlaceTerms
from checkout_assets.settings import ENVIRONMENT_PREFIX, Settings
from spark_jobs.service_codes import is_denied

NAMES = ("source", "raw", "lake")
_ACCESS = "docs/deploy/access.md#granting"
_CLOCK = Topic("this machine", "clock")
_OVERLAP = Topic("places", "overlap")
_MOST_SKEW = timedelta(minutes=5)
"""A margin: AWS rejects requests whose time is more than 15 minutes off."""


def configured_places(settings: Settings) -> tuple[dict[str, Location], list[CheckResult]]:
    """The places that are configured, by name, and a result for each that is not."""
    places: dict[str, Location] = {}
    others = []
    for name in NAMES:
        topic = Topic(name, "address", "docs/runbook.md#uri-refused")
        variable = f"{ENVIRONMENT_PREFIX}{name.upper()}_URI"
        try:
            if uri := getattr(settings, f"{name}_uri"):
                on_disk = name == "lake" and settings.structure_engine == "local"
                parse = parse_location if on_disk else parse_s3_location
                places[name] = parse(uri, name, PlaceTerms.given_by(settings).of(name))
            else:
                others.append(topic.unknown("it is not configured", f"Set {variable}."))
        except UsageError as error:
            others.append(topic.failed(str(error), f"Correct {variable}, or what the reason says."))
    return places, others


def place_results(places: Mapping[str, Location], copy_role: str) -> Iterator[CheckResult]:
    """Whether each place answers; the copy role, if there is one, is used for the source."""
    remedy = "Give each place a prefix of its own."
    yield from settled(_OVERLAP, lambda: _overlap(places), remedy)
    for name, place in places.items():
        yield from _reached(name, place, copy_role if name == "source" else "")


def clock_results(places: Mapping[str, Location], clients: AwsClients) -> Iterator[CheckResult]:
    """Whether this machine's clock agrees with that of S3."""
    yield from settled(_CLOCK, lambda: _clock(places, clients))


def _overlap(places: Mapping[str, Location]) -> Iterator[CheckResult]:
    refuse_overlap(places)
    yield _OVERLAP.ok("no place lies inside another")


def _reached(name: str, place: Location, role: str) -> Iterator[CheckResult]:
    topic = Topic(name, "reachable", _ACCESS)
    yield from settled(topic, lambda: _reachable(topic, place, role))


def _reachable(topic: Topic, place: Location, role: str) -> Iterator[CheckResult]:
    try:
        check_reachable({topic.subject: place}, role_arn=role)
        check_writable(place, topic.subject)
    except UsageError as error:
        yield topic.failed(str(error), _way_out(topic.subject, place, error))
        return
    if isinstance(place, LocalLocation):
        yield topic.ok(f"{displayable(place.uri)} can be written")
    else:
        who = "the copy role" if role else "this principal"
        yield topic.ok(f"{who} may list {displayable(place.uri)}")


def _way_out(name: str, place: Location, error: UsageError) -> str:
    code = error.failure.code
    if isinstance(place, LocalLocation):
        return f"Choose another directory in {ENVIRONMENT_PREFIX}LAKE_URI, or change its owner."
    if code == "NoSuchBucket":
        return f"Correct {ENVIRONMENT_PREFIX}{name.upper()}_URI, or create the bucket."
    if is_denied(code) and name == "source":
        return (
            "Grant access: checkout-assets access grant --requester NAME --days N --yes. If the "
            "copy role cannot be assumed, add this principal to its trust policy."
        )
    if is_denied(code):
        return "Attach the policies of checkout-assets access show to the roles."
    return AGAIN


def _clock(places: Mapping[str, Location], clients: AwsClients) -> Iterator[CheckResult]:
    buckets = [each.bucket for each in places.values() if isinstance(each, S3Location)]
    told = bucket_headers(clients.of("s3"), buckets[0]).get("date", "") if buckets else ""
    try:
        skew = abs(datetime.now(UTC) - parsedate_to_datetime(told))
    except (TypeError, ValueError):
        yield _CLOCK.unknown("S3 did not say what time it is", AGAIN)
        return
    if skew > _MOST_SKEW:
        yield _CLOCK.failed(
            f"This machine's clock differs from that of S3 by {skew.total_seconds() / 60:.0f} min.",
            "Set the clock, for example with timedatectl set-ntp true.",
        )
    else:
        yield _CLOCK.ok("it agrees with that of S3")
