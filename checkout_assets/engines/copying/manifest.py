"""Writing a copy's manifest as it goes.

A manifest is a sequence of Parquet parts, their rows ascending by the place in order of their raw
keys: those without an escape first, see ``place_in_order``. A part is written once and never
changed; the completion record says which parts count.
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
"""A killed copy forgets at most this much of what it had proved."""

ROWS_PER_GROUP = 5_000
"""Readers split a manifest into its row groups, so this is also their unit of work."""


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
        """Take the next row; writes a part whenever enough rows or time have gathered.

        After a part that could not be written rows only gather: ``flush`` tries once more.
        """
        self._rows.append(row)
        aged = time.monotonic() - self._started > SECONDS_PER_PART
        if (aged or len(self._rows) >= ROWS_PER_PART) and not self._failed:
            self._failed = True
            self.flush()
            self._failed = False

    def flush(self) -> list[ManifestPart]:
        """Write the rows that wait, if any, and return all parts so far."""
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
