"""S3 Inventories as S3 writes them: a manifest, and files in CSV with gzip or in Parquet.

The forms are those of the Amazon S3 User Guide, "Locating your inventory list".
"""

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pyarrow as pa
import pyarrow.parquet as pq

FIELDS = (
    "Bucket", "Key", "VersionId", "IsLatest", "IsDeleteMarker", "Size", "LastModifiedDate",
    "StorageClass", "IsMultipartUploaded", "EncryptionStatus", "IntelligentTieringAccessTier",
)  # fmt: skip
BUCKET = "orders"
STORE = "inventories"
TAKEN = "2026-11-22T01-00Z"
TAKEN_AT = 1_795_309_200_000
"""2026-11-22 01:00 UTC, in milliseconds."""

_PARQUET_NAMES = {
    "IsLatest": "is_latest", "IsDeleteMarker": "is_delete_marker", "VersionId": "version_id",
    "StorageClass": "storage_class", "IsMultipartUploaded": "is_multipart_uploaded",
    "EncryptionStatus": "encryption_status", "LastModifiedDate": "last_modified_date",
    "IntelligentTieringAccessTier": "intelligent_tiering_access_tier",
}  # fmt: skip


def row(key: str, size: int | None = 2, **others: Any) -> dict[str, Any]:
    """A row of an inventory; others by their names in CSV."""
    usual = {
        "Bucket": BUCKET,
        "Key": key,
        "VersionId": "v1",
        "IsLatest": True,
        "IsDeleteMarker": False,
        "Size": size,
        "LastModifiedDate": "2018-10-31T00:00:00.000Z",
        "StorageClass": "STANDARD",
        "IsMultipartUploaded": False,
        "EncryptionStatus": "SSE-S3",
        "IntelligentTieringAccessTier": "",
    }
    return {**usual, **others}


@dataclass(frozen=True)
class MadeInventory:
    """The manifest and the files by their keys below the inventory's bucket."""

    manifest: dict[str, Any]
    files: dict[str, bytes]

    def lay_out(self, directory: Path) -> Path:
        """As ``aws s3 sync`` of the configuration's prefix leaves it; returns the manifest."""
        for key, data in self.files.items():
            path = directory / "data" / key.rpartition("/")[2]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        manifest = directory / TAKEN / "manifest.json"
        manifest.parent.mkdir(parents=True, exist_ok=True)
        manifest.write_text(json.dumps(self.manifest))
        return manifest

    def upload(self, client: Any) -> str:
        """Into the inventory's bucket; returns the manifest's URI."""
        where = {"Bucket": self.manifest["destinationBucket"].rpartition(":")[2]}
        for key, data in self.files.items():
            client.put_object(**where, Key=key, Body=data)
        key = f"inv/{BUCKET}/all/{TAKEN}/manifest.json"
        client.put_object(**where, Key=key, Body=json.dumps(self.manifest).encode())
        return f"s3://{where['Bucket']}/{key}"


def made_inventory(
    file_format: str,
    *files: Sequence[dict[str, Any]],
    fields: Sequence[str] = FIELDS,
    bucket: str = BUCKET,
    store: str = STORE,
) -> MadeInventory:
    """An inventory of the bucket, each of whose files lists these rows."""
    write, schema, ending = {
        "CSV": (_csv, ", ".join(fields), "csv.gz"),
        "Parquet": (_parquet, _parquet_schema(fields), "parquet"),
    }[file_format]
    data = {
        f"inv/{bucket}/all/data/{number}.{ending}": write(rows, fields)
        for number, rows in enumerate(files)
    }
    manifest = {
        "sourceBucket": bucket,
        "destinationBucket": f"arn:aws:s3:::{store}",
        "version": "2016-11-30",
        "creationTimestamp": str(TAKEN_AT),
        "fileFormat": file_format,
        "fileSchema": schema,
        "files": [
            {"key": key, "size": len(body), "MD5checksum": hashlib.md5(body).hexdigest()}
            for key, body in data.items()
        ],
    }
    return MadeInventory(manifest, data)


def _csv(rows: Sequence[dict[str, Any]], fields: Sequence[str]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    for each in rows:
        writer.writerow([_in_csv(name, each[name]) for name in fields])
    return gzip.compress(text.getvalue().encode())


def _in_csv(name: str, value: Any) -> str:
    if name == "Key":
        return quote_plus(value, safe="/")
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def _parquet_name(field: str) -> str:
    return _PARQUET_NAMES.get(field, field.lower())


def _parquet_schema(fields: Sequence[str]) -> str:
    kinds = {"Size": "int64 size", "IsLatest": "boolean is_latest"}
    told = (
        f"{'required' if name in {'Bucket', 'Key'} else 'optional'} "
        f"{kinds.get(name, f'binary {_parquet_name(name)} (UTF8)')};"
        for name in fields
    )
    return f"message s3.inventory {{ {' '.join(told)} }}"


def _parquet(rows: Sequence[dict[str, Any]], fields: Sequence[str]) -> bytes:
    columns = {_parquet_name(name): [each[name] or None for each in rows] for name in fields}
    columns["size"] = [each["Size"] for each in rows]
    for name in ("IsLatest", "IsDeleteMarker", "IsMultipartUploaded"):
        if name in fields:
            columns[_parquet_name(name)] = [each[name] for each in rows]
    data = io.BytesIO()
    pq.write_table(pa.table({n: v for n, v in columns.items() if _kept(n, fields)}), data)
    return data.getvalue()


def _kept(name: str, fields: Sequence[str]) -> bool:
    return name in {_parquet_name(each) for each in fields}
