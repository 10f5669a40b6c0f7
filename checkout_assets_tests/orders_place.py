"""A separate source, raw and lake on the real S3 server, for tests of the engines."""

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pyarrow.parquet as pq

from checkout_assets.domain.folders import ALL_FOLDERS, Folder, select_folders
from checkout_assets.engines.copying.engine import CopyEngine, CopyOptions, FolderCopied
from checkout_assets.engines.locations import LocalLocation, S3Location
from checkout_assets.engines.reconciling.engine import ComparisonTerms
from spark_jobs.contract.completion import CompletionRecord
from spark_jobs.contract.keys import completion_record_key, manifest_part_key

FOLDER = "0A_CheckoutOrder"
DEEP = ComparisonTerms(deep=ALL_FOLDERS)
TYPE = "application/json; charset=utf-8"


class OrdersPlace:
    """Fresh buckets with small helpers; keys are relative to the source's or raw's prefix."""

    def __init__(self, directory: Path) -> None:
        name = uuid.uuid4().hex[:12]
        self.client: Any = boto3.client("s3")
        self.source = S3Location(f"source-{name}", "root/")
        self.raw = S3Location(f"raw-{name}", "copies/")
        self.lake = LocalLocation(directory / "lake")
        for place in (self.source, self.raw):
            self.client.create_bucket(
                Bucket=place.bucket,
                CreateBucketConfiguration={"LocationConstraint": "us-east-2"},
            )

    def put(self, key: str, body: bytes = b"{}", place: S3Location | None = None) -> str:
        where = place or self.source
        answer = self.client.put_object(
            Bucket=where.bucket,
            Key=where.prefix + key,
            Body=body,
            ContentType=TYPE,
            Metadata={"made-by": "a test"},
        )
        return str(answer["ETag"]).strip('"')

    def put_in_parts(self, key: str, body: bytes) -> None:
        """Put an object whose tag is not an MD5, as after a multipart upload."""
        where = {"Bucket": self.source.bucket, "Key": self.source.prefix + key}
        upload = self.client.create_multipart_upload(
            **where, ContentType=TYPE, Metadata={"made-by": "a test"}
        )
        about = {**where, "UploadId": upload["UploadId"]}
        part = self.client.upload_part(**about, PartNumber=1, Body=body)
        done = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        self.client.complete_multipart_upload(**about, MultipartUpload=done)

    def delete(self, key: str, place: S3Location | None = None) -> None:
        where = place or self.source
        self.client.delete_object(Bucket=where.bucket, Key=where.prefix + key)

    def get(self, key: str, place: S3Location | None = None) -> dict[str, Any]:
        where = place or self.raw
        answer: dict[str, Any] = self.client.get_object(Bucket=where.bucket, Key=where.prefix + key)
        answer["bytes"] = answer["Body"].read()
        return answer

    def keys(self, prefix: str = "", place: S3Location | None = None) -> list[str]:
        where = place or self.raw
        return [entry.key for entry in where.open().list(prefix)]

    def copy(self, *folders: str, run_id: str = "run", **options: Any) -> dict[str, FolderCopied]:
        engine = CopyEngine(self.source, self.raw, CopyOptions(**options))
        chosen: Sequence[Folder] = select_folders(folders or (FOLDER,))
        return {copied.folder.name: copied for copied in engine.run(chosen, run_id)}

    def copy_one(self, **options: Any) -> FolderCopied:
        return self.copy(FOLDER, **options)[FOLDER]

    def record(self, folder: str = FOLDER) -> CompletionRecord | None:
        key = completion_record_key(folder)
        if key not in self.keys(key):
            return None
        return CompletionRecord.from_json(self.get(key)["bytes"])

    def manifest(self, folder: str = FOLDER) -> list[dict[str, Any]]:
        """The rows of the recorded manifest, in file order."""
        record = self.record(folder)
        assert record is not None
        rows: list[dict[str, Any]] = []
        for part in record.parts:
            data = self.get(manifest_part_key(folder, record.copy_id, part.name))["bytes"]
            rows += pq.read_table(pa.BufferReader(data)).to_pylist()
        return rows

    def statuses(self, folder: str = FOLDER) -> dict[str, str]:
        return {row["source_key"]: row["status"] for row in self.manifest(folder)}
