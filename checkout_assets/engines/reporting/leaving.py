"""Making a report from the results and the history, storing it in the lake, and finding it."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from checkout_assets.domain.reporting.listings import KeptListings, listings_after
from checkout_assets.domain.reporting.outcome import ReconciliationOutcome
from checkout_assets.engines.locations import Location, S3Location
from checkout_assets.engines.reporting.keeping import KeptReports
from checkout_assets.engines.reporting.page import Report, render
from checkout_assets.engines.silence import OnSilence, ignore_silence, listening_to

if TYPE_CHECKING:
    from spark_jobs.stores import Store

_CONSOLES = {"cn-": "console.amazonaws.cn", "us-gov-": "console.amazonaws-us-gov.com"}


@dataclass(frozen=True, slots=True)
class Left:
    """A report's page, and where it is stored.

    If storing failed, ``problem`` says why, and ``key`` and ``uri`` are empty. ``console_url``
    opens it in the AWS console; empty if the lake is not on AWS.
    """

    page: str
    key: str = ""
    uri: str = ""
    console_url: str = ""
    problem: str = ""

    @property
    def name(self) -> str:
        """The page's file name."""
        return self.key.rpartition("/")[2]


def earlier_outcomes(
    lake: Location, on_silence: OnSilence = ignore_silence
) -> list[ReconciliationOutcome]:
    """The outcomes in the lake, oldest first; none if it fails, which ``leave_report`` reports."""
    from spark_jobs.stores import StoreError

    try:
        with _opened(lake, on_silence) as store:
            return KeptReports(store).history()
    except StoreError:
        return []


def earlier_listings(lake: Location, on_silence: OnSilence = ignore_silence) -> KeptListings:
    """The last listings of folders in the lake; empty if it fails."""
    from spark_jobs.stores import StoreError

    try:
        with _opened(lake, on_silence) as store:
            return KeptReports(store).listings()
    except StoreError:
        return KeptListings()


def leave_report(
    lake: Location, report: Report, now: datetime, on_silence: OnSilence = ignore_silence
) -> Left:
    """Make the page and store it; a failure of the lake is returned, not raised."""
    from spark_jobs.stores import StoreError

    page = render(report)
    try:
        with _opened(lake, on_silence) as store:
            kept = KeptReports(store)
            # First, so that a folder that is red now has no earlier good listing any more.
            kept.keep_listings(listings_after(report.folders, report.outcome.instant))
            key = kept.keep(report.outcome, page, now)
            return Left(page, key, f"{lake.uri}/{key}", _console_url(lake, store, key))
    except StoreError as error:
        return Left(page, problem=f"The report was not kept in the lake: {error.reason}.")


def newest_report(lake: Location) -> tuple[ReconciliationOutcome, Left] | None:
    """The newest report in the lake; None if there is none. Raises StoreError."""
    with _opened(lake, ignore_silence) as store:
        kept = KeptReports(store)
        history = kept.history()
        if not history:
            return None
        key, page = kept.page_of(history[-1])
        left = Left(page, key, f"{lake.uri}/{key}", _console_url(lake, store, key))
        return history[-1], left


def _opened(lake: Location, on_silence: OnSilence) -> "AbstractContextManager[Store]":
    if isinstance(lake, S3Location):
        return listening_to(lake.open(), on_silence)
    return nullcontext(lake.open())


def _console_url(lake: Location, store: "Store", key: str) -> str:
    """The URL of an object in the AWS console, which requires the reader to sign in.

    A presigned URL would be a credential in Dagster's records, and expire after some hours.
    """
    from spark_jobs.stores import S3Store

    if not isinstance(store, S3Store) or not isinstance(lake, S3Location):
        return ""
    if ".amazonaws.com" not in store.client.meta.endpoint_url:
        return ""
    return console_url(store.client.meta.region_name, lake.bucket, lake.prefix + key)


def console_url(region: str, bucket: str, key: str) -> str:
    """The URL of an object in the AWS console of the region's partition."""
    host = next(
        (host for start, host in _CONSOLES.items() if region.startswith(start)),
        "console.aws.amazon.com",
    )
    return f"https://{region}.{host}/s3/object/{bucket}?region={region}&prefix={quote(key)}"
