"""What is compared: the configured places, or raw and lake only once access to the source ended."""

from datetime import datetime
from typing import Any

from checkout_assets.domain.anomalies import DEFAULT_ALLOWANCE, QuarantineAllowance
from checkout_assets.engines.access.source_reach import ended_access
from checkout_assets.engines.copying.cutoff import Origin, refuse_other_source
from checkout_assets.engines.locations import Location, S3Location, check_reachable, refuse_overlap
from checkout_assets.engines.reconciling.engine import Reconciler


def reconciler_of(  # noqa: PLR0913 - what is compared, and how
    source: S3Location | None,
    raw: S3Location,
    lake: Location,
    now: datetime,
    *,
    deep: bool = False,
    client: Any = None,
    allowance: QuarantineAllowance = DEFAULT_ALLOWANCE,
) -> Reconciler:
    """The engine; raises UsageError if a place is not reachable that should be, or if raw was
    copied from another source.

    The source need not be once the grant that raw recorded has ended. ``client`` is a boto3 client
    to ask the buckets with.
    """
    places: dict[str, Location] = {"raw": raw, "lake": lake}
    refuse_overlap({"source": source, **places} if source else places)
    check_reachable(places, client)
    if source:
        refuse_other_source(raw.open(), Origin(source.uri))
    ended = ended_access(source, raw, now) if source else ""
    if source and not ended:
        check_reachable({"source": source}, client)
    return Reconciler(None if ended else source, raw, lake, deep, ended, allowance=allowance)
