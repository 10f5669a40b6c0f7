"""What is compared: the configured places, or only raw and lake once access to the source ended."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from checkout_assets.engines.access.source_reach import ended_access
from checkout_assets.engines.copying.cutoff import Origin, refuse_other_source
from checkout_assets.engines.locations import (
    Location,
    S3Location,
    check_reachable,
    principal,
    refuse_overlap,
)
from checkout_assets.engines.reconciling.engine import USUAL_TERMS, ComparisonTerms, Reconciler
from checkout_assets.engines.silence import OnSilence, ignore_silence, listening_to


def reconciler_of(  # noqa: PLR0913 - what is compared, and how
    source: S3Location | None,
    raw: S3Location,
    lake: Location,
    now: datetime,
    terms: ComparisonTerms = USUAL_TERMS,
    *,
    make_client: Callable[[], Any] | None = None,
    role_arn: str = "",
    on_silence: OnSilence = ignore_silence,
) -> Reconciler:
    """Return the engine.

    Raises UsageError if a required place is not reachable, or if raw was copied from another
    source. The source is not required once the grant that raw recorded has ended. ``make_client``
    gives boto3 clients for requests to the buckets. With ``role_arn``, that role reads source and
    raw; the lake is read by the environment's principal. ``on_silence`` is called if S3 is silent.
    """
    places: dict[str, Location] = {"raw": raw, "lake": lake}
    refuse_overlap({"source": source, **places} if source else places)
    asking = None if role_arn else make_client
    check_reachable({"raw": raw}, asking, role_arn, on_silence)
    check_reachable({"lake": lake}, make_client, on_silence=on_silence)
    session = principal(role_arn) if role_arn else None
    if source:
        with listening_to(raw.open(session), on_silence) as store:
            refuse_other_source(store, Origin(source.uri))
    ended = ended_access(source, raw, now, session, on_silence) if source else ""
    if source and not ended:
        check_reachable({"source": source}, asking, role_arn, on_silence)
    compared = None if ended else source
    return Reconciler(
        compared, raw, lake, terms, ended=ended, session=session, on_silence=on_silence
    )
