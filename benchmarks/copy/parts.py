"""The parts of our copy: each is run alone, as a program whose CPU is then measured.

``transport`` is a loop of the engine's requests, ``s3-client`` the same with awscrt's own S3
client, ``listing`` one listing of one bucket, ``manifest`` building and writing a manifest,
``nothing`` the start that all of them need.
"""

import argparse
import secrets
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from benchmarks.copy.keyspace import KeySpace
from benchmarks.copy.place import FOLDER
from benchmarks.copy.stub import RAW, RAW_PREFIX, SOURCE, SOURCE_PREFIX

_CONNECTIONS = 128
_IN_FLIGHT = 256

OnEnd = Callable[[BaseException | None], None]


def copy_bare(objects: int) -> int:
    """Copy with only the requests of the engine; returns how many succeeded."""
    from checkout_assets.engines.locations import S3Location
    from spark_jobs.transport.client import CrtS3

    raw = S3Location(RAW, f"{RAW_PREFIX}/").open()
    crt = CrtS3(raw.endpoint, raw.credentials, connections=_CONNECTIONS, tries=1)

    def start(key: str, headers: list[tuple[str, str]], on_end: OnEnd) -> None:
        target = f"{RAW_PREFIX}/{key}"
        crt.start("PUT", RAW, target, lambda _, error: on_end(error), headers)

    copied = _copy_all(objects, start)
    crt.close()
    return copied


def copy_by_s3_client(objects: int) -> int:
    """The same with awscrt's S3 client, which is designed for large objects."""
    from awscrt.http import HttpHeaders, HttpRequest
    from awscrt.s3 import S3RequestType

    from checkout_assets.engines.locations import S3Location

    raw = S3Location(RAW, f"{RAW_PREFIX}/").open()
    client, host = _s3_client(raw), raw.endpoint.url.partition("://")[2]

    def start(key: str, headers: list[tuple[str, str]], on_end: OnEnd) -> None:
        told = HttpHeaders([("Host", host), ("Content-Length", "0"), *headers])
        client.make_request(
            type=S3RequestType.DEFAULT,
            operation_name="CopyObject",
            request=HttpRequest("PUT", f"/{RAW}/{RAW_PREFIX}/{key}", told),
            on_done=lambda error=None, **_: on_end(error),
        )

    return _copy_all(objects, start)


def _copy_all(objects: int, start: Callable[[str, list[tuple[str, str]], OnEnd], None]) -> int:
    slots = threading.BoundedSemaphore(_IN_FLIGHT)
    failures: list[BaseException] = []
    space = KeySpace([FOLDER], objects)

    def on_end(error: BaseException | None) -> None:
        if error is not None:
            failures.append(error)
        slots.release()

    for number in range(objects):
        slots.acquire()
        key, etag = space.key(number).decode(), space.etag(number).decode()
        headers = [
            ("x-amz-copy-source", f"/{SOURCE}/{SOURCE_PREFIX}/{key}"),
            ("x-amz-copy-source-if-match", f'"{etag}"'),
        ]
        start(key, headers, on_end)
    for _ in range(_IN_FLIGHT):
        slots.acquire()
    return objects - len(failures)


def _s3_client(raw: Any) -> Any:
    from awscrt.auth import AwsCredentialsProvider
    from awscrt.s3 import S3Client, S3RequestTlsMode, create_default_s3_signing_config

    known = raw.credentials.get_frozen_credentials()
    provider = AwsCredentialsProvider.new_static(known.access_key, known.secret_key, known.token)
    region = raw.endpoint.region
    return S3Client(
        region=region,
        tls_mode=S3RequestTlsMode.DISABLED,
        signing_config=create_default_s3_signing_config(
            region=region, credential_provider=provider
        ),
        throughput_target_gbps=100,
        max_active_connections_override=_CONNECTIONS,
    )


def list_source(objects: int) -> int:
    """List the folder once, as the engine does; returns the number of objects."""
    del objects
    from checkout_assets.engines.locations import S3Location

    source = S3Location(SOURCE, f"{SOURCE_PREFIX}/").open()
    return sum(1 for _ in source.list(f"{FOLDER}/"))


def write_manifest(objects: int) -> int:
    """Write a manifest of ``objects`` rows to raw, as the engine does; returns its rows."""
    from checkout_assets.engines.copying.manifest import ManifestRow, ManifestWriter
    from checkout_assets.engines.locations import S3Location

    raw = S3Location(RAW, f"{RAW_PREFIX}/").open()
    writer = ManifestWriter(raw, FOLDER, f"bench-{secrets.token_hex(4)}")
    space, modified = KeySpace([FOLDER], objects), datetime(2020, 1, 1, tzinfo=UTC)
    for number in range(objects):
        key, etag = space.key(number).decode(), space.etag(number).decode()
        writer.add(
            ManifestRow(
                folder=FOLDER, source_key=key, raw_key=key, kind="document",
                size=space.size(number), source_etag=etag, raw_etag=etag, last_modified=modified,
                storage_class="STANDARD", status="copied", attempts=1, error="",
            )
        )  # fmt: skip
    return sum(part.rows for part in writer.flush())


def main() -> int:
    """Run a part; the exit code is 1 if it is incomplete."""
    parts = {
        "transport": copy_bare,
        "s3-client": copy_by_s3_client,
        "listing": list_source,
        "manifest": write_manifest,
    }
    parser = argparse.ArgumentParser(description="A part of a copy, bare.")
    parser.add_argument("part", choices=["nothing", *parts])
    parser.add_argument("objects", type=int)
    asked = parser.parse_args()
    if asked.part == "nothing":
        return 0 if copy_bare(1) else 1
    return 0 if parts[asked.part](asked.objects) == asked.objects else 1


if __name__ == "__main__":
    sys.exit(main())
