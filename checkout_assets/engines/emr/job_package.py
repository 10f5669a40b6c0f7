"""The packaged job in S3: read its manifest, and put there what is missing."""

import tempfile
from pathlib import Path

from checkout_assets.domain.displayable import displayable
from checkout_assets.domain.errors import UsageError
from checkout_assets.engines.emr.options import JobPackage
from checkout_assets.packaging.contents import MANIFEST, Package, Role
from spark_jobs.stores import Store, StoreError, open_store

_OF_THE_JOB = (Role.SPARK_CODE, Role.SPARK_SCRIPT, Role.SPARK_DEPENDENCIES)


def use_package(place: str, architecture: str) -> JobPackage:
    """The package at ``place`` (``s3://bucket/prefix``), uploaded there before.

    Raises UsageError if there is none, or if a file that its manifest names is missing.
    """
    store = open_store(place)
    try:
        manifest = store.get(MANIFEST).data
        with tempfile.TemporaryDirectory() as directory:
            (Path(directory) / MANIFEST).write_bytes(manifest)
            package = Package.read(Path(directory))
        for role in _OF_THE_JOB:
            artifact = package.find(role, architecture)
            if store.size(artifact.name) != artifact.size:
                raise UsageError(
                    f"{displayable(artifact.name)} is missing at {place}: upload the package again."
                )
    except StoreError as error:
        raise UsageError(
            f"The job's package cannot be read at {place} ({error.code}): run make package and "
            "upload it there, or set package_directory."
        ) from None
    return _job_package(package, place, architecture)


def upload_package(directory: Path, place: str, architecture: str) -> JobPackage:
    """Put the package that ``make package`` built to ``place``, as far as it is not there.

    Names hold their content's hash, so a file of that name and size is the same.
    """
    package = Package.read(directory)
    store = open_store(place)
    try:
        for role in _OF_THE_JOB:
            name = package.find(role, architecture).name
            _put_missing(store, directory / name, name)
        store.put(MANIFEST, (directory / MANIFEST).read_bytes())
    except StoreError as error:
        raise UsageError(
            f"The job's package cannot be put to {place}: the store answers {error.code}."
        ) from None
    return _job_package(package, place, architecture)


def _put_missing(store: Store, path: Path, name: str) -> None:
    if store.size(name) != path.stat().st_size:
        store.put(name, path.read_bytes())


def _job_package(package: Package, place: str, architecture: str) -> JobPackage:
    root = place.rstrip("/")
    script = package.find(Role.SPARK_SCRIPT, architecture)
    return JobPackage(f"{root}/{script.name}", tuple(package.spark_options(root, architecture)))
