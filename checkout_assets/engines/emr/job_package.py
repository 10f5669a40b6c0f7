"""The packaged job in S3, as the steps of a cluster name it."""

from pathlib import Path

from checkout_assets.engines.emr.options import JobPackage
from checkout_assets.packaging import stored
from checkout_assets.packaging.contents import Package, Role
from spark_jobs.stores.terms import NO_TERMS, StoreTerms

_OF_THE_JOB = (Role.SPARK_CODE, Role.SPARK_SCRIPT, Role.SPARK_DEPENDENCIES)


def use_job(place: str, architecture: str) -> JobPackage:
    """The job at ``place`` (``s3://bucket/prefix``); see stored.find_package."""
    return _job_package(stored.find_package(place, _OF_THE_JOB, architecture), place, architecture)


def upload_job(
    directory: Path, place: str, architecture: str, terms: StoreTerms = NO_TERMS
) -> JobPackage:
    """The job, put to ``place`` as far as it is not there; see stored.upload_package."""
    package = stored.upload_package(directory, place, _OF_THE_JOB, architecture, terms)
    return _job_package(package, place, architecture)


def _job_package(package: Package, place: str, architecture: str) -> JobPackage:
    root = place.rstrip("/")
    script = package.find(Role.SPARK_SCRIPT, architecture)
    return JobPackage(f"{root}/{script.name}", tuple(package.spark_options(root, architecture)))
