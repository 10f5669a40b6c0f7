"""Write a copy's manifest while it runs.

A manifest is a sequence of Parquet parts. Their rows ascend by the place of their raw keys: keys
without an escape come first, see ``place_in_order``. A part is written once and never changed. The
completion record says which parts count.
"""

import hashlib
import time
from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from checkout_assets.engines.copying.columns import to_column
from spark_jobs.contract.completion import ManifestPart
from spark_jobs.contract.keys import manifest_part_key
from spark_jobs.contract.manifest_parts import manifest_schema
from spark_jobs.stores import Store

if TYPE_CHECKING:
    pass

ROWS_PER_PART = 10_000
SECONDS_PER_PART = 30.0
"""Longest time between parts: a killed copy loses at most this much of its verified work."""

ROWS_PER_GROUP = 5_000
"""Rows per row group; readers split a manifest by row group, so it is their unit of work."""


class ManifestRow(NamedTuple):
    """One object of a folder, in the order of MANIFEST_COLUMNS."""

    folder: str
    source_key: str
    raw_key: str
    kind: str
    size: int
    source_etag: str
    raw_etag: str
    last_modified: datetime
    storage_class: str
    status: str
    attempts: int
    error: str


class ManifestWriter:
    """Writes the parts of one copy of one folder."""

    def __init__(self, raw: Store, folder: str, copy_id: str) -> None:
        self._raw = raw
        self._folder = folder
        self._copy_id = copy_id
        self._rows: list[ManifestRow] = []
        self._parts: list[ManifestPart] = []
        self._started = time.monotonic()
        self._failed = False

    def add(self, row: ManifestRow) -> None:
        """Add the next row; writes a part when enough rows are buffered or enough time has passed.

        After a failed write, rows are only buffered; ``flush`` tries once more.
        """
        self._rows.append(row)
        aged = time.monotonic() - self._started > SECONDS_PER_PART
        if (aged or len(self._rows) >= ROWS_PER_PART) and not self._failed:
            self._failed = True
            self.flush()
            self._failed = False

    def flush(self) -> list[ManifestPart]:
        """Write the buffered rows, if any, and return all parts so far."""
        if self._rows:
            data = _parquet(self._rows)
            name = f"part-{len(self._parts):05d}.parquet"
            key = manifest_part_key(self._folder, self._copy_id, name)
            self._raw.put(key, data, if_absent=True)
            digest = hashlib.sha256(data).hexdigest()
            self._parts.append(ManifestPart(name, len(data), digest, len(self._rows)))
            self._rows = []
        self._started = time.monotonic()
        return list(self._parts)


def _parquet(rows: list[ManifestRow]) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = manifest_schema()
    columns = [
        to_column(values, kind)
        for values, kind in zip(zip(*rows, strict=True), schema.types, strict=True)
    ]
    table = pa.Table.from_arrays(columns, schema=schema)
    sink = BytesIO()
    with pq.ParquetWriter(
        sink, schema, compression="zstd", memory_pool=pa.system_memory_pool()
    ) as writer:
        writer.write_table(table, row_group_size=ROWS_PER_GROUP)
    return sink.getvalue()
