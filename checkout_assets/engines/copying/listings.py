"""The listings of source and raw, both by the place in order of the raw keys."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from checkout_assets.domain.copying import Sighting, SourceObject
from checkout_assets.domain.keys import place_in_order, safe_key
from checkout_assets.domain.verification import OutOfOrderError
from checkout_assets.engines.copying.spool import Spool

if TYPE_CHECKING:
    from spark_jobs.stores import S3Store


def list_source(
    source: "S3Store", prefix: str, raw_prefix: str
) -> Iterator[tuple[str, SourceObject]]:
    """The source's objects by the places of the keys they get in raw."""
    escaped: Spool[SourceObject] = Spool()
    last = ""
    try:
        for entry in source.list(prefix):
            key = entry.key
            if key <= last:
                raise OutOfOrderError("the source's listing does not ascend by key")
            last = key
            raw_key = safe_key(key, raw_prefix)
            if raw_key == key:
                yield key, SourceObject._make(entry)
            else:
                escaped.add(place_in_order(raw_key), SourceObject._make(entry))
        yield from escaped.drain()
    finally:
        escaped.close()


def list_raw(raw: "S3Store", prefix: str) -> Iterator[tuple[str, Sighting]]:
    """Raw's objects by the places of their keys."""
    escaped: Spool[Sighting] = Spool()
    try:
        for key, size, etag, _, _ in raw.list(prefix):
            if "~" in key:
                escaped.add(place_in_order(key), Sighting(size, etag))
            else:
                yield key, Sighting(size, etag)
        yield from escaped.drain()
    finally:
        escaped.close()
