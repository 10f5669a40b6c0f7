"""A raw bucket in memory: an S3 stub that generates documents from their keys.

It holds one or more copied folders, with manifest and completion record, and answers GET with a
configurable delay. It is a separate process, so its CPU is not part of the job's.
"""

import argparse
import asyncio
import hashlib
import io
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.structure.orders import Orders
from spark_jobs.contract.completion import CompletionRecord, ManifestPart
from spark_jobs.contract.keys import completion_record_key, manifest_part_key
from spark_jobs.contract.manifest_parts import manifest_schema

BUCKET, PREFIX = "bench", "raw"
_ROWS_PER_PART = 20_000
_ROWS_PER_GROUP = 5_000
_COPY_ID = "bench-copy"
_REQUEST = re.compile(rb"GET /bench/raw/([^ ?]+)")
_DOCUMENT = re.compile(r"([0-9A-F]{2}_\w+)/AF000/id/v(\d{9})-01")
_NO_LISTING = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"


class RawBucket:
    """The stub's objects; all ``folders`` have the same documents under their own keys."""

    def __init__(self, orders: Orders, folders: list[str]) -> None:
        self._orders = orders
        self._kept: dict[str, bytes] = {}
        for folder in folders:
            self._keep_manifest(folder)

    def get(self, key: str) -> tuple[bytes, str] | None:
        """An object's bytes and entity tag."""
        named = _DOCUMENT.fullmatch(key)
        if named:
            return self._orders.body(int(named[2])), _etag(int(named[2]))
        body = self._kept.get(key)
        return None if body is None else (body, "0" * 32)

    def _keep_manifest(self, folder: str) -> None:
        parts = []
        for number, table in enumerate(self._manifest(folder)):
            sink = io.BytesIO()
            pq.write_table(table, sink, compression="zstd", row_group_size=_ROWS_PER_GROUP)
            data = sink.getvalue()
            name = f"part-{number:05d}.parquet"
            self._kept[manifest_part_key(folder, _COPY_ID, name)] = data
            digest = hashlib.sha256(data).hexdigest()
            parts.append(ManifestPart(name, len(data), digest, table.num_rows))
        self._kept[completion_record_key(folder)] = self._record(folder, parts).to_json()

    def _manifest(self, folder: str) -> Iterator[pa.Table]:
        schema = manifest_schema()
        modified = datetime(2020, 1, 1, tzinfo=UTC)
        for start in range(0, self._orders.count, _ROWS_PER_PART):
            numbers = range(start, min(start + _ROWS_PER_PART, self._orders.count))
            keys = [f"{folder}/{self._orders.name(number)}" for number in numbers]
            etags = [_etag(number) for number in numbers]
            constants: dict[str, object] = {
                "folder": folder, "kind": "document", "last_modified": modified,
                "storage_class": "STANDARD", "status": "copied", "attempts": 1, "error": "",
            }  # fmt: skip
            columns: dict[str, list[object]] = {
                "source_key": [*keys], "raw_key": [*keys], "source_etag": [*etags],
                "raw_etag": [*etags], "size": [self._orders.size(number) for number in numbers],
            }  # fmt: skip
            yield pa.table(
                [
                    pa.array(columns.get(field.name, [constants.get(field.name)] * len(keys)))
                    .cast(field.type)
                    for field in schema
                ],
                schema=schema,
            )  # fmt: skip

    def _record(self, folder: str, parts: list[ManifestPart]) -> CompletionRecord:
        count = self._orders.count
        return CompletionRecord(
            folder=folder,
            copy_id=_COPY_ID,
            as_of="2020-01-02T00:00:00+00:00",
            listed_at="2020-01-02T00:00:00+00:00",
            parts=parts,
            listed=count,
            by_kind={"document": count},
            by_status={"copied": count},
            total_bytes=sum(map(self._orders.size, range(count))),
            digest="0" * 64,
        )


def _etag(number: int) -> str:
    return f"{number:032x}"


class Connection(asyncio.Protocol):
    """One keep-alive connection; requests have no body."""

    def __init__(self, bucket: RawBucket, delay: float) -> None:
        self._bucket = bucket
        self._delay = delay
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport for responses."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each complete request."""
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            if self._delay:
                asyncio.get_running_loop().call_later(self._delay, self._answer, head)
            else:
                self._answer(head)

    def _answer(self, head: bytes) -> None:
        if b"list-type=2" in head.partition(b"\r\n")[0]:  # whether the bucket is there
            self._write(b"200 OK", b"", _NO_LISTING)
            return
        asked = _REQUEST.match(head)
        found = self._bucket.get(asked[1].decode()) if asked else None
        if found is None:
            self._write(b"404 Not Found", b"", b"<Error><Code>NoSuchKey</Code></Error>")
        else:
            self._write(b"200 OK", found[1].encode(), found[0])

    def _write(self, status: bytes, tag: bytes, body: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(
                b'HTTP/1.1 %b\r\nETag: "%b"\r\nContent-Length: %d\r\n\r\n%b'
                % (status, tag, len(body), body)
            )


async def _serve(bucket: RawBucket, delay: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(bucket, delay), "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    # Ends with the pipe, so that it never outlives the benchmark.
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    """Serve until standard input ends; prints the port first."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, required=True)
    parser.add_argument("--days", type=int, default=120)
    parser.add_argument("--kind", choices=["dirty", "drifted", "clean", "short"], default="dirty")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds added to each GET")
    parser.add_argument("folders", nargs="+")
    asked = parser.parse_args()
    bucket = RawBucket(Orders.made(asked.documents, asked.days, asked.kind), asked.folders)
    asyncio.run(_serve(bucket, asked.delay))


if __name__ == "__main__":
    main()
