"""Read an analysts' table's data files, and compare their bytes with the digests in its records."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from checkout_assets.domain.compaction.comparing import DeepRead
from checkout_assets.domain.compaction.months import Month
from checkout_assets.engines.compacting.month_changes import CommittedMonth
from checkout_assets.engines.compacting.orders_table import OrdersTable
from spark_jobs.stores import Store

if TYPE_CHECKING:
    from pyiceberg.io import FileIO

_PIECE_BYTES = 8 * 1024 * 1024
"""Of a file that is read at once: in S3 a request of its own."""


def recorded_digests(
    orders: OrdersTable, lake: Store, month: Month, stated: CommittedMonth
) -> Mapping[str, str]:
    """Return the digests of a committed month's data files by URI, as its record names them.

    None if the record is gone, unreadable, or of a version that recorded no digests. Raises
    StoreError if the lake cannot be read.
    """
    record = stated.record(lake, orders.name, month)
    if record is None:
        return {}
    return {orders.uri_of(file.path): file.sha256 for file in record.files if file.sha256}


def read_deep(io: "FileIO", uris: Sequence[str], digests: Mapping[str, str]) -> DeepRead:
    """Read every byte of the files that have a digest; raises OSError."""
    known = [uri for uri in uris if uri in digests]
    changed = sum(_digest(io, uri) != digests[uri] for uri in known)
    return DeepRead(len(known), changed, len(uris) - len(known))


def _digest(io: "FileIO", uri: str) -> str:
    found = hashlib.sha256()
    for piece in _pieces(io, uri):
        found.update(piece)
    return found.hexdigest()


def _pieces(io: "FileIO", uri: str) -> Iterator[bytes]:
    with io.new_input(uri).open() as stream:
        while piece := stream.read(_PIECE_BYTES):
            yield piece
