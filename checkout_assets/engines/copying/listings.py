"""The listings of source and raw, both in the order of the raw keys' places."""

from collections.abc import Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING

from checkout_assets.domain.copying import Sighting, SourceObject
from checkout_assets.domain.keys import safe_key
from checkout_assets.domain.verification import OutOfOrderError
from checkout_assets.engines.copying.spool import Spool
from checkout_assets.engines.copying.verifying import Block
from spark_jobs.contract.raw_keys import place_in_order

if TYPE_CHECKING:
    from spark_jobs.stores import S3Store

_ESCAPED_AT_ONCE = 1000


def list_source(
    source: "S3Store", prefix: str, raw_prefix: str
) -> Iterator[tuple[str, SourceObject]]:
    """The source's objects by the places of the keys they get in raw."""
    escaped: Spool[SourceObject] = Spool()
    last = ""
    try:
        for entry in chain.from_iterable(page.entries() for page in source.pages(prefix)):
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
    """Yield raw's objects by the places of their keys."""
    for block in raw_blocks(raw, prefix):
        yield from zip(block.places, map(Sighting, block.sizes, block.etags), strict=True)


def raw_blocks(raw: "S3Store", prefix: str) -> Iterator[Block]:
    """Yield raw's objects by the places of their keys, in blocks of about one page."""
    escaped: Spool[tuple[int, str]] = Spool()
    try:
        for page in raw.pages(prefix):
            rows = zip(page.keys, page.sizes, page.etags, strict=True)
            if "~" in "".join(page.keys):
                plain = []
                for key, size, etag in rows:
                    if "~" in key:
                        escaped.add(place_in_order(key), (size, etag))
                    else:
                        plain.append((key, size, etag))
                yield _block(plain)
            else:
                yield Block(page.keys, page.sizes, page.etags)
        drained = ((place, size, etag) for place, (size, etag) in escaped.drain())
        while some := list(islice(drained, _ESCAPED_AT_ONCE)):
            yield _block(some)
    finally:
        escaped.close()


def _block(rows: list[tuple[str, int, str]]) -> Block:
    columns = zip(*rows, strict=True) if rows else ((), (), ())
    return Block(*map(list, columns))
