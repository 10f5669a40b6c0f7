"""The objects that one file of an S3 Inventory lists, without earlier versions."""

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from checkout_assets.domain.planning.inventory import (
    CSV,
    InvalidInventoryError,
    InventoryColumn,
    InventoryManifest,
)

_FLAGS: Mapping[Any, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE", True), True),
    **dict.fromkeys(("false", "False", "FALSE", False), False),
    **dict.fromkeys(("", None)),
}
"""How CSV and Parquet write booleans; None if the value is not given."""

_STANDARD = "STANDARD"
_ROWS_AT_ONCE = 10_000
_LARGEST_SIZE = 1 << 60
_UNTOLD = ""


class ListedObject(NamedTuple):
    """A current object as an inventory lists it; an empty text means that a value is missing."""

    key: str
    size: int
    storage_class: str
    tier: str
    in_parts: bool
    encryption: str


def listed_objects(manifest: InventoryManifest, data: bytes) -> Iterator[ListedObject]:
    """The current objects of a file with these bytes; raises InvalidInventoryError."""
    rows = _csv_rows if manifest.file_format == CSV else _parquet_rows
    with _readable():
        if not data:
            raise ValueError("even an inventory without objects has a head")
        for row in rows(manifest, data):
            if found := _current(row):
                yield found


@contextmanager
def _readable() -> Iterator[None]:
    """Turn any error of the libraries about damaged bytes into InvalidInventoryError."""
    from pyarrow import ArrowException

    try:
        yield
    except (ValueError, LookupError, EOFError, OSError, zlib.error, csv.Error, ArrowException):
        raise InvalidInventoryError("it is damaged, or not as the manifest says") from None


Row = Sequence[Any]
"""The values of a row in the order of InventoryColumn; _UNTOLD or None where there is none."""


def _csv_rows(manifest: InventoryManifest, data: bytes) -> Iterator[Row]:
    """The rows of a gzip file without a header, whose keys are URL-encoded."""
    columns, names = manifest.columns, manifest.names
    count = len(columns)
    places = [columns.index(names[each]) if each in names else count for each in InventoryColumn]
    pick = itemgetter(*places)
    with gzip.open(io.BytesIO(data), "rt", encoding="utf-8", newline="") as text:
        for row in csv.reader(text):
            if len(row) != count:
                raise ValueError("a row has another number of columns")
            row.append(_UNTOLD)
            key, *others = pick(row)
            yield unquote_plus(key, errors="surrogateescape"), *others


def _parquet_rows(manifest: InventoryManifest, data: bytes) -> Iterator[Row]:
    import pyarrow as pa
    from pyarrow import parquet

    names = manifest.names
    file = parquet.ParquetFile(pa.BufferReader(data))
    for batch in file.iter_batches(_ROWS_AT_ONCE, columns=list(names.values())):
        untold = [None] * batch.num_rows
        columns = [
            batch.column(names[each]).to_pylist() if each in names else untold
            for each in InventoryColumn
        ]
        yield from zip(*columns, strict=True)


def _current(row: Row) -> ListedObject | None:
    """The row's object; None for an earlier version and for a delete marker."""
    key, size, _, is_latest, is_delete_marker, storage_class, tier, in_parts, encryption = row
    if _FLAGS[is_latest] is False or _FLAGS[is_delete_marker]:
        return None
    if not isinstance(key, str) or not key:
        raise ValueError("a row has no key")
    return ListedObject(
        key,
        _bytes(size),
        storage_class or _STANDARD,
        tier or "",
        bool(_FLAGS[in_parts]),
        encryption or "",
    )


def _bytes(given: Any) -> int:
    text = str(given)
    size = int(text) if text.isascii() and text.isdecimal() else -1
    if not 0 <= size <= _LARGEST_SIZE:
        raise ValueError("a size is not a number of bytes")
    return size
