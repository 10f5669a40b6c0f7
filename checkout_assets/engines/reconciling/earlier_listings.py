"""Folders that need no new listing: the last one is reused if nothing has changed since."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from checkout_assets.domain.folders import Folder
from checkout_assets.domain.reconciliation import CopyEvidence
from checkout_assets.domain.reporting.listings import KeptListings
from checkout_assets.engines.copying.cutoff import KeptCutOff
from checkout_assets.engines.copying.result import facts_of
from spark_jobs.contract.completion import CompletionRecord
from spark_jobs.stores.listing import list_directory

if TYPE_CHECKING:
    from spark_jobs.stores import S3Store

NO_LISTINGS = KeptListings()


def usable_listings(
    kept: KeptListings,
    source: "S3Store | None",
    raw: "S3Store",
    cut_off: KeptCutOff | None,
    below_source: Iterable[str],
) -> KeptListings:
    """Return the listings of folders that source and raw still have; none if places differ.

    ``below_source`` are the names directly below the source; those below raw are listed.
    """
    source_uri = source.uri if source else cut_off.source_uri if cut_off else ""
    as_of = cut_off.as_of if cut_off else ""
    if not kept.folders or not kept.are_of(source_uri, raw.uri, as_of):
        return NO_LISTINGS
    there = _folders_among(names_below(raw))
    if source is not None:
        there &= _folders_among(below_source)
    usable = {
        name: listing
        for name, listing in kept.folders.items()
        if name in there and (listing.listed is None) == (source is None)
    }
    return replace(kept, folders=usable)


def seen_earlier(
    folder: Folder, record: CompletionRecord | None, kept: KeptListings
) -> CopyEvidence | None:
    """Return what the folder's last listing showed, with its current completion record.

    Returns None if no listing of it is kept, or if it was copied since.
    """
    listing = kept.folders.get(folder.name)
    if listing is None or record is None or not listing.agrees_with(record):
        return None
    return CopyEvidence(
        listed=listing.listed,
        newer=listing.newer,
        raw_objects=listing.raw_objects,
        missing_on_source=listing.missing_on_source,
        vanished=listing.vanished,
        record=record,
        facts=facts_of(record),
        source_uri=kept.source_uri,
        raw_uri=kept.raw_uri,
        as_of=kept.as_of,
        listed_at=datetime.fromisoformat(listing.at),
    )


def names_below(store: "S3Store") -> list[str]:
    """List the names directly below a place; those of folders end in a slash."""
    return list_directory(store.crt(), store.bucket, store.prefix, store.terms.headers())


def _folders_among(names: Iterable[str]) -> set[str]:
    return {name.removesuffix("/") for name in names if name.endswith("/")}
