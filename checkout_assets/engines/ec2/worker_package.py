"""The packaged worker in S3, which instances download."""

import re
from dataclasses import dataclass

from checkout_assets.domain.errors import UsageError
from checkout_assets.packaging.contents import Role
from checkout_assets.packaging.stored import PackagePlace

_SHA256 = re.compile(r"[0-9a-f]{64}")
_PYTHON = re.compile(r"3\.[0-9]{1,2}")


@dataclass(frozen=True, slots=True)
class WorkerArchive:
    """A tar file of wheels, for one architecture and one Python such as ``3.11``."""

    uri: str
    sha256: str
    python: str


def worker_archive(place: PackagePlace) -> WorkerArchive:
    """Return the package's worker; raises UsageError if it is missing or inconsistent."""
    worker = place.provide((Role.WORKER,)).find(Role.WORKER, place.architecture)
    if not _SHA256.fullmatch(worker.sha256) or not _PYTHON.fullmatch(worker.python):
        raise UsageError(
            f"The package at {place.uri} does not say the checksum and the Python of its worker: "
            "build and upload it again."
        )
    return WorkerArchive(f"{place.uri.rstrip('/')}/{worker.name}", worker.sha256, worker.python)
