"""Whether the packaged programs are available to machines, complete and unchanged."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checkout_assets.domain.counting import byte_size
from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.doctor import CheckResult, Topic
from checkout_assets.engines.doctor.asking import ask
from checkout_assets.engines.doctor.settling import settled_one
from checkout_assets.engines.locations import parse_s3_location
from checkout_assets.packaging.contents import MANIFEST, Artifact, Package, Role

WORKER = (Role.WORKER,)
JOB = (Role.SPARK_CODE, Role.SPARK_SCRIPT, Role.COMPACTION_SCRIPT, Role.SPARK_DEPENDENCIES)
_ABSENT = ("404", "NoSuchKey", "NotFound")
_CHUNK = 1024 * 1024
_MAKE = "Run make package, and set package_directory to dist or upload dist to package_uri."


@dataclass(frozen=True, slots=True)
class FleetPackage:
    """The place of a fleet's package: a prefix in S3, or a directory that a run uploads first."""

    subject: str
    uri: str
    directory: str
    architecture: str
    roles: Sequence[Role]


def package_results(s3: Any, place: FleetPackage) -> Iterator[CheckResult]:
    """Read each file and compare its SHA-256 with the manifest's."""
    topic = Topic(place.subject, "package", f"docs/deploy/{place.subject.lower()}.md")
    yield settled_one(topic, lambda: _package(s3, topic, place))


def _package(s3: Any, topic: Topic, place: FleetPackage) -> CheckResult:
    if place.directory:
        directory = Path(place.directory)
        package = Package.read(directory)
        where = displayable(place.directory)
        return _judged(topic, package, place, where, lambda name: _local(directory / name))
    if not place.uri:
        return topic.failed("package_uri is not set.", f"Set it to s3://bucket/prefix. {_MAKE}")
    location = parse_s3_location(place.uri, "package_uri")
    where = displayable(place.uri)

    def read(name: str) -> Iterator[bytes] | None:
        key = f"{location.prefix}{name}"
        answer = ask(s3, "get_object", _ABSENT, Bucket=location.bucket, Key=key)
        chunks: Iterator[bytes] | None = answer["Body"].iter_chunks(_CHUNK) if answer else None
        return chunks

    manifest = read(MANIFEST)
    if manifest is None:
        return topic.failed(f"{where} holds no {MANIFEST}.", _MAKE)
    package = Package.from_json(b"".join(manifest), place.uri)
    return _judged(topic, package, place, where, read)


def _judged(
    topic: Topic,
    package: Package,
    place: FleetPackage,
    where: str,
    read: Callable[[str], Iterator[bytes] | None],
) -> CheckResult:
    artifacts = [package.find(role, place.architecture) for role in place.roles]
    for artifact in artifacts:
        if fault := _fault(artifact, read(artifact.name)):
            return topic.failed(f"{displayable(artifact.name)} in {where} {fault}.", _MAKE)
    size = byte_size(sum(each.size for each in artifacts))
    return topic.ok(f"version {displayable(package.version)} in {where} is whole ({size})")


def _fault(artifact: Artifact, chunks: Iterator[bytes] | None) -> str:
    """What is wrong with the file; empty if nothing is."""
    if chunks is None:
        return "is missing"
    digest, size = hashlib.sha256(), 0
    for chunk in chunks:
        digest.update(chunk)
        size += len(chunk)
    if size != artifact.size:
        return f"has {size:,} bytes, not {artifact.size:,}"
    if artifact.sha256 and digest.hexdigest() != artifact.sha256:
        return "has another content than the manifest says"
    return ""


def _local(path: Path) -> Iterator[bytes] | None:
    return _chunks(path) if path.is_file() else None


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
