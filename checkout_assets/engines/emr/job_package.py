"""The packaged job in S3, as the steps of a cluster name it."""

from checkout_assets.engines.emr.options import JobPackage
from checkout_assets.packaging.contents import Role
from checkout_assets.packaging.stored import PackagePlace

_OF_THE_JOB = (Role.SPARK_CODE, Role.SPARK_SCRIPT, Role.SPARK_DEPENDENCIES)


def job_package(place: PackagePlace) -> JobPackage:
    """The job of the package; raises UsageError if a file of it is not there."""
    package, root = place.provide(_OF_THE_JOB), place.uri.rstrip("/")
    script = package.find(Role.SPARK_SCRIPT, place.architecture)
    return JobPackage(
        f"{root}/{script.name}", tuple(package.spark_options(root, place.architecture))
    )
