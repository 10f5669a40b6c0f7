"""A lake with published folders, written without Spark: for tests of what reads the tables."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from spark_jobs.contract.keys import publication_record_key, table_file_key
from spark_jobs.contract.order_types import table_of
from spark_jobs.contract.publication import (
    PUBLISHED,
    SCHEMA_VERSION,
    PublicationRecord,
    PublishedFile,
)
from spark_jobs.contract.totals import StructureTotals
from spark_jobs.schema import arrow_schema
from spark_jobs.stores import NotFoundError, Store

Row = dict[str, Any]


def order_row(order_id: str, changed: str = "2018-10-31T10:00:00Z", **more: Any) -> Row:
    """A row of the plain table; its file's day is that of ``changed``."""
    return {
        "id": order_id,
        "creationdate": "2018-10-30T21:30:00.1234567-03:00",
        "lastchange": changed,
        "value": 1990,
        "items": [{"id": "sku-1", "quantity": 2, "price": 995}],
        "_rescued": [{"path": "/x", "value": "1"}],
        **more,
    }


def publish_rows(
    lake: Store, folder: str, run_id: str, rows: Sequence[Row], state: str = PUBLISHED
) -> PublicationRecord:
    """Publish exactly these rows as the folder's, in place of those it had, a file per day."""
    days: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        days[row["lastchange"][:10]].append(
            {
                **row,
                "_folder": folder,
                "_source_key": f"{folder}/AF/id/{row['id']}",
                "_source_etag": f"etag-{row['lastchange']}",
                "_run_id": run_id,
            }
        )
    for path in _paths_before(lake, folder):
        lake.delete([path])
    files = [_write(lake, folder, run_id, day, each) for day, each in sorted(days.items())]
    record = PublicationRecord(
        folder=folder,
        run_id=run_id,
        state=state,
        copy_id="copy",
        digest="digest",
        schema_version=SCHEMA_VERSION,
        files=files,
        quarantine=[],
        previous=[],
        totals=StructureTotals(documents=len(rows), rows=len(rows)),
    )
    lake.put(publication_record_key(folder), record.to_json())
    return record


def plain_rows(lake: Store, table: str) -> list[Row]:
    """Every row of the plain table, read file by file."""
    found: list[Row] = []
    for entry in lake.list(f"consumable_tables/{table}/"):
        found += pq.read_table(pa.BufferReader(lake.get(entry.key).data)).to_pylist()
    return found


def comparable(rows: Sequence[Mapping[str, Any]], table: str) -> list[str]:
    """The rows' columns of the plain table, in an order of their own, to compare as a multiset."""
    names = arrow_schema(table).names
    return sorted(repr([row[name] for name in names]) for row in rows)


def _paths_before(lake: Store, folder: str) -> list[str]:
    try:
        record = PublicationRecord.from_json(lake.get(publication_record_key(folder)).data)
    except NotFoundError:
        return []
    return [file.path for file in record.files]


def _write(lake: Store, folder: str, run_id: str, day: str, rows: Sequence[Row]) -> PublishedFile:
    table = pa.Table.from_pylist(list(rows), schema=arrow_schema(table_of(folder)))
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", store_schema=False)
    data = bytes(sink.getvalue())
    key = table_file_key(folder, day, run_id, 0)
    lake.put(key, data)
    return PublishedFile(key, len(data), len(rows), hashlib.sha256(data).hexdigest())
