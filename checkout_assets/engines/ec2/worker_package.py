"""The packaged worker in S3, as an instance fetches it."""

import re
from dataclasses import dataclass
from pathlib import Path

from checkout_assets.domain.errors import UsageError
from checkout_assets.packaging import stored
from checkout_assets.packaging.contents import Package, Role
from spark_jobs.stores.terms import NO_TERMS, StoreTerms

_SHA256 = re.compile(r"[0-9a-f]{64}")
_PYTHON = re.compile(r"3\.[0-9]{1,2}")


@dataclass(frozen=True, slots=True)
class WorkerArchive:
    """A tar file of wheels, for one architecture and one Python such as ``3.11``."""

    uri: str
    sha256: str
    python: str


def use_worker(place: str, architecture: str) -> WorkerArchive:
    """The worker at ``place`` (``s3://bucket/prefix``); see stored.find_package."""
    package = stored.find_package(place, (Role.WORKER,), architecture)
    return _worker_archive(package, place, architecture)


def upload_worker(
    directory: Path, place: str, architecture: str, terms: StoreTerms = NO_TERMS
) -> WorkerArchive:
    """The worker, put to ``place`` as far as it is not there; see stored.upload_package."""
    package = stored.upload_package(directory, place, (Role.WORKER,), architecture, terms)
    return _worker_archive(package, place, architecture)


def _worker_archive(package: Package, place: str, architecture: str) -> WorkerArchive:
    worker = package.find(Role.WORKER, architecture)
    if not _SHA256.fullmatch(worker.sha256) or not _PYTHON.fullmatch(worker.python):
        raise UsageError(
            f"The package at {place} does not say the checksum and the Python of its worker: "
            "build and upload it again."
        )
    return WorkerArchive(f"{place.rstrip('/')}/{worker.name}", worker.sha256, worker.python)
