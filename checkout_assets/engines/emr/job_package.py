"""The packaged job in S3, which the steps of a cluster name."""

from checkout_assets.engines.emr.options import JobPackage
from checkout_assets.packaging.contents import Role
from checkout_assets.packaging.stored import PackagePlace

_OF_THE_JOB = (Role.SPARK_CODE, Role.SPARK_SCRIPT, Role.SPARK_DEPENDENCIES)


def job_package(place: PackagePlace) -> JobPackage:
    """Return the package's job; raises UsageError if one of its files is missing."""
    package, root = place.provide(_OF_THE_JOB), place.uri.rstrip("/")
    script = package.find(Role.SPARK_SCRIPT, place.architecture)
    return JobPackage(
        f"{root}/{script.name}", tuple(package.spark_options(root, place.architecture))
    )
